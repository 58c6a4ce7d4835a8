//! The table of who may do what, gone through line by line.

use chatterbox::{
    app::Stores,
    people::groups::rules::{Act, RULES, Rule},
};
use chatterbox_graph::{GroupView, Member};
use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, TestApp, client::Refusal},
};

stories! {
    a_private_group_goes_by_the_table,
    a_public_group_goes_by_the_table,
}

/// Everyone who acts or is acted on.
struct Cast {
    stores: Stores,
    owner: Client,
    admin: Client,
    member: Client,
    outsider: Client,
    other_owner: Client,
    other_admin: Client,
    other_member: Client,
    newcomer: Client,
}

impl Cast {
    async fn new(app: &TestApp) -> Self {
        let (owner, admin) = tokio::join!(app.person("owner"), app.person("admin"));
        let (member, outsider) = tokio::join!(app.person("member"), app.person("outsider"));
        let mut others = app.crowd("other", 4).await.into_iter();
        let mut other = || others.next().unwrap();
        Self {
            stores: app.open_stores(),
            owner,
            admin,
            member,
            outsider,
            other_owner: other(),
            other_admin: other(),
            other_member: other(),
            newcomer: other(),
        }
    }

    /// A group in which everyone is what they are called.
    async fn group(&self, visibility: &str) -> String {
        let others = [&self.other_owner, &self.other_admin, &self.other_member];
        let members = [&[&self.admin, &self.member][..], &others].concat();
        let group = self.owner.found("Walks", visibility, &members).await;
        for (who, role) in
            [(&self.admin, "ADMIN"), (&self.other_admin, "ADMIN"), (&self.other_owner, "OWNER")]
        {
            self.owner.set_role(&group, who, role).await.unwrap();
        }
        group
    }

    /// How it stands, whoever may see it.
    async fn standing(&self, group: &str) -> (Option<GroupView>, Vec<Member>) {
        let (group, graph) = (group.parse().unwrap(), &self.stores.graph);
        let viewer = self.outsider.id.parse().unwrap();
        let mut seen = graph.groups(&[(viewer, group)]).await.unwrap();
        let members = graph.members(group, None, 100, None).await.unwrap();
        (seen.pop().unwrap(), members.items)
    }

    /// Does it, and tells how that ended. `None` where nothing can be done of the kind.
    async fn act(&self, by: &Client, group: &str, act: Act) -> Option<Result<(), Refusal>> {
        let done = match act {
            Act::See => sees(by, group).await,
            Act::TakePart => takes_part(by, group).await,
            Act::DeleteMessages => self.deletes_others(by, group).await,
            Act::Update => by.update_group(group, json!({ "name": by.username })).await,
            Act::AddMembers => by.add_members(group, &[&self.newcomer]).await,
            Act::RemoveMember => by.remove_member(group, &self.other_member).await,
            Act::RemoveAdmin => by.remove_member(group, &self.other_admin).await,
            Act::RemoveOwner => by.remove_member(group, &self.other_owner).await,
            Act::AppointAdmin => by.set_role(group, &self.other_member, "ADMIN").await,
            Act::AppointOwner => by.set_role(group, &self.other_admin, "OWNER").await,
            Act::DemoteAdmin => by.set_role(group, &self.other_admin, "MEMBER").await,
            Act::DemoteOwner => by.set_role(group, &self.other_owner, "ADMIN").await,
            // There is no lower one.
            Act::StepDown if by.id == self.member.id => return None,
            Act::StepDown if by.id == self.owner.id => by.set_role(group, by, "ADMIN").await,
            Act::StepDown => by.set_role(group, by, "MEMBER").await,
            // To join twice is no error.
            Act::Join if by.id != self.outsider.id => return None,
            Act::Join => by.join_group(group).await,
            Act::Leave => by.leave_group(group).await,
            Act::Delete => by.delete_group(group).await,
        };
        Some(done.map(drop))
    }

    /// Deletes what another one wrote.
    async fn deletes_others(&self, by: &Client, group: &str) -> Result<Value, Refusal> {
        let author = if by.id == self.owner.id { &self.admin } else { &self.owner };
        let written = author.tell(group, "To be deleted").await;
        by.delete_message(&written["id"]).await
    }
}

fn not_found() -> Refusal {
    Refusal { code: "NOT_FOUND".into(), field: None, message: "nothing to see".into() }
}

async fn sees(by: &Client, group: &str) -> Result<Value, Refusal> {
    match by.group(group).await {
        Value::Null => Err(not_found()),
        seen => {
            assert!(seen["memberCount"].as_u64().unwrap() > 0 && seen["name"].is_string());
            Ok(seen)
        }
    }
}

/// Whoever may write may read and see who is there, and nobody else.
async fn takes_part(by: &Client, group: &str) -> Result<Value, Refusal> {
    let query = "query ($id: ID!) { node(id: $id) { ... on Group {
        members { nodes { id } } messages { nodes { id } } } } }";
    let written = by.try_tell(group, "Hello").await;
    let seen = by.data(query, json!({ "id": group })).await;
    for list in ["members", "messages"] {
        let seen = seen["node"][list]["nodes"].as_array().is_some_and(|nodes| !nodes.is_empty());
        assert_eq!(seen, written.is_ok(), "{list}");
    }
    written
}

async fn a_private_group_goes_by_the_table(app: &TestApp) {
    goes_by_the_table(app, "PRIVATE").await;
}

async fn a_public_group_goes_by_the_table(app: &TestApp) {
    goes_by_the_table(app, "PUBLIC").await;
}

async fn goes_by_the_table(app: &TestApp, visibility: &str) {
    let cast = Cast::new(app).await;
    let mut unused = None;
    let mut wrong = Vec::new();
    for Rule { act, owner, admin, member, outsider, .. } in RULES {
        for (by, may) in [
            (&cast.outsider, outsider && visibility == "PUBLIC"),
            (&cast.member, member),
            (&cast.admin, admin),
            (&cast.owner, owner),
        ] {
            let group = match unused.take() {
                Some(group) => group,
                None => cast.group(visibility).await,
            };
            let before = cast.standing(&group).await;
            let Some(done) = cast.act(by, &group, act).await else {
                unused = Some(group);
                continue;
            };
            let expected = match (may, visibility) {
                (true, _) => "OK",
                (false, "PRIVATE") if by.id == cast.outsider.id => "NOT_FOUND",
                // What one can't read is not there either.
                (false, _) if act == Act::DeleteMessages && by.id == cast.outsider.id => {
                    "NOT_FOUND"
                }
                (false, _) => "FORBIDDEN",
            };
            let changed = cast.standing(&group).await != before;
            let looks = matches!(act, Act::See | Act::TakePart | Act::DeleteMessages);
            let told = done.as_ref().map_or_else(|refusal| refusal.code.as_str(), |()| "OK");
            if told != expected || changed != (may && !looks) {
                wrong.push(format!("{act:?} by {}: {done:?}, changed: {changed}", by.username));
            }
            if !changed {
                unused = Some(group);
            }
        }
    }
    cast.stores.sql.close().await;
    assert!(wrong.is_empty(), "{visibility}:\n{}", wrong.join("\n"));
}
