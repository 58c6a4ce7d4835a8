//! What happens at the same time: the outcome is one that some order gives.

use chatterbox_graph::{
    Ask, Audience, Block, FriendsOf, Friendship, MutualFriendsOf, PathBetween, ProfileChange,
    RequestDirection::{Incoming, Outgoing},
    Settings, SettingsChange, SuggestionsFor, Tie, Timestamp, UserId,
};
use futures::{FutureExt, TryFutureExt, future::join_all, join};

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
    changes_of_different_settings_both_stand,
    changes_of_different_parts_of_a_profile_both_stand,
    who_goes_takes_along_what_was_just_made,
    nothing_fails_because_somebody_goes,
    nobody_goes_twice,
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
        let friends = town.friends_of(viewer).await.total;
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
    assert_eq!(town.friends_of(ada).await.items.len(), 30);
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
    assert_eq!(town.friends_of(ada).await.total, 5);
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
        assert_eq!(town.friends_of(one).await.total, 4);
    }
}

async fn changes_of_different_settings_both_stand(town: &Town) {
    rounds(town, async |ada, _| {
        let nothing = SettingsChange::default();
        let messages = SettingsChange { messages_from: Some(Audience::Nobody), ..nothing };
        let receipts = SettingsChange { read_receipts: Some(false), ..nothing };
        let (one, other) =
            join!(town.change_settings(ada, &messages), town.change_settings(ada, &receipts));
        let default = Settings::default();
        let expected =
            Settings { messages_from: Audience::Nobody, read_receipts: false, ..default };
        assert!([one.unwrap(), other.unwrap()].contains(&Some(expected)), "the later sees both");
        assert_eq!(town.settings(&[ada]).await.unwrap()[&ada], expected);
    })
    .await;
}

async fn changes_of_different_parts_of_a_profile_both_stand(town: &Town) {
    rounds(town, async |ada, _| {
        let name = Some("Countess".to_owned());
        let name = ProfileChange { display_name: name, ..ProfileChange::default() };
        let bio = Some(Some("Numbers".to_owned()));
        let bio = ProfileChange { bio, ..ProfileChange::default() };
        let (one, other) = join!(town.change_profile(ada, &name), town.change_profile(ada, &bio));
        let person = town.people(&[ada]).await.unwrap().remove(&ada);
        assert!([one.unwrap(), other.unwrap()].contains(&person), "the later sees both");
        let person = person.unwrap();
        assert_eq!(
            (person.display_name.as_str(), person.bio.as_deref()),
            ("Countess", Some("Numbers"))
        );
    })
    .await;
}

async fn who_goes_takes_along_what_was_just_made(town: &Town) {
    rounds(town, async |ada, eve| {
        town.request_at(eve, ada, 1).await;
        let (chats, change) = ([chat(ada, eve, 1)], SettingsChange::default());
        let (gone, accept, block, recorded, changed) = join!(
            town.remove_person(eve),
            town.accept(ada, eve, Timestamp(2), MANY),
            town.block(eve, ada, Timestamp(2)),
            town.record_chats(&chats),
            town.change_settings(eve, &change),
        );
        assert!(gone.unwrap());
        assert!([Ask::BecameFriends, Ask::Unknown].contains(&accept.unwrap()));
        block.unwrap();
        recorded.unwrap();
        changed.unwrap();
        assert_eq!(town.ties(ada).await.unwrap(), []);
        assert!(town.people(&[eve]).await.unwrap().is_empty());
        assert!(town.last_chatted(ada, 9).await.unwrap().is_empty());
        assert_eq!(town.ask(ada, eve, None, Timestamp(3), MANY).await.unwrap(), Ask::Unknown);
    })
    .await;
}

async fn nothing_fails_because_somebody_goes(town: &Town) {
    rounds(town, async |ada, eve| {
        let friend = town.person("friend").await;
        town.chain(&[ada, eve, friend, ada]).await;
        let username = town.username(eve).await;
        let both = [(ada, eve), (eve, ada)];
        let ties = [Tie { one: eve, other: ada, since: Timestamp(1) }];
        let name = Some("Eve".to_owned());
        let name = ProfileChange { display_name: name, ..ProfileChange::default() };
        let hidden = SettingsChange { discoverable: Some(false), ..SettingsChange::default() };
        let chats = [chat(ada, eve, 1), chat(eve, friend, 2)];
        let friends = [ada, eve, friend].map(|viewer| FriendsOf {
            viewer,
            query: None,
            limit: 9,
            after: None,
        });
        let mutual =
            both.map(|(viewer, other)| MutualFriendsOf { viewer, other, limit: 9, after: None });
        let suggested = both.map(|(viewer, _)| SuggestionsFor { viewer, limit: 9 });
        let between = both.map(|(viewer, other)| PathBetween { viewer, other, max: 6 });

        let outcomes = join_all([
            town.friends(&friends).map_ok(drop).boxed(),
            town.remove_person(eve).map_ok(drop).boxed(),
            town.unfriend(eve, friend).map_ok(drop).boxed(),
            town.withdraw(eve, ada).map_ok(drop).boxed(),
            town.block(eve, ada, Timestamp(2)).map_ok(drop).boxed(),
            town.unblock(ada, eve).map_ok(drop).boxed(),
            town.load(&[], &ties).boxed(),
            town.change_profile(eve, &name)
                .map_ok(|eve| assert!(eve.is_none_or(|eve| eve.display_name == "Eve")))
                .boxed(),
            town.change_settings(eve, &hidden)
                .map_ok(|settings| assert!(settings.is_none_or(|settings| !settings.discoverable)))
                .boxed(),
            town.record_chats(&chats).boxed(),
            town.suggestions(&suggested).map_ok(drop).boxed(),
            town.mutual_friends(&mutual).map_ok(drop).boxed(),
            town.paths(&between).map_ok(drop).boxed(),
            town.friendships(&both).map_ok(drop).boxed(),
            town.reach(&both).map_ok(drop).boxed(),
            town.pair(friend, eve).map_ok(drop).boxed(),
            town.people(&[eve, ada]).map_ok(drop).boxed(),
            town.settings(&[eve, ada]).map_ok(drop).boxed(),
            town.ties(ada).map_ok(drop).boxed(),
            town.directory(ada, Some(&username), 9, None).map_ok(drop).boxed(),
            town.directory_size(ada, Some(&username)).map_ok(drop).boxed(),
            town.last_chatted(ada, 9).map_ok(drop).boxed(),
        ])
        .await;

        let failures: Vec<_> =
            (0..).zip(outcomes).filter(|(_, outcome)| outcome.is_err()).collect();
        assert!(failures.is_empty(), "{failures:?}");
        assert_eq!(town.ties(ada).await.unwrap(), [friend]);
        assert_eq!(town.ties(friend).await.unwrap(), [ada]);
    })
    .await;
}

async fn nobody_goes_twice(town: &Town) {
    rounds(town, async |ada, eve| {
        town.befriend(ada, eve).await;
        let leave = || town.remove_person(eve);
        let (one, two, three) = join!(leave(), leave(), leave());
        let gone = [one.unwrap(), two.unwrap(), three.unwrap()];
        assert_eq!(gone.iter().filter(|&&gone| gone).count(), 1, "{gone:?}");
        assert_eq!(town.ties(ada).await.unwrap(), []);
    })
    .await;
}
