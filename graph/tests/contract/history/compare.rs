//! Asks the town everything about one viewer, and the model too.

use std::{collections::HashMap, fmt::Debug};

use chatterbox_graph::{
    DirectoryKey, FriendsOf, GroupId, GroupKey, MutualFriendsOf, Page, PathBetween,
    RequestDirection::{Incoming, Outgoing},
    Slice, SuggestionsFor, TimeKey, UserId,
};
use futures::{future::join_all, join};

use super::History;
use crate::town::{only, random_uuid};

/// One page of a list.
trait Leaf: Debug + PartialEq {
    type Item;

    /// The last item, where more follow.
    fn goes_on(&self) -> Option<&Self::Item>;
}

impl<T: Debug + PartialEq> Leaf for Page<T> {
    type Item = T;

    fn goes_on(&self) -> Option<&T> {
        self.items.last().filter(|_| self.has_next)
    }
}

impl<T: Debug + PartialEq> Leaf for Slice<T> {
    type Item = T;

    fn goes_on(&self) -> Option<&T> {
        self.items.last().filter(|_| self.has_next)
    }
}

/// What is asked for in one step.
struct Asked {
    viewer: UserId,
    limit: usize,
    query: Option<String>,
    hops: u8,
}

impl History<'_> {
    pub async fn compare(&mut self) {
        let queries =
            [None, Some(self.word.clone()), Some(format!("{} É", self.word)), Some("OTHER".into())];
        let asked = Asked {
            viewer: self.somebody(),
            limit: 1 + self.dice.below(4),
            query: queries[self.dice.below(4)].clone(),
            hops: self.dice.below(5) as u8,
        };
        join!(
            self.compare_people(&asked),
            self.compare_bonds(&asked),
            self.compare_friends(&asked),
            self.compare_requests(&asked),
            self.compare_mutual_friends(&asked),
            self.compare_paths(&asked),
            self.compare_finding(&asked),
            self.compare_groups(&asked),
            self.compare_public_groups(&asked),
            self.compare_chats(&asked),
        );
    }

    /// Reads a list page by page.
    async fn agree_on_pages<P: Leaf, K: Clone>(
        &self,
        about: &str,
        town: impl AsyncFn(Option<K>) -> P,
        model: impl Fn(Option<K>) -> P,
        key: impl Fn(&P::Item) -> K,
    ) {
        let mut after = None;
        loop {
            let (page, expected) = (town(after.clone()).await, model(after.clone()));
            after = page.goes_on().map(&key);
            self.agree(about, page, expected);
            if after.is_none() {
                break;
            }
        }
    }

    async fn compare_people(&self, asked: &Asked) {
        let (town, model, ids) = (self.town, &self.model, &self.ids);
        self.agree("people", town.people(ids).await.unwrap(), model.people(ids));
        self.agree("settings", town.settings(ids).await.unwrap(), model.settings(ids));
        self.agree("circles", town.circles(ids).await.unwrap(), model.circles(ids));
        let people = model.by_username(model.people.keys().copied());
        let by_username = people.into_iter().map(|person| (person.username.clone(), person));
        let by_username: HashMap<_, _> = by_username.collect();
        let mut usernames: Vec<_> = by_username.keys().cloned().collect();
        usernames.push(self.word.clone());
        let found = town.people_by_username(&usernames).await.unwrap();
        self.agree("people by username", found, by_username);
        let ties = town.ties(asked.viewer).await.unwrap();
        self.agree("ties", ties, model.ties(asked.viewer));
    }

    async fn compare_bonds(&self, asked: &Asked) {
        let (town, model, viewer) = (self.town, &self.model, asked.viewer);
        let pairs: Vec<_> = self.ids.iter().map(|&other| (viewer, other)).collect();
        let seen = town.friendships(&pairs).await.unwrap();
        let expected = pairs.iter().map(|&(one, other)| model.friendship(one, other)).collect();
        self.agree("friendships", seen, expected);

        let others: Vec<_> = self.ids.iter().filter(|&&id| id != viewer).copied().collect();
        let mut pairs: Vec<_> = others.iter().map(|&other| (viewer, other)).collect();
        pairs.extend(others.iter().map(|&other| (other, viewer)));
        let reach = town.reach(&pairs).await.unwrap();
        let expected = pairs.iter().map(|&(who, whom)| model.reach(who, whom)).collect();
        self.agree("reach", reach, expected);
        join_all(others.iter().map(async |&other| {
            let pair = town.pair(viewer, other).await.unwrap();
            self.agree("pair", pair, model.pair(viewer, other));
        }))
        .await;
    }

    async fn compare_friends(&self, asked: &Asked) {
        let &Asked { viewer, limit, ref query, .. } = asked;
        let friends_of = |viewer, after| FriendsOf { viewer, query: query.clone(), limit, after };
        let questions: Vec<_> = self.ids.iter().map(|&id| friends_of(id, None)).collect();
        let pages = self.town.friends(&questions).await.unwrap();
        let expected = questions.iter().map(|asked| self.model.friends(asked)).collect();
        self.agree("friends of all", pages, expected);
        self.agree_on_pages(
            "friends",
            async |after| only(self.town.friends(&[friends_of(viewer, after)]).await.unwrap()),
            |after| self.model.friends(&friends_of(viewer, after)),
            |friend| friend.person.username.clone(),
        )
        .await;
    }

    async fn compare_requests(&self, asked: &Asked) {
        let (town, model, &Asked { viewer, limit, .. }) = (self.town, &self.model, asked);
        for direction in [Incoming, Outgoing] {
            self.agree_on_pages(
                "requests",
                async |after| town.friend_requests(viewer, direction, limit, after).await.unwrap(),
                |after| model.friend_requests(viewer, direction, limit, after),
                |request| TimeKey { at: request.at, id: request.person.id },
            )
            .await;
        }
        self.agree_on_pages(
            "blocked",
            async |after| town.blocked(viewer, limit, after).await.unwrap(),
            |after| model.blocked_by(viewer, limit, after),
            |blocked| TimeKey { at: blocked.at, id: blocked.person.id },
        )
        .await;
    }

    async fn compare_mutual_friends(&self, asked: &Asked) {
        let &Asked { viewer, limit, .. } = asked;
        let with = |other, after| MutualFriendsOf { viewer, other, limit, after };
        let questions: Vec<_> = self.ids.iter().map(|&other| with(other, None)).collect();
        let pages = self.town.mutual_friends(&questions).await.unwrap();
        let expected = questions.iter().map(|asked| self.model.mutual_friends(asked)).collect();
        self.agree("mutual friends", pages, expected);
        for &other in self.model.people.keys() {
            let goes_on = self.model.shared_friends(viewer, other).len() > limit;
            if viewer == other || !goes_on {
                continue;
            }
            self.agree_on_pages(
                "mutual friends by pages",
                async |after: Option<String>| {
                    self.town.mutual_page(viewer, other, limit, after.as_deref()).await.unwrap()
                },
                |after| self.model.mutual_friends(&with(other, after)).unwrap(),
                |person| person.username.clone(),
            )
            .await;
        }
    }

    /// Of shortest paths any will do.
    async fn compare_paths(&self, asked: &Asked) {
        let &Asked { viewer, hops: max, .. } = asked;
        let between = |&other: &UserId| PathBetween { viewer, other, max };
        let questions: Vec<_> = self.ids.iter().map(between).collect();
        let paths = self.town.paths(&questions).await.unwrap();
        let distances = self.model.distances(viewer);
        let expected: Vec<_> = self
            .ids
            .iter()
            .map(|other| distances.get(other).filter(|&&hops| hops <= max.into()).copied())
            .collect();
        let hops = paths.iter().map(|path| path.as_ref().map(|path| path.len() - 1)).collect();
        self.agree("hops", hops, expected);
        for (&other, path) in self.ids.iter().zip(paths) {
            let Some(path) = path else { continue };
            let ends = (path.first().copied(), path.last().copied());
            self.agree("ends of a path", ends, (Some(viewer), Some(other)));
            let blocked = path.iter().any(|&person| self.model.blocked(viewer, person));
            self.agree("whether somebody on a path is blocked", blocked, false);
            let friends = path.windows(2).all(|hop| self.model.are_friends(hop[0], hop[1]));
            self.agree("whether a path is one of friends", friends, true);
        }
    }

    async fn compare_finding(&self, asked: &Asked) {
        let (town, model, &Asked { viewer, limit, .. }) = (self.town, &self.model, asked);
        let to = |&viewer: &UserId| SuggestionsFor { viewer, limit };
        let questions: Vec<_> = self.ids.iter().map(to).collect();
        let suggestions = town.suggestions(&questions).await.unwrap();
        let expected = questions.iter().map(|asked| model.suggestions(asked)).collect();
        self.agree("suggestions", suggestions, expected);

        // Without the word others would be found as well.
        let with_word = || Some(self.word.clone());
        let query = asked.query.clone().filter(|query| query.starts_with(&self.word));
        let query = if town.is_alone() { asked.query.clone() } else { query.or_else(with_word) };
        let query = query.as_deref();
        self.agree_on_pages(
            "directory",
            async |after: Option<DirectoryKey>| {
                town.directory(viewer, query, limit, after.as_ref()).await.unwrap()
            },
            |after| model.directory(viewer, query, limit, after.as_ref()),
            |listed| listed.key.clone(),
        )
        .await;
        let size = town.directory_size(viewer, query).await.unwrap();
        self.agree("directory's size", size, model.directory_size(viewer, query));
    }

    async fn compare_groups(&self, asked: &Asked) {
        let (town, model, viewer) = (self.town, &self.model, asked.viewer);
        let mut questions = Vec::new();
        for &id in &self.ids {
            questions.extend(self.groups.iter().map(|&group| (id, group)));
        }
        let views = town.groups(&questions).await.unwrap();
        let expected = questions.iter().map(|&(viewer, group)| model.group(viewer, group));
        self.agree("groups", views, expected.collect());
        let groups_of = town.groups_of(viewer).await.unwrap();
        self.agree("groups of", groups_of, model.groups_of(viewer));
        let inside = town.friends_inside(viewer, &self.groups, asked.limit).await.unwrap();
        let expected = model.friends_inside(viewer, &self.groups, asked.limit);
        self.agree("friends inside", inside, expected);
        join_all(self.groups.iter().map(|&group| self.compare_group(asked, group))).await;
    }

    async fn compare_group(&self, asked: &Asked, group: GroupId) {
        let (town, model, &Asked { viewer, limit, .. }) = (self.town, &self.model, asked);
        let query = asked.query.as_deref();
        self.agree_on_pages(
            "members",
            async |after: Option<String>| {
                town.members(group, query, limit, after.as_deref()).await.unwrap()
            },
            |after| model.members(group, query, limit, after.as_deref()),
            |member| member.person.username.clone(),
        )
        .await;
        let made = self.edits.iter().rev().nth(limit).map(|edit| edit.token);
        let token = made.unwrap_or_else(random_uuid);
        let state = town.group_state(group, &self.ids, token).await.unwrap();
        let expected = model.group_state(group, &self.ids, token);
        let owners = expected.as_ref().map(|state| state.owners.clone()).unwrap_or_default();
        self.agree("state of a group", state, expected);
        if owners.iter().all(|&owner| owner == viewer) {
            let heir = town.heir(group, viewer).await.unwrap();
            self.agree("heir", heir, model.heir(group, viewer));
        }
    }

    async fn compare_public_groups(&self, asked: &Asked) {
        let (town, model, &Asked { viewer, limit, .. }) = (self.town, &self.model, asked);
        let query = Some(self.word.as_str()).filter(|_| !town.is_alone() || limit > 1);
        self.agree_on_pages(
            "public groups",
            async |after: Option<GroupKey>| {
                town.public_groups(viewer, query, limit, after.as_ref()).await.unwrap()
            },
            |after| model.public_groups(viewer, query, limit, after.as_ref()),
            |found| found.key.clone(),
        )
        .await;
    }

    async fn compare_chats(&self, asked: &Asked) {
        let (town, model, &Asked { viewer, limit, .. }) = (self.town, &self.model, asked);
        for limit in [limit, usize::MAX] {
            let last = town.last_chatted(viewer, limit).await.unwrap();
            self.agree("last chatted", last, model.last_chatted(viewer, limit));
        }
        let at = town.last_chatted_at(viewer, &self.ids).await.unwrap();
        self.agree("last chatted at", at, model.last_chatted_at(viewer, &self.ids));
    }
}
