//! What people do with groups, by way of the API.

use serde_json::{Value, json};

use super::{Client, Feed, client::Refusal};

/// What is read of a group.
const GROUP: &str = "id name description visibility memberCount viewerRole";

fn ids(people: &[&Client]) -> Vec<String> {
    people.iter().map(|person| person.id.clone()).collect()
}

impl Client {
    /// Makes a group that the client owns, and returns its id.
    pub async fn found(&self, name: &str, visibility: &str, members: &[&Self]) -> String {
        let input = json!({ "name": name, "visibility": visibility, "memberIds": ids(members) });
        let group = self.create_group(input).await.unwrap();
        group["id"].as_str().unwrap().to_owned()
    }

    pub async fn create_group(&self, input: Value) -> Result<Value, Refusal> {
        let query = format!(
            "mutation ($input: CreateGroupInput!) {{ group: createGroup(input: $input) {{ {GROUP} }} }}"
        );
        self.changed(&query, json!({ "input": input })).await
    }

    pub async fn update_group(&self, group: &str, mut changes: Value) -> Result<Value, Refusal> {
        changes["groupId"] = json!(group);
        let query = format!(
            "mutation ($input: UpdateGroupInput!) {{ group: updateGroup(input: $input) {{ {GROUP} }} }}"
        );
        self.changed(&query, json!({ "input": changes })).await
    }

    pub async fn add_members(&self, group: &str, people: &[&Self]) -> Result<Value, Refusal> {
        let query = format!(
            "mutation ($group: ID!, $people: [ID!]!) {{
                group: addGroupMembers(groupId: $group, userIds: $people) {{ {GROUP} }} }}"
        );
        self.changed(&query, json!({ "group": group, "people": ids(people) })).await
    }

    pub async fn remove_member(&self, group: &str, who: &Self) -> Result<Value, Refusal> {
        let query = format!(
            "mutation ($group: ID!, $who: ID!) {{
                group: removeGroupMember(groupId: $group, userId: $who) {{ {GROUP} }} }}"
        );
        self.changed(&query, json!({ "group": group, "who": who.id })).await
    }

    pub async fn set_role(&self, group: &str, who: &Self, role: &str) -> Result<Value, Refusal> {
        let query = format!(
            "mutation ($group: ID!, $who: ID!, $role: GroupRole!) {{
                group: setGroupRole(groupId: $group, userId: $who, role: $role) {{ {GROUP} }} }}"
        );
        self.changed(&query, json!({ "group": group, "who": who.id, "role": role })).await
    }

    pub async fn join_group(&self, group: &str) -> Result<Value, Refusal> {
        let query =
            format!("mutation ($group: ID!) {{ group: joinGroup(groupId: $group) {{ {GROUP} }} }}");
        self.changed(&query, json!({ "group": group })).await
    }

    pub async fn leave_group(&self, group: &str) -> Result<Value, Refusal> {
        let query = format!(
            "mutation ($group: ID!) {{ group: leaveGroup(groupId: $group) {{ {GROUP} }} }}"
        );
        self.changed(&query, json!({ "group": group })).await
    }

    pub async fn delete_group(&self, group: &str) -> Result<Value, Refusal> {
        let query = "mutation ($group: ID!) { group: deleteGroup(groupId: $group) }";
        self.changed(query, json!({ "group": group })).await
    }

    /// Sends a message to a group, and returns it.
    pub async fn tell(&self, group: &str, body: &str) -> Value {
        self.try_tell(group, body).await.unwrap()
    }

    /// Sends a message to a group, if the server lets one.
    pub async fn try_tell(&self, group: &str, body: &str) -> Result<Value, Refusal> {
        self.send_to(json!({ "conversationId": group }), body, None).await
    }

    /// The group as the client sees it; null for who may not know of it.
    pub async fn group(&self, id: &str) -> Value {
        let query =
            format!("query ($id: ID!) {{ node(id: $id) {{ ... on Group {{ {GROUP} }} }} }}");
        self.data(&query, json!({ "id": id })).await["node"].take()
    }

    /// The usernames of the members and what they are, by username.
    pub async fn members(&self, group: &str) -> Vec<(String, String)> {
        let query = "query ($id: ID!) { node(id: $id) { ... on Group { members(first: 100) {
            totalCount edges { role since node { username } } } } } }";
        let data = self.data(query, json!({ "id": group })).await;
        let list = &data["node"]["members"];
        let edges = list["edges"].as_array().unwrap_or_else(|| panic!("no list: {data:#}"));
        assert_eq!(list["totalCount"], edges.len());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        edges.iter().map(|edge| (text(&edge["node"]["username"]), text(&edge["role"]))).collect()
    }

    /// What the client can read of a group's messages.
    pub async fn reads(&self, group: &str) -> Vec<String> {
        let query = "query ($id: ID!) { node(id: $id) { ... on Group {
            messages(last: 100) { nodes { body } } } } }";
        let data = self.data(query, json!({ "id": group })).await;
        let nodes = data["node"]["messages"]["nodes"].as_array().map_or(&[][..], Vec::as_slice);
        nodes.iter().map(|node| node["body"].as_str().unwrap().to_owned()).collect()
    }

    async fn changed(&self, query: &str, variables: Value) -> Result<Value, Refusal> {
        self.attempt(query, variables).await.map(|mut data| data["group"].take())
    }
}

impl Feed {
    /// The next event, which has to tell what `who` is in the group now.
    pub async fn hears_role(&mut self, group: &str, who: &Client, role: Option<&str>) -> Value {
        let event = self.next().await;
        assert_eq!(event["__typename"], "MembershipChanged", "{event:#}");
        let told = (&event["group"]["id"], &event["user"]["id"], event["role"].as_str());
        assert_eq!(told, (&json!(group), &json!(who.id), role), "{event:#}");
        event
    }

    /// Everything that comes before the message with this text.
    pub async fn until_message(&mut self, body: &str) -> Vec<Value> {
        let mut before = Vec::new();
        loop {
            let event = self.next().await;
            if event["message"]["body"] == body {
                return before;
            }
            before.push(event);
        }
    }
}
