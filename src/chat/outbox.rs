//! What was written and is not acknowledged yet: sent in the order in which it
//! was written, with its key, again and again until the server answers.

use std::{collections::VecDeque, time::Duration};

use super::{
    error::Error,
    operations::Draft,
    types::{Id, Message},
};

/// The first wait before a message is sent again, and the last.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(15);

/// What was written and is not acknowledged yet.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Waiting>,
    /// Whether the first one is on its way.
    under_way: bool,
    wait: Duration,
}

#[derive(Debug)]
struct Waiting {
    draft: Draft,
    /// It was heard of as an event before its answer came.
    heard: bool,
}

/// What is to be done after an answer.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing: it is acknowledged, or nobody waits for it.
    Done,
    /// Send again after so long.
    Again(Duration),
    /// It will never be sent, for this reason.
    Never(Draft, Error),
}

impl Default for Outbox {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), under_way: false, wait: FIRST_WAIT }
    }
}

impl Outbox {
    pub fn push(&mut self, draft: Draft) {
        self.waiting.push_back(Waiting { draft, heard: false });
    }

    /// How many are not acknowledged.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// What is to be sent now; it is under way then.
    pub fn take_next(&mut self) -> Option<Draft> {
        if self.under_way {
            return None;
        }
        let first = self.waiting.front()?;
        self.under_way = true;
        Some(first.draft.clone())
    }

    /// Those of a conversation that are not seen among its messages.
    pub fn unseen<'a>(&'a self, conversation: &'a str) -> impl Iterator<Item = &'a Draft> {
        let here =
            move |waiting: &&Waiting| !waiting.heard && waiting.draft.conversation == conversation;
        self.waiting.iter().filter(here).map(|waiting| &waiting.draft)
    }

    /// A message of the viewer's was heard of, perhaps before its answer: it is
    /// not shown twice.
    pub fn heard(&mut self, conversation: &Id, body: Option<&str>) {
        let same = |draft: &Draft| Some(draft.body.trim()) == body.map(str::trim);
        let found = self.waiting.front_mut().filter(|_| self.under_way);
        if let Some(waiting) =
            found.filter(|w| w.draft.conversation == *conversation && same(&w.draft))
        {
            waiting.heard = true;
        }
    }

    /// Takes in the answer to what was under way.
    pub fn answered(&mut self, answer: Result<&Message, Error>) -> Next {
        self.under_way = false;
        match answer {
            // A network that others keep may stand between for a while.
            Err(error) if error.is_transient() || matches!(error, Error::Untrusted(_)) => {
                let wait = error.again().unwrap_or(self.wait).max(FIRST_WAIT);
                self.wait = (self.wait * 2).min(LAST_WAIT);
                Next::Again(wait)
            }
            Err(error) => {
                self.wait = FIRST_WAIT;
                let refused = self.waiting.pop_front();
                refused.map_or(Next::Done, |waiting| Next::Never(waiting.draft, error))
            }
            Ok(_) => {
                self.wait = FIRST_WAIT;
                self.waiting.pop_front();
                Next::Done
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(n: u32) -> Draft {
        let conversation = "dm_1".to_owned();
        Draft { conversation, body: format!("text {n}"), key: format!("key-{n}"), reply_to: None }
    }

    fn refused(code: &str, again: Option<Duration>) -> Error {
        Error::Refused { code: code.to_owned(), message: String::new(), again }
    }

    fn outbox() -> Outbox {
        let mut outbox = Outbox::default();
        outbox.push(draft(1));
        outbox.push(draft(2));
        outbox
    }

    fn acknowledged() -> Message {
        serde_json::from_value(serde_json::json!({
            "id": "msg_1", "seq": 1, "conversation": { "id": "dm_1" }, "sender": null,
            "body": "text 1", "sentAt": "2026-01-01T00:00:00Z", "editedAt": null, "replyTo": null,
        }))
        .unwrap()
    }

    #[test]
    fn one_after_the_other_and_with_its_key_until_it_is_acknowledged() {
        let mut outbox = outbox();
        assert_eq!(outbox.take_next().unwrap().key, "key-1");
        assert!(outbox.take_next().is_none(), "it is under way");
        let away = Error::Unreachable("gone".to_owned());
        assert!(matches!(outbox.answered(Err(away)), Next::Again(_)));
        assert_eq!(outbox.take_next().unwrap().key, "key-1", "the same again");
        assert!(matches!(outbox.answered(Ok(&acknowledged())), Next::Done));
        assert_eq!(outbox.take_next().unwrap().key, "key-2");
        assert!(matches!(outbox.answered(Ok(&acknowledged())), Next::Done));
        assert_eq!((outbox.len(), outbox.take_next().is_none()), (0, true));
    }

    #[test]
    fn waits_grow_up_to_a_bound_and_as_the_server_says() {
        let mut outbox = outbox();
        let mut wait = |error| {
            outbox.take_next();
            match outbox.answered(Err(error)) {
                Next::Again(wait) => wait.as_secs(),
                other => panic!("{other:?}"),
            }
        };
        let said = refused("RATE_LIMITED", Some(Duration::from_secs(40)));
        assert_eq!(wait(said), 40);
        let away = || refused("UNAVAILABLE", None);
        assert_eq!([(); 6].map(|()| wait(away())), [2, 4, 8, 15, 15, 15]);
    }

    #[test]
    fn what_is_refused_for_good_is_given_back() {
        let mut outbox = outbox();
        outbox.take_next();
        let Next::Never(draft, _) = outbox.answered(Err(refused("FORBIDDEN", None))) else {
            panic!("tried again");
        };
        assert_eq!(draft.key, "key-1");
        assert_eq!(outbox.take_next().unwrap().key, "key-2");
    }

    #[test]
    fn what_was_heard_of_is_not_shown_twice() {
        let mut outbox = outbox();
        outbox.heard(&"dm_1".to_owned(), Some("text 1"));
        assert_eq!(outbox.unseen("dm_1").count(), 2, "it has not left");
        outbox.take_next();
        outbox.heard(&"dm_1".to_owned(), Some("other"));
        outbox.heard(&"dm_2".to_owned(), Some("text 1"));
        assert_eq!(outbox.unseen("dm_1").count(), 2);
        outbox.heard(&"dm_1".to_owned(), Some("text 1"));
        let left: Vec<_> = outbox.unseen("dm_1").map(|draft| &*draft.key).collect();
        assert_eq!(left, ["key-2"]);
        assert_eq!(outbox.len(), 2, "it is sent until it is acknowledged");
    }
}
