//! Who chatted with whom last.

use std::collections::HashMap;

use chatterbox_graph::{Chat, ChatPartner, LastChatted, Timestamp, UserId};

use crate::town::{Town, chat, conversation, fresh_id, only};

on_each_store!(
    a_chat_is_seen_from_both_sides,
    the_latest_counts_whatever_the_order,
    of_two_at_one_time_always_the_same_counts,
    the_most_recent_come_first,
    chats_of_the_unknown_are_dropped,
    nobody_chats_with_themselves,
    many_are_recorded_at_once,
);

async fn last(town: &Town, viewer: UserId) -> Vec<(UserId, i64)> {
    whom_and_when(town.last_chatted(viewer, 100).await.unwrap())
}

fn whom_and_when(last: Vec<LastChatted>) -> Vec<(UserId, i64)> {
    last.into_iter()
        .map(|last| match last.with {
            ChatPartner::Person(person, _) => (person.id, last.at.0),
            ChatPartner::Group(group) => panic!("there is no group here: {group:?}"),
        })
        .collect()
}

async fn a_chat_is_seen_from_both_sides(town: &Town) {
    let [ada, grace, alan] = town.people_called(["ada", "grace", "alan"]).await;
    let (talk, at) = (conversation(), Timestamp(7));

    let said = Chat::Direct { one: ada, other: grace, conversation: talk, at };
    town.record_chats(&[said]).await.unwrap();

    for (viewer, other) in [(ada, grace), (grace, ada)] {
        let seen = town.last_chatted(viewer, 10).await.unwrap();
        let person = town.people(&[other]).await.unwrap()[&other].clone();
        assert_eq!(seen, [LastChatted { with: ChatPartner::Person(person, talk), at }]);
        let seen = town.last_chatted_at(viewer, &[other, alan, fresh_id(), viewer, other]).await;
        assert_eq!(seen.unwrap(), HashMap::from([(other, at)]));
    }
    assert_eq!(last(town, alan).await, []);
    assert_eq!(last(town, fresh_id()).await, []);
    assert!(town.last_chatted_at(fresh_id(), &[ada]).await.unwrap().is_empty());
}

async fn the_latest_counts_whatever_the_order(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let talk = conversation();
    let at = |one, other, at| Chat::Direct { one, other, conversation: talk, at: Timestamp(at) };

    let batch = [at(ada, grace, 5), at(grace, ada, 9), at(ada, grace, 7), at(ada, grace, 9)];
    town.record_chats(&batch).await.unwrap();
    assert_eq!(last(town, ada).await, [(grace, 9)]);

    for earlier in [8, 9, 1, i64::MIN] {
        town.record_chats(&[at(grace, ada, earlier)]).await.unwrap();
        assert_eq!(last(town, grace).await, [(ada, 9)]);
    }
    town.record_chats(&[at(grace, ada, 10)]).await.unwrap();
    assert_eq!(last(town, ada).await, [(grace, 10)]);
    assert_eq!(last(town, grace).await, [(ada, 10)]);
}

async fn of_two_at_one_time_always_the_same_counts(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let talks = [conversation(), conversation(), conversation()];
    let in_it =
        |conversation| Chat::Direct { one: grace, other: ada, conversation, at: Timestamp(5) };
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        for which in order {
            town.record_chats(&[in_it(talks[which])]).await.unwrap();
        }
        let seen = only(town.last_chatted(ada, 10).await.unwrap());
        let ChatPartner::Person(_, talk) = seen.with else { panic!("{seen:?}") };
        assert_eq!(Some(talk), talks.into_iter().max());
    }
}

async fn the_most_recent_come_first(town: &Town) {
    let ada = town.person("ada").await;
    let crowd = town.crowd(6).await;
    let times = [3, 9, 3, 1, 9, 5];
    let chats: Vec<_> = crowd.iter().zip(times).map(|(&other, at)| chat(other, ada, at)).collect();
    town.record_chats(&chats).await.unwrap();

    let mut expected: Vec<_> = times.into_iter().zip(crowd).collect();
    expected.sort_by(|one, other| other.cmp(one));
    let expected: Vec<_> = expected.into_iter().map(|(at, id)| (id, at)).collect();
    assert_eq!(last(town, ada).await, expected);
    for limit in [0, 1, 4, usize::MAX] {
        let some = town.last_chatted(ada, limit).await.unwrap();
        assert_eq!(whom_and_when(some), expected[..limit.min(6)]);
    }
}

async fn chats_of_the_unknown_are_dropped(town: &Town) {
    let [ada, grace] = town.people_called(["ada", "grace"]).await;
    let nobody = fresh_id();
    let batch = [chat(ada, nobody, 1), chat(nobody, grace, 2), chat(nobody, fresh_id(), 3)];
    town.record_chats(&batch).await.unwrap();
    assert_eq!(last(town, ada).await, []);

    town.record_chats(&[batch[0], chat(ada, grace, 4), batch[1]]).await.unwrap();
    assert_eq!(last(town, ada).await, [(grace, 4)]);
    assert_eq!(last(town, grace).await, [(ada, 4)]);
    assert!(town.people(&[nobody]).await.unwrap().is_empty());
}

async fn nobody_chats_with_themselves(town: &Town) {
    let ada = town.person("ada").await;
    town.record_chats(&[chat(ada, ada, 1)]).await.unwrap();
    assert_eq!(last(town, ada).await, []);
}

async fn many_are_recorded_at_once(town: &Town) {
    let crowd = town.crowd(60).await;
    let mut chats = Vec::new();
    for (at, one) in (1..).zip(&crowd) {
        chats
            .extend(crowd.iter().filter(|&other| other != one).map(|&other| chat(*one, other, at)));
    }
    town.record_chats(&chats).await.unwrap();
    let seen = last(town, crowd[0]).await;
    assert_eq!(seen.len(), 59);
    assert_eq!(seen[0], (crowd[59], 60));
    assert_eq!(last(town, crowd[59]).await[58].1, 60);
}
