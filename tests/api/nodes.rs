//! Everything is found by its id, by those who may see it.

use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, TestApp},
};

stories! {
    a_node_is_found_by_its_id,
    what_belongs_to_others_is_null,
    nodes_come_in_the_order_that_was_asked_for,
}

const NODES: &str = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id
    ... on User { username }
    ... on Session { device current }
    ... on DirectConversation { peer { username } lastMessage { body } }
    ... on Message { body seq sender { username } } } }";

async fn nodes(client: &Client, ids: &Value) -> Value {
    client.data(NODES, json!({ "ids": ids })).await["nodes"].take()
}

async fn a_node_is_found_by_its_id(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let sent = ada.send(&grace, "Hello").await;
    let conversation = &sent["conversation"]["id"];
    let session = grace.session().await;
    let (message, dm) = (sent["id"].as_str().unwrap(), conversation.as_str().unwrap());
    for (id, prefix) in
        [(ada.id.as_str(), "user_"), (dm, "dm_"), (message, "msg_"), (&session, "ses_")]
    {
        assert!(id.starts_with(prefix), "{id}");
    }
    let found = nodes(&grace, &json!([ada.id, conversation, message, session])).await;
    let expected = json!([
        { "__typename": "User", "id": ada.id, "username": ada.username },
        {
            "__typename": "DirectConversation", "id": dm,
            "peer": { "username": ada.username }, "lastMessage": { "body": "Hello" },
        },
        {
            "__typename": "Message", "id": message, "body": "Hello", "seq": 1,
            "sender": { "username": ada.username },
        },
        { "__typename": "Session", "id": session, "device": null, "current": true },
    ]);
    assert_eq!(found, expected);
    for (id, expected) in
        [&ada.id, dm, message, &session].into_iter().zip(expected.as_array().unwrap())
    {
        let query = "query ($id: ID!) { node(id: $id) { __typename id } }";
        let node = grace.data(query, json!({ "id": id })).await["node"].take();
        assert_eq!(node, json!({ "__typename": expected["__typename"], "id": id }));
    }
    let query = "query ($id: ID!) { conversation(id: $id) { id } }";
    let data = grace.data(query, json!({ "id": dm })).await;
    assert_eq!(data["conversation"]["id"], dm);
}

async fn what_belongs_to_others_is_null(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let sent = ada.send(&grace, "Between us").await;
    let (message, dm) = (&sent["id"], &sent["conversation"]["id"]);
    let session = ada.session().await;
    // Not even a friend sees another's session.
    assert_eq!(nodes(&grace, &json!([session])).await, json!([null]));
    assert_eq!(nodes(&alan, &json!([dm, message, session])).await, json!([null, null, null]));
    let query = "query ($id: ID!) { conversation(id: $id) { id } }";
    let data = alan.data(query, json!({ "id": dm })).await;
    assert_eq!(data["conversation"], Value::Null);
    let refused = alan.send_to(json!({ "conversationId": dm }), "Me too", None).await.unwrap_err();
    assert_eq!(refused.code, "NOT_FOUND");

    // Their sessions' end is the end of what can be read of them.
    let phone = app.device("ada", "phone").await;
    let of_phone = phone.session().await;
    assert_eq!(nodes(&ada, &json!([of_phone])).await[0]["device"], "phone");
    ada.end_session(&of_phone).await.unwrap();
    assert_eq!(nodes(&ada, &json!([of_phone])).await, json!([null]));
}

async fn nodes_come_in_the_order_that_was_asked_for(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let sent = ada.send(&grace, "Hello").await;
    let unknown = "user_00000000000000000000000000";
    let ids = json!([
        sent["id"],
        grace.id,
        unknown,
        ada.id,
        sent["id"],
        grace.id,
        "msg_00000000000000000000000000",
        "dm_00000000000000000000000000",
        "ses_00000000000000000000000000",
        sent["conversation"]["id"],
    ]);
    let found = nodes(&ada, &ids).await;
    let found: Vec<&Value> = found.as_array().unwrap().iter().map(|node| &node["id"]).collect();
    let null = Value::Null;
    assert_eq!(
        found,
        [&ids[0], &ids[1], &null, &ids[3], &ids[4], &ids[5], &null, &null, &null, &ids[9],]
    );
    assert_eq!(nodes(&ada, &json!([])).await, json!([]));
    let hundred = vec![ada.id.as_str(); 100];
    assert_eq!(nodes(&ada, &json!(hundred)).await.as_array().unwrap().len(), 100);
}
