//! What changes messages that were sent.

use std::{collections::HashSet, sync::Arc};

use chatterbox::{
    error::{Error, Result},
    ids::{ConversationId, MessageId, UserId},
    messaging::{
        Change, Conversation, ConversationStore, Draft, Entry, LogStore, MentionStore, Message,
        MessageBody, MessageNews, Outcome, Place, Position, Revised, Revision, RevisionStore,
    },
    people::Username,
};
use futures::future::join_all;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

use crate::{
    Stores,
    accounts::registered,
    memberships::{ADMIN, MEMBER, OWNER, change, feed, new_group, say, to_group},
    messages::{conversation, draft, sent, write},
    reactions::{THUMB, react},
};

crate::promises! {
    an_edited_message_says_something_else,
    of_a_deleted_message_nothing_is_left,
    what_is_so_already_is_not_told,
    what_is_refused_is_not_told,
    in_a_group_those_in_charge_delete,
    a_key_finds_its_message_whatever_became_of_it,
    a_key_is_for_one_reply,
    changes_at_once_keep_one_order,
    who_came_later_hears_nothing_of_it,
    members_are_found_by_their_names,
}

pub fn edit(body: &str, mentions: &[UserId]) -> Revision {
    let body = MessageBody::parse(body.to_owned()).unwrap();
    Revision::Edit { body, mentions: mentions.to_vec() }
}

pub async fn revise(
    stores: &Stores,
    by: UserId,
    id: MessageId,
    revision: &Revision,
) -> Result<Revised> {
    stores.sql.revise(stores.ambient.now(), id, by, revision).await
}

/// A message that one of two sent.
pub async fn said(stores: &Stores, body: &str) -> (UserId, UserId, Message) {
    let (one, other, id) = conversation(stores).await;
    let outcomes = write(stores, &[draft(stores, id, one, body, None)]).await;
    (one, other, sent(&outcomes[0]).clone())
}

async fn now(stores: &Stores, id: MessageId) -> Message {
    stores.sql.messages(&[id]).await.unwrap().remove(&id).unwrap()
}

async fn seen(stores: &Stores, user: UserId, id: ConversationId) -> Conversation {
    stores.sql.conversations(user, &[id]).await.unwrap()[&id]
}

/// What is told of a message in a log that is read later.
async fn logged(stores: &Stores, pos: Position) -> Arc<Entry> {
    stores.sql.read(Position(pos.0 - 1), pos, 1).await.unwrap().remove(0)
}

async fn an_edited_message_says_something_else(stores: &Stores) {
    let (one, other, first) = said(stores, "hello").await;
    let before = seen(stores, one, first.conversation).await;
    let revised = revise(stores, one, first.id, &edit("hällo 👩‍💻", &[other])).await.unwrap();
    let told = revised.told.unwrap();
    let expected = Message {
        body: Some("hällo 👩‍💻".to_owned()),
        edited_at: Some(told.at),
        mentions: vec![other],
        ..first.clone()
    };
    assert_eq!((&revised.message, revised.place), (&expected, Place::Direct));
    assert_eq!(now(stores, first.id).await, expected);
    assert_eq!(told.pos, Position(2));
    assert_eq!(told.recipients().collect::<HashSet<_>>(), HashSet::from([one, other]));
    let news = MessageNews::bare(expected.clone(), Place::Direct);
    assert_eq!(told.change, Change::MessageEdited(news.clone()));
    assert_eq!(*logged(stores, told.pos).await, told);
    // Who hears of the sending now hears what it says now.
    assert_eq!(logged(stores, Position(1)).await.change, Change::MessageSent(news));
    // It is no activity.
    assert_eq!(seen(stores, one, first.conversation).await, before);
    for user in [one, other] {
        assert_eq!(feed(stores, user, 0).await, [1, 2]);
        assert_eq!(feed(stores, user, 1).await, [2]);
    }
    // And back again.
    let revised = revise(stores, one, first.id, &edit("hello", &[])).await.unwrap();
    assert_eq!((revised.message.body, revised.message.mentions), (first.body, vec![]));
    assert_eq!(revised.told.unwrap().pos, Position(3));
}

/// Whether any table keeps this text.
async fn is_kept(stores: &Stores, text: &str) -> bool {
    let mut connection = AnyConnection::connect(&stores.url).await.unwrap();
    for column in ["messages WHERE body", "log WHERE payload"] {
        let count = format!("SELECT COUNT(*) FROM {column} LIKE '%{text}%'");
        let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(count));
        if count.fetch_one(&mut connection).await.unwrap() > 0 {
            return true;
        }
    }
    // SQLite keeps nothing in free pages either.
    let Some(path) = stores.url.strip_prefix("sqlite:") else { return false };
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&mut connection).await.unwrap();
    let file = std::fs::read(path.trim_end_matches("?mode=rwc")).unwrap();
    file.windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

async fn of_a_deleted_message_nothing_is_left(stores: &Stores) {
    let (one, other, here) = conversation(stores).await;
    let long = "so secret ".repeat(390);
    let keyed = Draft {
        mentions: vec![other],
        ..draft(stores, here, one, &format!("{long} first"), Some("k"))
    };
    let first = sent(&write(stores, &[keyed]).await[0]).clone();
    let reply = Draft {
        replied: Some(Arc::new(first.clone())),
        ..draft(stores, here, other, "in answer", None)
    };
    let reply = sent(&write(stores, &[reply]).await[0]).clone();
    let before = seen(stores, one, here).await;
    revise(stores, one, first.id, &edit(&format!("{long} second"), &[other])).await.unwrap();
    react(stores, other, first.id, THUMB).await.unwrap();
    assert!(is_kept(stores, "so secret").await);

    let revised = revise(stores, one, first.id, &Revision::Delete).await.unwrap();
    let told = revised.told.unwrap();
    let deleted = now(stores, first.id).await;
    let expected = Message {
        body: None,
        mentions: Vec::new(),
        deleted_at: Some(told.at),
        edited_at: deleted.edited_at,
        ..first.clone()
    };
    assert_eq!((&deleted, &revised.message), (&expected, &expected));
    assert!(deleted.edited_at.is_some());
    let news = MessageNews::bare(expected, Place::Direct);
    assert_eq!(told.change, Change::MessageDeleted(news.clone()));
    for pos in [1, 3, 4, 5] {
        let entry = logged(stores, Position(pos)).await;
        let (Change::MessageSent(seen)
        | Change::MessageEdited(seen)
        | Change::ReactionsChanged(seen)
        | Change::MessageDeleted(seen)) = &entry.change
        else {
            panic!("{entry:?}")
        };
        assert_eq!(*seen, news, "{pos}");
    }
    assert!(!is_kept(stores, "so secret").await);
    let mut connection = AnyConnection::connect(&stores.url).await.unwrap();
    let rest = "SELECT (SELECT COUNT(*) FROM reactions) + (SELECT COUNT(*) FROM messages \
        WHERE deleted_at IS NOT NULL \
        AND (body IS NOT NULL OR mentions IS NOT NULL OR fingerprint IS NOT NULL))";
    let rest: i64 = sqlx::query_scalar(rest).fetch_one(&mut connection).await.unwrap();
    assert_eq!(rest, 0);
    assert_eq!(now(stores, reply.id).await.reply_to, Some(first.id));
    assert_eq!(seen(stores, one, here).await, before);

    // The last one stays the last.
    revise(stores, other, reply.id, &Revision::Delete).await.unwrap();
    let last = &stores.sql.last_messages(&[here]).await.unwrap()[&here];
    assert_eq!((last.id, last.body.as_deref()), (reply.id, None));
    assert_eq!(last.reply_to, Some(first.id));
}

async fn what_is_so_already_is_not_told(stores: &Stores) {
    let (one, other, first) = said(stores, "hello").await;
    let same = revise(stores, one, first.id, &edit("hello", &[other])).await.unwrap();
    assert_eq!((same.told, &same.message), (None, &first));
    revise(stores, one, first.id, &Revision::Delete).await.unwrap();
    let deleted = now(stores, first.id).await;
    let again = revise(stores, one, first.id, &Revision::Delete).await.unwrap();
    assert_eq!((again.told, &again.message), (None, &deleted));
    assert_eq!(stores.sql.head().await.unwrap(), Position(2));
}

async fn what_is_refused_is_not_told(stores: &Stores) {
    let (one, other, first) = said(stores, "hello").await;
    let stranger: UserId = stores.ambient.id();
    let unknown: MessageId = stores.ambient.id();
    for revision in [edit("hallo", &[]), Revision::Delete] {
        let refused = revise(stores, other, first.id, &revision).await.unwrap_err();
        assert!(matches!(refused, Error::Forbidden(_)), "{refused:?}");
        for (by, id) in [(stranger, first.id), (one, unknown)] {
            let refused = revise(stores, by, id, &revision).await.unwrap_err();
            assert!(matches!(refused, Error::NotFound("message")), "{refused:?}");
        }
    }
    revise(stores, one, first.id, &Revision::Delete).await.unwrap();
    let refused = revise(stores, one, first.id, &edit("hello", &[])).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict { field: "id", .. }), "{refused:?}");
    assert_eq!(stores.sql.head().await.unwrap(), Position(2));
    assert_eq!(now(stores, first.id).await.body, None);
}

async fn in_a_group_those_in_charge_delete(stores: &Stores) {
    let [owner, admin, member, gone]: [UserId; 4] = std::array::from_fn(|_| stores.ambient.id());
    let group = new_group(stores);
    let roles = [(owner, OWNER), (admin, ADMIN), (member, MEMBER), (gone, MEMBER)];
    change(stores, &group, 1, &roles).await;
    let mut messages = Vec::new();
    for by in [owner, admin, member, gone] {
        messages.push(sent(&say(stores, &group, by).await).clone());
    }
    change(stores, &group, 2, &[(gone, None)]).await;
    let delete = async |by, of: usize| {
        revise(stores, by, messages[of].id, &Revision::Delete).await.map(|revised| revised.place)
    };
    for of in [0, 1, 3] {
        assert!(matches!(delete(member, of).await, Err(Error::Forbidden(_))));
    }
    assert!(matches!(delete(gone, 3).await, Err(Error::NotFound(_))), "not their own either");
    assert_eq!(delete(admin, 0).await.unwrap(), Place::Group(None));
    delete(owner, 1).await.unwrap();
    delete(member, 2).await.unwrap();
    // A role counts from when it is known here.
    change(stores, &group, 3, &[(member, ADMIN), (admin, MEMBER)]).await;
    assert!(matches!(delete(admin, 3).await, Err(Error::Forbidden(_))));
    delete(member, 3).await.unwrap();
    let edited = revise(stores, owner, messages[3].id, &edit("x", &[])).await;
    assert!(matches!(edited, Err(Error::Forbidden(_))));
}

async fn a_key_finds_its_message_whatever_became_of_it(stores: &Stores) {
    let (one, _, here) = conversation(stores).await;
    let send =
        async |body| write(stores, &[draft(stores, here, one, body, Some("k"))]).await.remove(0);
    let first = sent(&send("hello").await).clone();
    for body in ["hallo", "hullo", "hello"] {
        revise(stores, one, first.id, &edit(body, &[])).await.unwrap();
        assert_eq!(send("hello").await, Outcome::Repeated(now(stores, first.id).await));
        assert_eq!(send("hallo").await, Outcome::KeyConflict);
    }
    revise(stores, one, first.id, &Revision::Delete).await.unwrap();
    let deleted = now(stores, first.id).await;
    for body in ["hello", "hallo", "anything"] {
        assert_eq!(send(body).await, Outcome::Repeated(deleted.clone()));
    }
    assert_eq!(stores.sql.head().await.unwrap(), Position(5));
}

async fn a_key_is_for_one_reply(stores: &Stores) {
    let (one, other, first) = said(stores, "hello").await;
    let second = write(stores, &[draft(stores, first.conversation, other, "hi", None)]).await;
    let second = sent(&second[0]).clone();
    let send = async |replied: Option<&Message>| {
        let replied = replied.map(|message| Arc::new(message.clone()));
        let draft = draft(stores, first.conversation, one, "yes", Some("k"));
        write(stores, &[Draft { replied, ..draft }]).await.remove(0)
    };
    let reply = sent(&send(Some(&first)).await).clone();
    assert_eq!(reply.reply_to, Some(first.id));
    assert_eq!(send(Some(&first)).await, Outcome::Repeated(reply.clone()));
    for other in [None, Some(&second)] {
        assert_eq!(send(other).await, Outcome::KeyConflict);
    }
    assert_eq!(now(stores, reply.id).await, reply);
}

async fn changes_at_once_keep_one_order(stores: &Stores) {
    let (one, other, first) = said(stores, "hello").await;
    let second = draft(stores, first.conversation, one, "to be deleted", None);
    let second = sent(&write(stores, &[second]).await[0]).clone();
    let told = join_all((0..16).map(|turn| {
        let (first, second) = (&first, &second);
        async move {
            if turn % 4 == 0 {
                let drafts = [draft(stores, first.conversation, other, "meanwhile", None)];
                return vec![sent(&write(stores, &drafts).await[0]).pos];
            }
            let edited = revise(stores, one, first.id, &edit(&format!("{turn}"), &[])).await;
            let deleted = revise(stores, one, second.id, &Revision::Delete).await;
            let told = [edited.unwrap().told, deleted.unwrap().told];
            told.into_iter().flatten().map(|entry| entry.pos).collect()
        }
    }))
    .await;
    let told: HashSet<i64> = told.into_iter().flatten().map(|pos| pos.0).collect();
    // Each edit is told, and deleting once.
    assert_eq!(told, (3..=19).collect());
    assert_eq!(feed(stores, other, 0).await, (1..=19).collect::<Vec<_>>());
    let last = seen(stores, one, first.conversation).await;
    assert_eq!(last.last_seq, 6);
    let log = stores.sql.read(last.last_pos, Position(19), 100).await.unwrap();
    assert!(log.iter().all(|entry| !matches!(entry.change, Change::MessageSent(_))));
}

async fn who_came_later_hears_nothing_of_it(stores: &Stores) {
    let [ada, grace, alan]: [UserId; 3] = std::array::from_fn(|_| stores.ambient.id());
    let group = new_group(stores);
    change(stores, &group, 1, &[(ada, OWNER), (grace, MEMBER)]).await;
    let before = sent(&say(stores, &group, ada).await).clone();
    change(stores, &group, 2, &[(alan, MEMBER), (grace, None)]).await;
    change(stores, &group, 3, &[(grace, MEMBER)]).await;
    let after = Draft { replied: Some(Arc::new(before.clone())), ..to_group(stores, &group, ada) };
    let after = sent(&write(stores, &[after]).await[0]).clone();
    let joined = stores.sql.head().await.unwrap();

    let readable = async |user| -> HashSet<MessageId> {
        let asked = [before.id, after.id, stores.ambient.id()];
        stores.sql.readable(user, &asked).await.unwrap().into_keys().collect()
    };
    assert_eq!(readable(ada).await, HashSet::from([before.id, after.id]));
    assert_eq!(readable(alan).await, HashSet::from([after.id]));
    assert_eq!(readable(grace).await, HashSet::from([after.id]), "they came back later");
    assert!(readable(stores.ambient.id()).await.is_empty());

    let changed = [
        revise(stores, ada, before.id, &edit("other", &[])).await.unwrap(),
        react(stores, ada, before.id, THUMB).await.unwrap(),
        revise(stores, ada, before.id, &Revision::Delete).await.unwrap(),
        revise(stores, ada, after.id, &edit("other", &[])).await.unwrap(),
    ];
    let entries = changed.map(|revised| revised.told.unwrap());
    for entry in &entries[..3] {
        assert!(entry.recipients().eq([ada]), "{entry:?}");
        assert!(entry.is_for(ada) && !entry.is_for(alan) && !entry.is_for(grace));
        assert!(logged(stores, entry.pos).await.recipients().eq([ada]));
    }
    assert_eq!(entries[3].recipients().count(), 3);
    assert!(entries[3].shows(ada, &before));
    assert!(!entries[3].shows(alan, &before) && entries[3].shows(alan, &after));
    assert_eq!(feed(stores, ada, joined.0).await, entries.clone().map(|entry| entry.pos.0));
    for later in [alan, grace] {
        assert_eq!(feed(stores, later, joined.0).await, [entries[3].pos.0]);
    }
}

async fn members_are_found_by_their_names(stores: &Stores) {
    let (ada, grace) = (registered(stores, "ada").await, registered(stores, "grace").await);
    let (alan, _) = (registered(stores, "alan").await, registered(stores, "emmy").await);
    let group = new_group(stores);
    change(stores, &group, 1, &[(ada, OWNER), (grace, MEMBER), (alan, MEMBER)]).await;
    change(stores, &group, 2, &[(alan, None)]).await;
    let direct = stores.sql.open_direct(&stores.ambient, ada, &[alan]).await.unwrap()[&alan].id;
    let names = ["ada", "Grace", "alan", "emmy", "nobody"];
    let names: Vec<Username> = names.iter().map(|name| Username::parse(name).unwrap()).collect();
    let found = async |conversation| {
        let found = stores.sql.members_named(conversation, &names).await.unwrap();
        let mut found: Vec<(String, UserId)> = found.into_iter().collect();
        found.sort();
        found
    };
    let named = |name: &str, id| (name.to_owned(), id);
    assert_eq!(found(group.id.into()).await, [named("ada", ada), named("grace", grace)]);
    assert_eq!(found(direct).await, [named("ada", ada), named("alan", alan)]);
}
