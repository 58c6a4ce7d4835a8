//! What keeps conversations and messages.

use std::{collections::HashSet, sync::Arc};

use chatterbox::{
    ids::{ConversationId, UserId},
    messaging::{
        ConversationKind, ConversationStore, Draft, HistoryRange, LogStore, Message, MessageBody,
        MessageKey, MessageStore, Outcome, Outdated, Place, Position,
    },
};
use chatterbox_graph::{Chat, DirectConversation, Timestamp};
use futures::future::join_all;

use crate::{Stores, log::tell};

crate::promises! {
    a_pair_has_one_conversation_however_many_open_it,
    messages_are_numbered_without_a_gap,
    a_batch_answers_each_of_its_drafts,
    the_same_key_gives_the_same_message,
    what_is_refused_leaves_no_gap,
    writers_at_once_leave_no_gap_and_no_duplicate,
    history_is_read_for_many_conversations_at_once,
    conversations_are_listed_by_their_last_activity,
    only_the_two_write_and_see_their_conversation,
    who_wrote_is_remembered,
    what_changed_about_the_two_is_behind_no_message,
    the_last_chat_of_each_conversation_is_read_page_by_page,
}

/// Two people's conversation.
pub async fn conversation(stores: &Stores) -> (UserId, UserId, ConversationId) {
    let (one, other): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let opened = stores.sql.open_direct(&stores.ambient, one, &[other]).await.unwrap();
    (one, other, opened[&other].id)
}

/// The id of a conversation that there is not.
fn nowhere(stores: &Stores) -> ConversationId {
    stores.ambient.id::<DirectConversation>().into()
}

pub fn draft(
    stores: &Stores,
    conversation: ConversationId,
    sender: UserId,
    body: &str,
    key: Option<&str>,
) -> Draft {
    Draft {
        id: stores.ambient.id(),
        conversation,
        sender,
        body: MessageBody::parse(body.to_owned()).unwrap(),
        key: key.map(|key| MessageKey::parse(key.to_owned()).unwrap()),
        replied: None,
        mentions: Vec::new(),
        people: Arc::new([]),
        place: Place::Direct,
        known_at: None,
    }
}

pub async fn write(stores: &Stores, drafts: &[Draft]) -> Vec<Outcome> {
    stores.sql.write(stores.ambient.now(), drafts).await.unwrap()
}

pub fn sent(outcome: &Outcome) -> &Message {
    match outcome {
        Outcome::Sent(message, _) => message,
        other => panic!("not sent: {other:?}"),
    }
}

async fn history(stores: &Stores, conversation: ConversationId) -> Vec<Message> {
    let range = HistoryRange { conversation, from: 1, to: 10_000 };
    stores.sql.history(&[range]).await.unwrap().remove(&range).unwrap()
}

async fn a_pair_has_one_conversation_however_many_open_it(stores: &Stores) {
    let (one, other): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let opened = join_all((0..8).map(|turn| async move {
        let (user, peer) = if turn % 2 == 0 { (one, other) } else { (other, one) };
        stores.sql.open_direct(&stores.ambient, user, &[peer]).await.unwrap()[&peer]
    }))
    .await;
    let ids: HashSet<_> = opened.iter().map(|conversation| conversation.id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(opened[0].peer(one), Some(other));
    assert_eq!(opened[0].peer(other), Some(one));
    assert_eq!(opened[0].peer(stores.ambient.id()), None);
    assert_eq!((opened[0].last_seq, opened[0].last_at), (0, None));

    // Many at once, some of them there already; with oneself there is none.
    let third: UserId = stores.ambient.id();
    let opened = stores.sql.open_direct(&stores.ambient, one, &[other, third, one]).await.unwrap();
    assert_eq!(opened.len(), 2);
    assert!(ids.contains(&opened[&other].id));
    let found = stores.sql.conversations(one, &[opened[&third].id]).await.unwrap();
    assert_eq!(found[&opened[&third].id], opened[&third]);
    assert!(stores.sql.conversations(one, &[nowhere(stores)]).await.unwrap().is_empty());
}

async fn messages_are_numbered_without_a_gap(stores: &Stores) {
    let (one, other, conversation) = conversation(stores).await;
    for n in 1..=3 {
        let outcomes = write(stores, &[draft(stores, conversation, one, "hello", None)]).await;
        assert_eq!(sent(&outcomes[0]).seq, n);
        assert_eq!(sent(&outcomes[0]).pos, Position(n));
    }
    assert_eq!(stores.sql.head().await.unwrap(), Position(3));
    let found = &stores.sql.conversations(one, &[conversation]).await.unwrap()[&conversation];
    assert_eq!((found.last_seq, found.last_pos), (3, Position(3)));
    let last = &stores.sql.last_messages(&[conversation]).await.unwrap()[&conversation];
    assert_eq!(last.seq, 3);
    assert_eq!(stores.sql.messages(&[last.id]).await.unwrap()[&last.id], *last);
    assert_eq!(found.last_at, Some(last.sent_at));
    assert_eq!(found.peer(one), Some(other));
}

async fn a_batch_answers_each_of_its_drafts(stores: &Stores) {
    let (one, _, here) = conversation(stores).await;
    let (two, _, there) = conversation(stores).await;
    let text = "Ünïcödé 👩‍💻 \u{202e}rtl\n'quotes' \"and\" \\ more";
    let drafts = [
        draft(stores, here, one, text, None),
        draft(stores, there, two, "b", Some("k")),
        draft(stores, nowhere(stores), one, "nowhere", None),
        draft(stores, here, one, "d", None),
        draft(stores, there, two, "b", Some("k")),
        draft(stores, there, two, "not b", Some("k")),
    ];
    let outcomes = write(stores, &drafts).await;
    let (first, second) = (sent(&outcomes[0]), sent(&outcomes[1]));
    assert_eq!((first.seq, second.seq, sent(&outcomes[3]).seq), (1, 1, 2));
    assert_eq!(outcomes[2], Outcome::NotMember);
    assert_eq!(outcomes[4], Outcome::Repeated(second.clone()));
    assert_eq!(outcomes[5], Outcome::KeyConflict);
    assert_eq!(stores.sql.head().await.unwrap(), Position(3));

    let kept = history(stores, here).await;
    assert_eq!(kept[0], *first);
    assert_eq!(kept[0].body.as_deref(), Some(text));
}

async fn the_same_key_gives_the_same_message(stores: &Stores) {
    let (one, other, here) = conversation(stores).await;
    let (_, _, there) = conversation(stores).await;
    let first = write(stores, &[draft(stores, here, one, "hello", Some("k"))]).await;
    let first = sent(&first[0]).clone();
    let again = write(stores, &[draft(stores, here, one, "hello", Some("k"))]).await;
    assert_eq!(again, [Outcome::Repeated(first.clone())]);
    let refused = [
        draft(stores, here, one, "hallo", Some("k")),
        draft(stores, there, one, "hello", Some("k")),
    ];
    assert_eq!(write(stores, &refused).await, [Outcome::KeyConflict, Outcome::KeyConflict]);
    // Another's key, and keys that differ in case or in white space.
    let others = [
        draft(stores, here, other, "hello", Some("k")),
        draft(stores, here, one, "hello", Some("K")),
        draft(stores, here, one, "hello", Some("k ")),
    ];
    let seqs: Vec<i64> = write(stores, &others).await.iter().map(|sent_| sent(sent_).seq).collect();
    assert_eq!(seqs, [2, 3, 4]);
}

async fn what_is_refused_leaves_no_gap(stores: &Stores) {
    let (one, _, here) = conversation(stores).await;
    let nowhere = draft(stores, nowhere(stores), one, "nowhere", None);
    assert_eq!(write(stores, &[nowhere]).await, [Outcome::NotMember]);
    assert_eq!(stores.sql.head().await.unwrap(), Position(0));
    let outcomes = write(stores, &[draft(stores, here, one, "hello", None)]).await;
    assert_eq!((sent(&outcomes[0]).seq, sent(&outcomes[0]).pos), (1, Position(1)));
}

async fn writers_at_once_leave_no_gap_and_no_duplicate(stores: &Stores) {
    let talks = [conversation(stores).await, conversation(stores).await];
    let outcomes = join_all((0..16).map(|writer| {
        let (one, _, id) = talks[writer % 2];
        async move {
            let mut all = Vec::new();
            for turn in 0..8 {
                let key = format!("{writer} {turn}");
                let drafts = [
                    draft(stores, id, one, "x", Some(&key)),
                    draft(stores, id, one, "x", Some(&key)),
                    draft(stores, id, one, "y", None),
                ];
                all.extend(write(stores, &drafts).await);
            }
            all
        }
    }))
    .await;
    let positions: HashSet<i64> = outcomes
        .iter()
        .flatten()
        .filter_map(|outcome| match outcome {
            Outcome::Sent(message, _) => Some(message.pos.0),
            _ => None,
        })
        .collect();
    assert_eq!(positions, (1..=256).collect());
    assert_eq!(stores.sql.head().await.unwrap(), Position(256));
    for (_, _, id) in talks {
        let seqs: Vec<i64> = history(stores, id).await.iter().map(|message| message.seq).collect();
        assert_eq!(seqs, (1..=128).collect::<Vec<_>>());
    }
}

async fn history_is_read_for_many_conversations_at_once(stores: &Stores) {
    let mut ranges = Vec::new();
    for _ in 0..3 {
        let (one, _, id) = conversation(stores).await;
        let drafts: Vec<_> = (0..10).map(|_| draft(stores, id, one, "x", None)).collect();
        write(stores, &drafts).await;
        ranges.push(HistoryRange { conversation: id, from: 4, to: 6 });
    }
    ranges.push(HistoryRange { from: 9, to: 20, ..ranges[0] });
    ranges.push(HistoryRange { from: 7, to: 6, ..ranges[0] });
    let found = stores.sql.history(&ranges).await.unwrap();
    let seqs = |range: &HistoryRange| -> Vec<i64> {
        found[range].iter().map(|message| message.seq).collect()
    };
    assert!(ranges[..3].iter().all(|range| seqs(range) == [4, 5, 6]));
    assert_eq!(seqs(&ranges[3]), [9, 10]);
    assert!(seqs(&ranges[4]).is_empty());
    assert!(stores.sql.history(&[]).await.unwrap().is_empty());
}

async fn conversations_are_listed_by_their_last_activity(stores: &Stores) {
    let user: UserId = stores.ambient.id();
    let others: Vec<UserId> = (0..5).map(|_| stores.ambient.id()).collect();
    let opened = stores.sql.open_direct(&stores.ambient, user, &others).await.unwrap();
    for index in [0, 3, 1, 0] {
        let id = opened[&others[index]].id;
        let at = Timestamp(stores.ambient.now().0);
        stores.sql.write(at, &[draft(stores, id, others[index], "x", None)]).await.unwrap();
    }
    let peers = |page: &[chatterbox::messaging::Conversation]| -> Vec<UserId> {
        page.iter().map(|conversation| conversation.peer(user).unwrap()).collect()
    };
    let first = stores.sql.list(user, 2, None).await.unwrap();
    assert_eq!(peers(&first), [others[0], others[1]]);
    let rest = stores.sql.list(user, 2, Some(first[1].last_pos)).await.unwrap();
    assert_eq!(peers(&rest), [others[3]], "the two without messages are not listed");
    assert!(stores.sql.list(stores.ambient.id(), 2, None).await.unwrap().is_empty());
}

async fn only_the_two_write_and_see_their_conversation(stores: &Stores) {
    let (one, other, id) = conversation(stores).await;
    let stranger: UserId = stores.ambient.id();
    let drafts = [
        draft(stores, id, stranger, "let me in", None),
        draft(stores, id, one, "hello", None),
        Draft { place: Place::Group(None), ..draft(stores, id, one, "all of you", None) },
    ];
    let outcomes = write(stores, &drafts).await;
    assert_eq!((&outcomes[0], &outcomes[2]), (&Outcome::NotMember, &Outcome::NotMember));
    let Outcome::Sent(message, to) = &outcomes[1] else { panic!("not sent") };
    assert_eq!((message.seq, message.pos), (1, Position(1)));
    assert_eq!(to.at(message.pos).collect::<HashSet<_>>(), HashSet::from([one, other]));
    for (user, visible) in [(one, 1), (other, 1), (stranger, 0)] {
        assert_eq!(stores.sql.conversations(user, &[id]).await.unwrap().len(), visible);
        assert_eq!(stores.sql.list(user, 10, None).await.unwrap().len(), visible);
    }
}

async fn who_wrote_is_remembered(stores: &Stores) {
    let (one, other, id) = conversation(stores).await;
    let (two, _, elsewhere) = conversation(stores).await;
    let wrote = async || {
        let opened = stores.sql.open_direct(&stores.ambient, one, &[other]).await.unwrap();
        let seen = stores.sql.conversations(other, &[id]).await.unwrap();
        assert_eq!(seen[&id], opened[&other]);
        match opened[&other].kind {
            ConversationKind::Direct { members, wrote } => {
                let own = usize::from(members[0] != one);
                assert_eq!((members[own], members[1 - own]), (one, other));
                (wrote[own], wrote[1 - own])
            }
            ConversationKind::Group => panic!("a group"),
        }
    };
    assert_eq!(wrote().await, (false, false));
    let stranger = draft(stores, id, two, "x", None);
    write(stores, &[stranger, draft(stores, elsewhere, two, "x", None)]).await;
    assert_eq!(wrote().await, (false, false));
    write(stores, &[draft(stores, id, other, "x", Some("k"))]).await;
    assert_eq!(wrote().await, (false, true));
    write(stores, &[draft(stores, id, other, "x", None), draft(stores, id, one, "x", None)]).await;
    assert_eq!(wrote().await, (true, true));
}

async fn the_last_chat_of_each_conversation_is_read_page_by_page(stores: &Stores) {
    let mut expected = Vec::new();
    for seconds in 0..5 {
        let (one, other, id) = conversation(stores).await;
        let _silent = conversation(stores).await;
        write(stores, &[draft(stores, id, one, "first", None)]).await;
        let at = Timestamp(stores.ambient.now().0 + seconds);
        stores.sql.write(at, &[draft(stores, id, other, "last", None)]).await.unwrap();
        let (low, high) = (one.min(other), one.max(other));
        expected.push((id, Chat::Direct { one: low, other: high, conversation: id.direct(), at }));
    }
    expected.sort_by_key(|(id, _)| *id);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = stores.sql.last_chats(after, 2).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        found.extend(page);
    }
    assert_eq!(found, expected);
}

async fn what_changed_about_the_two_is_behind_no_message(stores: &Stores) {
    let (one, other, here) = conversation(stores).await;
    let (stranger, _, elsewhere) = conversation(stores).await;
    let known_at = |conversation, sender, pos, key| {
        let draft = draft(stores, conversation, sender, "hello", key);
        Draft { known_at: Some(Position(pos)), ..draft }
    };
    let first = write(stores, &[known_at(here, one, 0, Some("k"))]).await;
    let changed = tell(stores, other, one).await.pos;
    assert_eq!(changed, Position(2));
    let outcomes = write(
        stores,
        &[
            known_at(here, one, 1, None),
            known_at(elsewhere, stranger, 1, None),
            known_at(here, other, 1, None),
            known_at(here, one, 2, None),
            draft(stores, here, one, "whatever is known", None),
            known_at(here, one, 1, Some("k")),
        ],
    )
    .await;
    let outdated = Outcome::Outdated(Outdated(changed));
    assert_eq!((&outcomes[0], &outcomes[2]), (&outdated, &outdated));
    assert_eq!(sent(&outcomes[1]).pos, Position(3), "it is not about these");
    assert_eq!(sent(&outcomes[3]).seq, 2);
    assert_eq!(sent(&outcomes[4]).seq, 3);
    // Who has asked anew gets what was sent before.
    assert_eq!(outcomes[5], outdated);
    let again = write(stores, &[known_at(here, one, 2, Some("k"))]).await;
    assert_eq!(again, [Outcome::Repeated(sent(&first[0]).clone())]);
    assert_eq!(stores.sql.head().await.unwrap(), Position(5), "no gap");
}
