//! Packets as they travel: JSON, so that nodes of different versions
//! understand what both know.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    live::{Packet, Roll, Signal},
    messaging::{Entry, Position},
};

/// How long a packet is at most, in bytes; servers take 1 MiB if they are not
/// told otherwise. An entry that is longer, as for thousands of members, is
/// cheaper to read from the log.
pub(super) const LONGEST: usize = 128 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Outgoing<'a> {
    Logged(&'a [Arc<Entry>]),
    Moved(Position),
    Passing(&'a Signal),
    Roll(&'a Roll),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Incoming {
    Logged(Arc<[Arc<Entry>]>),
    Moved(Position),
    Passing(Arc<Signal>),
    Roll(Arc<Roll>),
}

/// The packet, in as many pieces as it takes for each to have at most
/// `longest` bytes. Only what passes is left out where it has more.
pub(super) fn encode(packet: &Packet, longest: usize) -> Vec<Bytes> {
    let mut pieces = Vec::with_capacity(1);
    match packet {
        Packet::Logged(entries) => encode_entries(entries, longest, &mut pieces),
        Packet::Moved(pos) => pieces.extend(bytes(&Outgoing::Moved(*pos))),
        Packet::Passing(signal) => pieces.extend(bytes(&Outgoing::Passing(signal))),
        Packet::Roll(roll) => pieces.extend(bytes(&Outgoing::Roll(roll))),
    }
    pieces.retain(|piece| piece.len() <= longest);
    pieces
}

fn encode_entries(entries: &[Arc<Entry>], longest: usize, pieces: &mut Vec<Bytes>) {
    match (bytes(&Outgoing::Logged(entries)), entries) {
        (Some(whole), _) if whole.len() <= longest => pieces.push(whole),
        (_, []) => {}
        (_, [one]) => pieces.extend(bytes(&Outgoing::Moved(one.pos))),
        (_, many) => {
            let (first, last) = many.split_at(many.len() / 2);
            encode_entries(first, longest, pieces);
            encode_entries(last, longest, pieces);
        }
    }
}

fn bytes(packet: &Outgoing<'_>) -> Option<Bytes> {
    serde_json::to_vec(packet).ok().map(Bytes::from)
}

/// The packet that travelled.
///
/// # Errors
///
/// Where it is none, or of a version that knows more.
pub(super) fn decode(bytes: &[u8]) -> Result<Packet, serde_json::Error> {
    Ok(match serde_json::from_slice(bytes)? {
        Incoming::Logged(entries) => Packet::Logged(entries),
        Incoming::Moved(pos) => Packet::Moved(pos),
        Incoming::Passing(signal) => Packet::Passing(signal),
        Incoming::Roll(roll) => Packet::Roll(roll),
    })
}

#[cfg(test)]
mod tests {
    use chatterbox_graph::Timestamp;

    use super::*;
    use crate::{
        ambient::Ambient,
        ids::UserId,
        messaging::{Change, Recipients, Scope},
    };

    fn entries(count: i64) -> Vec<Arc<Entry>> {
        let ambient = Ambient::system();
        let entry = |pos| {
            let user: UserId = ambient.id();
            let change = Change::SessionEnded { session: ambient.id() };
            let (scope, to) = (Scope::User(user), Recipients::one(user));
            Arc::new(Entry { pos: Position(pos), at: Timestamp(pos), scope, to, change })
        };
        (1..=count).map(entry).collect()
    }

    fn travelled(packet: &Packet, longest: usize) -> Vec<Packet> {
        let pieces = encode(packet, longest);
        assert!(pieces.iter().all(|piece| piece.len() <= longest));
        pieces.iter().map(|piece| decode(piece).unwrap()).collect()
    }

    #[test]
    fn entries_arrive_as_they_were_in_pieces_that_are_short_enough() {
        let sent = entries(100);
        for longest in [LONGEST, 4_096, 1_024] {
            let arrived = travelled(&Packet::Logged(sent.clone().into()), longest);
            let arrived: Vec<Arc<Entry>> = arrived
                .into_iter()
                .flat_map(|packet| match packet {
                    Packet::Logged(entries) => entries.to_vec(),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(arrived, sent, "{longest}");
        }
    }

    #[test]
    fn of_an_entry_that_is_too_long_arrives_that_it_is_there() {
        let arrived = travelled(&Packet::Logged(entries(3).into()), 40);
        let moved = arrived.iter().map(|packet| match packet {
            Packet::Moved(pos) => pos.0,
            other => panic!("{other:?}"),
        });
        assert_eq!(moved.collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for bytes in [&b""[..], b"{}", b"{\"logged\":1}", b"{\"news\":[]}", b"\xff"] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
