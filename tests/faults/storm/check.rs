//! What was acknowledged, against what is kept and what was heard.

use std::collections::{HashMap, HashSet};

use chatterbox::live::Cursor;
use serde_json::Value;

use super::{Place, Sender, Storm};
use crate::{
    support::{Client, eventually},
    town::{Sent, Subscriber, kept},
};

/// What is sent last.
const END: &str = "end";

impl Storm {
    /// Compares what was acknowledged with what is kept and with what was
    /// heard; returns how many messages there are.
    pub(super) async fn check(&self, mut acknowledged: HashMap<String, Vec<Sent>>) -> usize {
        let mut expected = HashMap::new();
        for place in &self.places {
            let reader = &self.people[place.members[0]];
            let mut sent = acknowledged.remove(&place.id).unwrap();
            let first = &sent[0];
            let from = place.writers.iter().map(|writer| &self.people[*writer]);
            let from = from.into_iter().find(|who| first.body.starts_with(&who.username)).unwrap();
            let again = self.sender(from).send(&place.id, &first.body).await.0;
            assert_eq!((&again.id, again.seq), (&first.id, first.seq), "the key gave another");
            // Behind it nothing may be on its way any more.
            sent.push(self.sender(reader).send(&place.id, END).await.0);
            let bodies = check_kept(reader, &place.id, &sent).await;
            expected.insert(place.id.as_str(), bodies);
        }
        for (person, subscriber) in &self.subscribers {
            self.check_heard(*person, subscriber, &expected).await;
        }
        // The first message of each was there before.
        expected.values().map(|bodies| bodies.len() - 1).sum()
    }

    fn sender(&self, from: &Client) -> Sender {
        Sender { from: from.clone(), nodes: self.cluster.nodes_from(0), turn: 0 }
    }

    async fn check_heard(
        &self,
        person: usize,
        subscriber: &Subscriber,
        expected: &HashMap<&str, Vec<String>>,
    ) {
        let mine = || self.places.iter().filter(|place| place.members.contains(&person));
        eventually("the end of all conversations to be heard", || async {
            let heard = by_place(&subscriber.events());
            let ended = |place: &Place| heard.get(&place.id)?.last().map(|body| body == END);
            mine().all(|place| ended(place) == Some(true)).then_some(())
        })
        .await;
        let events = subscriber.events();
        let said = events.iter().filter(|event| event["__typename"] == "MessageSent");
        let said: Vec<Cursor> =
            said.map(|event| Cursor::parse(event["cursor"].as_str().unwrap()).unwrap()).collect();
        assert!(said.is_sorted_by(|one, next| one < next), "cursors grow");
        let heard = by_place(&events);
        assert_eq!(heard.len(), mine().count());
        for place in mine() {
            let (heard, all) = (&heard[&place.id], &expected[place.id.as_str()]);
            // A node that was a moment behind when they came tells of the very first, too.
            let from = usize::from(heard.first() != all.first());
            assert_eq!(*heard, all[from..], "each once, in order");
        }
    }
}

/// Fails unless a conversation holds what was acknowledged, each once, and
/// nothing else; returns what it holds.
async fn check_kept(reader: &Client, place: &str, acknowledged: &[Sent]) -> Vec<String> {
    let kept = kept(reader, place).await;
    let seqs: Vec<i64> = kept.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..).take(kept.len()).collect::<Vec<_>>(), "gaps or duplicates in seq");
    let bodies: Vec<String> = kept.iter().map(|message| message.body.clone()).collect();
    assert_eq!(bodies.iter().collect::<HashSet<_>>().len(), bodies.len(), "sent twice");
    for sent in acknowledged {
        let message = usize::try_from(sent.seq - 1).ok().and_then(|index| kept.get(index));
        let message = message.unwrap_or_else(|| panic!("lost: {sent:?}"));
        assert_eq!((&message.id, &message.body), (&sent.id, &sent.body), "changed");
    }
    assert_eq!(kept.len(), 1 + acknowledged.len(), "each was repeated until it was acknowledged");
    bodies
}

/// The bodies that were heard, by the conversation.
fn by_place(events: &[Value]) -> HashMap<String, Vec<String>> {
    let mut bodies = HashMap::<String, Vec<String>>::new();
    for message in events.iter().map(|event| &event["message"]) {
        if let (Some(place), Some(body)) =
            (message["conversation"]["id"].as_str(), message["body"].as_str())
        {
            bodies.entry(place.to_owned()).or_default().push(body.to_owned());
        }
    }
    bodies
}
