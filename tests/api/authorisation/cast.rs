//! An owner, those around them, and what is theirs.

use serde_json::{Value, json};

use crate::{
    introspection::text,
    support::{Client, TestApp},
};

/// Who asks, as the tables have it: the columns, from left to right.
pub(super) const ROLES: [&str; 7] =
    ["owner", "admin", "member", "friend", "stranger", "blocked", "signed out"];

/// The owner, those who are what their name says to them or in their groups, and who is in their groups too.
///
/// The friend is a friend of the admin too. Owner and blocked wrote to each other before the block.
pub(super) struct Cast {
    pub(super) owner: Client,
    pub(super) admin: Client,
    pub(super) member: Client,
    pub(super) friend: Client,
    pub(super) stranger: Client,
    pub(super) blocked: Client,
    pub(super) signed_out: Client,
    pub(super) others: [Client; 2],
    pub(super) private: Group,
    pub(super) public: Group,
    pub(super) with_friend: Said,
    pub(super) with_blocked: Said,
}

/// A group, and the owner's message in it.
pub(super) struct Group {
    pub(super) id: String,
    pub(super) message: String,
}

/// A message in a conversation of two.
pub(super) struct Said {
    pub(super) conversation: String,
    pub(super) message: String,
}

impl Said {
    async fn by(from: &Client, to: &Client, body: &str) -> Self {
        let said = from.send(to, body).await;
        let id = |value: &Value| text(value).to_owned();
        Self { conversation: id(&said["conversation"]["id"]), message: id(&said["id"]) }
    }
}

impl Cast {
    /// How many people it takes.
    pub(super) const SIZE: usize = 8;

    /// People with accounts.
    pub(super) async fn with_accounts(app: &TestApp) -> Self {
        let people = ROLES[..6].iter().copied().chain(["one", "another"]);
        let people = futures::future::join_all(people.map(|name| app.person(name))).await;
        app.acquaint([(&people[0], &people[3]), (&people[3], &people[1])]).await;
        Self::of(app, people).await
    }

    /// As many as are wanted, of people who have none.
    pub(super) async fn without_accounts(app: &TestApp, count: usize) -> Vec<Vec<Client>> {
        let people = app.let_in(app.crowd("p", count * Self::SIZE).await);
        let casts = people.chunks(Self::SIZE);
        app.acquaint(casts.flat_map(|cast| [(&cast[0], &cast[3]), (&cast[3], &cast[1])])).await;
        people.chunks(Self::SIZE).map(<[Client]>::to_vec).collect()
    }

    /// Of these, the first of whom are acquainted.
    pub(super) async fn of(app: &TestApp, people: Vec<Client>) -> Self {
        let [owner, admin, member, friend, stranger, blocked, one, another]: [Client; Self::SIZE] =
            people.try_into().ok().unwrap();
        let others = [one, another];
        let with_blocked = Said::by(&blocked, &owner, "Before").await;
        owner.act("blockUser", &blocked).await.unwrap();
        let with_friend = Said::by(&owner, &friend, "Between us").await;
        let members = [&admin, &member, &others[0], &others[1]];
        let private = Group::found(&owner, "PRIVATE", &members).await;
        let public = Group::found(&owner, "PUBLIC", &members).await;
        Self {
            signed_out: app.stranger(),
            owner,
            admin,
            member,
            friend,
            stranger,
            blocked,
            others,
            private,
            public,
            with_friend,
            with_blocked,
        }
    }

    /// In the order of [`ROLES`].
    pub(super) fn all(&self) -> [&Client; 7] {
        let Self { owner, admin, member, friend, stranger, blocked, signed_out, .. } = self;
        [owner, admin, member, friend, stranger, blocked, signed_out]
    }
}

impl Group {
    async fn found(owner: &Client, visibility: &str, members: &[&Client; 4]) -> Self {
        let id = owner.found(&format!("The {}", owner.username), visibility, members).await;
        owner.set_role(&id, members[0], "ADMIN").await.unwrap();
        let hello = members[0].tell(&id, "Hello").await;
        let body = format!("Hello, @{}", members[1].username);
        let answer =
            owner.reply(json!({ "conversationId": id }), &body, &hello["id"]).await.unwrap();
        Self { message: text(&answer["id"]).to_owned(), id }
    }
}
