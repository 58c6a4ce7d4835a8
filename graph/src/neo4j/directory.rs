//! The directory: one statement a tier, asked until the page is full.

use super::{
    Neo4jGraph,
    statement::{PersonRow, Statement, and_one, statements, text, up_to},
};
use crate::{DirectoryKey, Listed, Person, Result, Slice, Tier, UserId, fold::fold};

statements! {
    FRIENDS = "directory/friends";
    FRIENDS_OF_FRIENDS = "directory/friends_of_friends";
    BY_USERNAME = "directory/by_username";
    BY_DISPLAY_NAME = "directory/by_display_name";
    SIZE = "directory/size";
    SIZE_OF_ALL = "directory/size_of_all";
}

/// In the order in which they are listed.
const TIERS: [(Tier, Statement); 4] = [
    (Tier::Friends, FRIENDS),
    (Tier::FriendsOfFriends, FRIENDS_OF_FRIENDS),
    (Tier::Username, BY_USERNAME),
    (Tier::DisplayName, BY_DISPLAY_NAME),
];

impl Neo4jGraph {
    pub(super) async fn directory(
        &self,
        viewer: UserId,
        query: Option<&str>,
        limit: usize,
        after: Option<&DirectoryKey>,
    ) -> Result<Slice<Listed>> {
        let prefix = query.map(fold).unwrap_or_default();
        let mut items: Vec<Listed> = Vec::new();
        for (tier, statement) in TIERS {
            let passed = after.is_some_and(|after| tier < after.tier);
            // Every username begins with nothing: no display name is left to be found by.
            let has_none = tier == Tier::DisplayName && prefix.is_empty();
            if passed || has_none || items.len() > limit {
                continue;
            }
            let (name, id) = match after.filter(|after| after.tier == tier) {
                Some(after) => (after.name.as_str(), text(after.id)),
                None => (start(tier, &prefix), String::new()),
            };
            let listed = statement
                .bind("viewer", text(viewer))
                .bind("prefix", prefix.as_str())
                .bind("to", up_to(&prefix))
                .bind("name", name)
                .bind("id", id)
                .bind("limit", and_one(limit - items.len()));
            let listed = self.session.answers::<(PersonRow, String)>(listed).await?;
            items.extend(listed.into_iter().map(|(person, name)| {
                let person = Person::from(person);
                Listed { key: DirectoryKey { tier, name, id: person.id }, person }
            }));
        }
        let has_next = items.len() > limit;
        items.truncate(limit);
        Ok(Slice { items, has_next })
    }

    pub(super) async fn directory_size(&self, viewer: UserId, query: Option<&str>) -> Result<u64> {
        let prefix = query.map(fold).unwrap_or_default();
        let size = if prefix.is_empty() { SIZE_OF_ALL } else { SIZE };
        let size = size.bind("viewer", text(viewer)).bind("prefix", prefix);
        Ok(self.session.answer(size).await?.unwrap_or_default())
    }
}

/// Where a tier begins: those that are read by an index, where it has the first that matches.
fn start(tier: Tier, prefix: &str) -> &str {
    match tier {
        Tier::Friends | Tier::FriendsOfFriends => "",
        Tier::Username | Tier::DisplayName => prefix,
    }
}
