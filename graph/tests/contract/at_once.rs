//! What happens at the same time: the outcome is one that some order gives.

use chatterbox_graph::{
    Ask, Block, Friendship,
    RequestDirection::{Incoming, Outgoing},
    Timestamp, UserId,
};
use futures::{future::join_all, join};

use crate::town::{MANY, Town, chat};

on_each_store!(
    of_two_that_accept_one_makes_friends,
    both_ask_and_become_friends,
    a_block_wins_over_an_acceptance,
    a_request_is_withdrawn_or_accepted,
    many_ask_the_same_person,
    nobody_gets_more_friends_than_one_may_have,
    the_latest_chat_wins,
    crossed_pairs_do_not_wait_for_each_other_forever,
);

const ROUNDS: usize = 12;

/// Runs a story of two many times over, all at once.
async fn rounds(town: &Town, story: impl AsyncFn(UserId, UserId)) {
    let people = town.crowd(2 * ROUNDS).await;
    join_all(people.chunks(2).map(|two| story(two[0], two[1]))).await;
}

/// What holds whatever happened: both see the same, and the lists agree.
async fn assert_consistent(town: &Town, one: UserId, other: UserId) -> Friendship {
    let seen = town.sees(one, other).await;
    let back = town.sees(other, one).await;
    let expected = match seen {
        Friendship::RequestSent => Friendship::RequestReceived,
        Friendship::RequestReceived => Friendship::RequestSent,
        Friendship::Blocked => Friendship::None,
        same => same,
    };
    assert!(back == expected || back == Friendship::Blocked, "{seen:?} and {back:?}");
    for (viewer, sees) in [(one, seen), (other, back)] {
        let friends = town.friends(viewer, None, 9, None).await.unwrap().total;
        let incoming = town.friend_requests(viewer, Incoming, 9, None).await.unwrap().total;
        let outgoing = town.friend_requests(viewer, Outgoing, 9, None).await.unwrap().total;
        assert_eq!(friends, u64::from(sees == Friendship::Friends));
        assert_eq!(incoming, u64::from(sees == Friendship::RequestReceived));
        assert_eq!(outgoing, u64::from(sees == Friendship::RequestSent));
    }
    seen
}

async fn of_two_that_accept_one_makes_friends(town: &Town) {
    rounds(town, async |ada, grace| {
        town.request_at(ada, grace, 1).await;
        let accept = || town.accept(grace, ada, Timestamp(2), MANY);
        let (one, two, three) = join!(accept(), accept(), accept());
        let outcomes = [one.unwrap(), two.unwrap(), three.unwrap()];
        let made = outcomes.iter().filter(|&&outcome| outcome == Ask::BecameFriends).count();
        let late = outcomes.iter().filter(|&&outcome| outcome == Ask::AlreadyFriends).count();
        assert_eq!((made, late), (1, 2), "{outcomes:?}");
        assert_eq!(assert_consistent(town, ada, grace).await, Friendship::Friends);
    })
    .await;
}

async fn both_ask_and_become_friends(town: &Town) {
    rounds(town, async |ada, grace| {
        let ask = |from, to| town.ask(from, to, None, Timestamp(2), MANY);
        let (one, other) = join!(ask(ada, grace), ask(grace, ada));
        let mut outcomes = [one.unwrap(), other.unwrap()];
        outcomes.sort_by_key(|&outcome| outcome == Ask::BecameFriends);
        assert_eq!(outcomes, [Ask::Sent, Ask::BecameFriends]);
        assert_eq!(assert_consistent(town, ada, grace).await, Friendship::Friends);
    })
    .await;
}

async fn a_block_wins_over_an_acceptance(town: &Town) {
    rounds(town, async |ada, eve| {
        town.request_at(eve, ada, 1).await;
        let (accept, block) =
            join!(town.accept(ada, eve, Timestamp(2), MANY), town.block(ada, eve, Timestamp(2)),);
        assert!([Ask::BecameFriends, Ask::Unknown].contains(&accept.unwrap()));
        assert_eq!(block.unwrap(), Block::Blocked { visible: true });
        assert_eq!(assert_consistent(town, ada, eve).await, Friendship::Blocked);
    })
    .await;
}

async fn a_request_is_withdrawn_or_accepted(town: &Town) {
    rounds(town, async |ada, grace| {
        town.request_at(ada, grace, 1).await;
        let (accept, withdraw) =
            join!(town.accept(grace, ada, Timestamp(2), MANY), town.withdraw(ada, grace),);
        let outcome = (accept.unwrap(), withdraw.unwrap());
        let seen = assert_consistent(town, ada, grace).await;
        let orders = [
            ((Ask::BecameFriends, false), Friendship::Friends),
            ((Ask::Unknown, true), Friendship::None),
        ];
        assert!(orders.contains(&(outcome, seen)), "{outcome:?} {seen:?}");
    })
    .await;
}

async fn many_ask_the_same_person(town: &Town) {
    let ada = town.person("ada").await;
    let crowd = town.crowd(30).await;
    let asked =
        join_all(crowd.iter().map(|&from| town.ask(from, ada, None, Timestamp(1), MANY))).await;
    assert!(asked.into_iter().all(|ask| ask.unwrap() == Ask::Sent));
    let accepted =
        join_all(crowd.iter().map(|&from| town.accept(ada, from, Timestamp(2), MANY))).await;
    assert!(accepted.into_iter().all(|ask| ask.unwrap() == Ask::BecameFriends));
    assert_eq!(town.friends(ada, None, 100, None).await.unwrap().items.len(), 30);
    assert_eq!(town.friend_requests(ada, Incoming, 9, None).await.unwrap().total, 0);
}

async fn nobody_gets_more_friends_than_one_may_have(town: &Town) {
    let ada = town.person("ada").await;
    let crowd = town.crowd(12).await;
    for &from in &crowd {
        town.request_at(from, ada, 1).await;
    }
    let accepted =
        join_all(crowd.iter().map(|&from| town.accept(ada, from, Timestamp(2), 5))).await;
    let accepted: Vec<_> = accepted.into_iter().map(Result::unwrap).collect();
    assert_eq!(accepted.iter().filter(|&&ask| ask == Ask::BecameFriends).count(), 5);
    assert_eq!(accepted.iter().filter(|&&ask| ask == Ask::TooManyFriends).count(), 7);
    assert_eq!(town.friends(ada, None, 100, None).await.unwrap().total, 5);
    assert_eq!(town.friend_requests(ada, Incoming, 9, None).await.unwrap().total, 7);
}

async fn the_latest_chat_wins(town: &Town) {
    let people = town.crowd(6).await;
    let all_at = |at: i64| {
        let mut chats = Vec::new();
        for (n, &one) in people.iter().enumerate() {
            chats.extend(people[n + 1..].iter().map(|&other| chat(one, other, at)));
        }
        // Each batch in another order, as they come from several nodes.
        if at % 2 == 0 {
            chats.reverse();
        }
        chats
    };
    let batches: Vec<_> = (1..=20).map(all_at).collect();
    for recorded in join_all(batches.iter().map(|batch| town.record_chats(batch))).await {
        recorded.unwrap();
    }
    for &one in &people {
        let at = town.last_chatted_at(one, &people).await.unwrap();
        assert_eq!(at.len(), 5);
        assert!(at.values().all(|&at| at == Timestamp(20)));
        assert_eq!(town.last_chatted(one, 100).await.unwrap().len(), 5, "one edge for two");
    }
}

async fn crossed_pairs_do_not_wait_for_each_other_forever(town: &Town) {
    let people = town.crowd(5).await;
    let mut changes = Vec::new();
    for &one in &people {
        for &other in people.iter().filter(|&&other| other != one) {
            changes.push((one, other));
        }
    }
    let (asked, recorded) = join!(
        join_all(changes.iter().map(|&(from, to)| town.ask(from, to, None, Timestamp(1), MANY))),
        join_all(changes.iter().map(|&(one, other)| {
            let chats = [chat(other, people[0], 1), chat(one, other, 2)];
            async move { town.record_chats(&chats).await }
        })),
    );
    let asked: Vec<_> = asked.into_iter().map(Result::unwrap).collect();
    assert_eq!(asked.iter().filter(|&&ask| ask == Ask::BecameFriends).count(), 10);
    assert_eq!(asked.iter().filter(|&&ask| ask == Ask::Sent).count(), 10);
    recorded.into_iter().for_each(Result::unwrap);
    for &one in &people {
        assert_eq!(town.friends(one, None, 9, None).await.unwrap().total, 4);
    }
}
