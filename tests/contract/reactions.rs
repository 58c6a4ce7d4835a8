//! What keeps reactions.

use std::collections::{HashMap, HashSet};

use chatterbox::{
    error::{Error, Result},
    ids::{MessageId, UserId},
    messaging::{
        Change, Emoji, LogStore, MessageNews, Place, Position, Reacting, Reaction, ReactionStore,
        Revised, Revision,
    },
};
use futures::future::join_all;

use crate::{
    Stores,
    memberships::{MEMBER, OWNER, change, feed, new_group, say},
    messages::{draft, sent, write},
    revisions::{revise, said},
};

crate::promises! {
    reactions_are_listed_in_the_order_in_which_they_came,
    what_is_so_already_is_not_told,
    of_the_same_at_once_one_counts,
    a_message_takes_so_many_kinds,
    a_deleted_message_takes_none,
    only_those_who_are_there_react,
    of_many_only_the_first_are_listed,
}

pub const THUMB: &str = "👍";
const HEART: &str = "❤️";

async fn set(
    stores: &Stores,
    by: UserId,
    message: MessageId,
    emoji: &str,
    present: bool,
) -> Result<Revised> {
    let emoji = Emoji::parse(emoji).unwrap();
    stores.sql.react(stores.ambient.now(), Reacting { message, by, emoji, present }).await
}

pub async fn react(
    stores: &Stores,
    by: UserId,
    message: MessageId,
    emoji: &str,
) -> Result<Revised> {
    set(stores, by, message, emoji, true).await
}

fn kind(emoji: &str, users: &[UserId]) -> Reaction {
    let count = i64::try_from(users.len()).unwrap();
    Reaction { emoji: emoji.to_owned(), count, users: users.to_vec() }
}

async fn kept(stores: &Stores, message: Position) -> Vec<Reaction> {
    let mut found = stores.sql.reactions(&[message]).await.unwrap();
    found.remove(&message).unwrap_or_default().to_vec()
}

async fn reactions_are_listed_in_the_order_in_which_they_came(stores: &Stores) {
    let (one, other, first) = said(stores, "hello").await;
    let second = write(stores, &[draft(stores, first.conversation, one, "hi", None)]).await;
    let second = sent(&second[0]).clone();
    for (by, emoji) in [(other, HEART), (one, THUMB), (one, HEART), (other, THUMB)] {
        react(stores, by, first.id, emoji).await.unwrap();
    }
    let revised = react(stores, one, second.id, THUMB).await.unwrap();
    let expected = [kind(HEART, &[other, one]), kind(THUMB, &[one, other])];
    assert_eq!(kept(stores, first.pos).await, expected);
    assert_eq!(revised.reactions.as_deref(), Some(&[kind(THUMB, &[one])][..]));
    let told = revised.told.unwrap();
    let news = MessageNews::bare(second.clone(), Place::Direct);
    assert_eq!(told.change, Change::ReactionsChanged(news));
    assert_eq!(told.recipients().collect::<HashSet<_>>(), HashSet::from([one, other]));
    assert_eq!(feed(stores, other, 2).await, [3, 4, 5, 6, 7]);
    assert_eq!(*stores.sql.read(Position(6), Position(7), 1).await.unwrap()[0], told);

    // What is taken back and comes again comes last.
    set(stores, other, first.id, HEART, false).await.unwrap();
    let revised = react(stores, other, first.id, HEART).await.unwrap();
    let expected = [kind(THUMB, &[one, other]), kind(HEART, &[one, other])];
    assert_eq!(revised.reactions.as_deref(), Some(&expected[..]));

    let found = stores.sql.reactions(&[first.pos, second.pos, Position(99)]).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[&first.pos][..], expected);
    let own = stores.sql.reacted(one, &[first.pos, second.pos]).await.unwrap();
    let both = HashSet::from([THUMB.to_owned(), HEART.to_owned()]);
    let expected =
        HashMap::from([(first.pos, both), (second.pos, HashSet::from([THUMB.to_owned()]))]);
    assert_eq!(own, expected);
    assert!(stores.sql.reactions(&[]).await.unwrap().is_empty());
    assert!(stores.sql.reacted(one, &[]).await.unwrap().is_empty());
}

async fn what_is_so_already_is_not_told(stores: &Stores) {
    let (one, other, first) = said(stores, "hello").await;
    let nothing = set(stores, one, first.id, THUMB, false).await.unwrap();
    assert_eq!((nothing.told, nothing.message), (None, first.clone()));
    react(stores, one, first.id, THUMB).await.unwrap();
    let again = react(stores, one, first.id, THUMB).await.unwrap();
    assert_eq!(again.told, None);
    assert_eq!(again.reactions.as_deref(), Some(&[kind(THUMB, &[one])][..]));
    // Another's is not one's own.
    assert_eq!(set(stores, other, first.id, THUMB, false).await.unwrap().told, None);
    let gone = set(stores, one, first.id, THUMB, false).await.unwrap();
    assert_eq!(gone.reactions.as_deref(), Some(&[][..]));
    assert_eq!(gone.told.unwrap().pos, Position(3));
    assert_eq!(stores.sql.head().await.unwrap(), Position(3));
}

async fn of_the_same_at_once_one_counts(stores: &Stores) {
    let (one, other, first) = said(stores, "hello").await;
    let at_once = join_all((0..12).map(|turn| {
        let by = if turn % 2 == 0 { one } else { other };
        async move { react(stores, by, first.id, THUMB).await.unwrap().told.is_some() }
    }));
    assert_eq!(at_once.await.into_iter().filter(|told| *told).count(), 2);
    let listed = kept(stores, first.pos).await;
    assert_eq!((listed.len(), listed[0].count), (1, 2));
    assert_eq!(stores.sql.head().await.unwrap(), Position(3));
}

async fn a_message_takes_so_many_kinds(stores: &Stores) {
    let (one, other, first) = said(stores, "hello").await;
    let many = "🍎🍐🍊🍋🍌🍉🍇🍓🍈🍒🍑🍍🥝🥑🍅🍆🥒🥕🌽🥔🍠";
    let kinds: Vec<String> = many.chars().map(String::from).collect();
    assert_eq!(kinds.len(), Reaction::MAX_KINDS + 1);
    for (turn, emoji) in kinds[..Reaction::MAX_KINDS].iter().enumerate() {
        let by = if turn % 2 == 0 { one } else { other };
        react(stores, by, first.id, emoji).await.unwrap();
    }
    let head = stores.sql.head().await.unwrap();
    let refused = react(stores, one, first.id, &kinds[20]).await.unwrap_err();
    assert!(matches!(&refused, Error::Invalid { field: "emoji", reason } if reason.contains("20")));
    assert_eq!(stores.sql.head().await.unwrap(), head);
    assert_eq!(kept(stores, first.pos).await.len(), 20);
    // One that is there, and one for one that is taken back.
    react(stores, other, first.id, &kinds[0]).await.unwrap();
    set(stores, other, first.id, &kinds[1], false).await.unwrap();
    react(stores, one, first.id, &kinds[20]).await.unwrap();
    let listed = kept(stores, first.pos).await;
    assert_eq!((listed[0].count, &listed[1].emoji), (2, &kinds[2]));
    assert_eq!(listed[19].emoji, kinds[20]);
}

async fn a_deleted_message_takes_none(stores: &Stores) {
    let (one, other, first) = said(stores, "hello").await;
    react(stores, other, first.id, THUMB).await.unwrap();
    revise(stores, one, first.id, &Revision::Delete).await.unwrap();
    for present in [true, false] {
        let refused = set(stores, other, first.id, THUMB, present).await.unwrap_err();
        assert!(matches!(refused, Error::Conflict { field: "messageId", .. }), "{refused:?}");
    }
    assert!(kept(stores, first.pos).await.is_empty());
    assert_eq!(stores.sql.head().await.unwrap(), Position(3));
}

async fn only_those_who_are_there_react(stores: &Stores) {
    let (one, _, first) = said(stores, "hello").await;
    for (by, id) in [(stores.ambient.id(), first.id), (one, stores.ambient.id())] {
        let refused = react(stores, by, id, THUMB).await.unwrap_err();
        assert!(matches!(refused, Error::NotFound("message")), "{refused:?}");
    }
    let (ada, grace): (UserId, UserId) = (stores.ambient.id(), stores.ambient.id());
    let group = new_group(stores);
    change(stores, &group, 1, &[(ada, OWNER), (grace, MEMBER)]).await;
    let message = sent(&say(stores, &group, ada).await).clone();
    react(stores, grace, message.id, THUMB).await.unwrap();
    change(stores, &group, 2, &[(grace, None)]).await;
    for present in [true, false] {
        let refused = set(stores, grace, message.id, HEART, present).await.unwrap_err();
        assert!(matches!(refused, Error::NotFound("message")), "{refused:?}");
    }
    assert_eq!(kept(stores, message.pos).await, [kind(THUMB, &[grace])], "it stays");
}

async fn of_many_only_the_first_are_listed(stores: &Stores) {
    let members: Vec<UserId> = (0..105).map(|_| stores.ambient.id()).collect();
    let group = new_group(stores);
    let roles: Vec<_> = members.iter().map(|member| (*member, MEMBER)).collect();
    change(stores, &group, 1, &roles).await;
    let message = sent(&say(stores, &group, members[0]).await).clone();
    for member in &members {
        react(stores, *member, message.id, THUMB).await.unwrap();
    }
    react(stores, members[104], message.id, HEART).await.unwrap();
    let listed = kept(stores, message.pos).await;
    let expected = Reaction { count: 105, ..kind(THUMB, &members[..Reaction::LISTED]) };
    assert_eq!(listed, [expected, kind(HEART, &members[104..])]);
    let own = stores.sql.reacted(members[104], &[message.pos]).await.unwrap();
    assert_eq!(own[&message.pos].len(), 2);
}
