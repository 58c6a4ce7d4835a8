//! Entries of the log, as `crate::fuzzing` takes them.

use super::payload;

/// What an entry of some kind says: the kind, a line end, the payload. What is
/// understood is written so that it is understood as the same.
pub fn log_payloads(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some((kind, payload)) = text.split_once('\n') else { return };
    let _group = payload::group(payload);
    let _bond = payload::bond(payload);
    let Ok(change) = payload::decode(kind, payload) else { return };
    let Ok((kind, again)) = payload::encode(&change) else { panic!("not written: {change:?}") };
    assert_eq!(payload::decode(kind, &again).ok(), Some(change));
}
