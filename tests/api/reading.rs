//! How far people have read: counted, marked, seen by those who may, muted.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    stories,
    support::{Client, TestApp, client::Refusal},
};

mod events;
mod sharing;

stories! {
    what_is_unread_is_counted_until_it_is_read,
    a_marker_moves_forward_only,
    many_marks_at_once_end_where_the_furthest_is,
    a_group_is_read_by_each_for_themselves,
    what_is_muted_does_not_count,
    what_can_not_be_marked_or_muted_is_refused,
}

/// What is read of a conversation.
const STATE: &str = "id unreadCount muted readMarkers { user { id } seq at }";

impl Client {
    /// Reads up to a message, and returns the conversation as it is then.
    async fn read(&self, conversation: &str, seq: i64) -> Value {
        self.try_read(conversation, seq).await.unwrap()
    }

    async fn try_read(&self, conversation: &str, seq: i64) -> Result<Value, Refusal> {
        let query = format!(
            "mutation ($id: ID!, $seq: Int!) {{ markRead(conversationId: $id, seq: $seq) {{ {STATE} }} }}"
        );
        let data = self.attempt(&query, json!({ "id": conversation, "seq": seq })).await;
        data.map(|mut data| data["markRead"].take())
    }

    async fn mute(&self, conversation: &str, muted: bool) -> Value {
        self.try_mute(conversation, muted).await.unwrap()
    }

    async fn try_mute(&self, conversation: &str, muted: bool) -> Result<Value, Refusal> {
        let query = format!(
            "mutation ($id: ID!, $muted: Boolean!) {{
                muteConversation(conversationId: $id, muted: $muted) {{ {STATE} }} }}"
        );
        let data = self.attempt(&query, json!({ "id": conversation, "muted": muted })).await;
        data.map(|mut data| data["muteConversation"].take())
    }

    /// A conversation that the client is in.
    async fn state(&self, conversation: &str) -> Value {
        let query = format!("query ($id: ID!) {{ conversation(id: $id) {{ {STATE} }} }}");
        self.data(&query, json!({ "id": conversation })).await["conversation"].take()
    }

    async fn unread(&self, conversation: &str) -> i64 {
        self.state(conversation).await["unreadCount"].as_i64().unwrap()
    }

    /// What the client has not read anywhere.
    async fn unread_in_all(&self) -> i64 {
        let data = self.data("{ viewer { unreadCount } }", Value::Null).await;
        data["viewer"]["unreadCount"].as_i64().unwrap()
    }

    /// How far each has read whom the client sees, the newest marker first.
    async fn sees(&self, conversation: &str) -> Vec<(String, i64)> {
        markers(&self.state(conversation).await)
    }
}

fn markers(conversation: &Value) -> Vec<(String, i64)> {
    let markers = conversation["readMarkers"].as_array().unwrap();
    let times: Vec<&str> = markers.iter().map(|marker| marker["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    let marker = |marker: &Value| {
        let user = marker["user"]["id"].as_str().unwrap().to_owned();
        (user, marker["seq"].as_i64().unwrap())
    };
    markers.iter().map(marker).collect()
}

fn marker(who: &Client, seq: i64) -> (String, i64) {
    (who.id.clone(), seq)
}

/// Sends so many messages, and returns the id of the conversation.
async fn write(from: &Client, to: &Client, count: usize) -> String {
    let mut conversation = Value::Null;
    for n in 0..count {
        conversation = from.send(to, &format!("{n}")).await["conversation"]["id"].take();
    }
    conversation.as_str().unwrap().to_owned()
}

async fn what_is_unread_is_counted_until_it_is_read(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    assert_eq!(grace.unread_in_all().await, 0);
    let id = write(&ada, &grace, 3).await;
    let other = write(&alan, &grace, 2).await;
    assert_eq!((grace.unread(&id).await, grace.unread(&other).await), (3, 2));
    assert_eq!(grace.unread_in_all().await, 5);
    assert_eq!((ada.unread(&id).await, ada.unread_in_all().await), (0, 0));

    let read = grace.read(&id, 2).await;
    assert_eq!(
        (&read["id"], &read["unreadCount"], &read["muted"]),
        (&json!(id), &json!(1), &json!(false))
    );
    assert_eq!(markers(&read), [marker(&grace, 2)]);
    assert_eq!(grace.unread_in_all().await, 3);
    // Sending means having read.
    write(&grace, &ada, 1).await;
    assert_eq!((grace.unread(&id).await, ada.unread(&id).await), (0, 1));
    assert_eq!(grace.unread_in_all().await, 2);

    app.restart().await;
    assert_eq!((ada.unread(&id).await, grace.unread_in_all().await), (1, 2));
    let list = "{ viewer { unreadCount conversations { nodes { id unreadCount } } } }";
    let viewer = grace.data(list, Value::Null).await["viewer"].take();
    let expected = json!({ "unreadCount": 2, "conversations": { "nodes": [
        { "id": id, "unreadCount": 0 }, { "id": other, "unreadCount": 2 },
    ] } });
    assert_eq!(viewer, expected);
}

async fn a_marker_moves_forward_only(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let id = write(&ada, &grace, 5).await;
    let mut feed = ada.feed().await;
    for (seq, now) in [(2, 2), (1, 2), (2, 2), (3, 3), (2_147_483_647, 5), (4, 5)] {
        assert_eq!(markers(&grace.read(&id, seq).await), [marker(&grace, now)], "{seq}");
        assert_eq!(grace.unread(&id).await, 5 - now);
    }
    write(&ada, &grace, 1).await;
    assert_eq!(grace.unread(&id).await, 1, "what is past the head was not read");
    for seq in [2, 3, 5] {
        assert_eq!(feed.hears_marker(&id, &grace).await["seq"], seq, "only what moves is told");
    }
    feed.message().await;
}

async fn many_marks_at_once_end_where_the_furthest_is(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let id = write(&ada, &grace, 40).await;
    let mut feed = ada.feed().await;
    let writing =
        join_all((0..40).map(|_| ada.send_to(json!({ "conversationId": id }), "x", None)));
    let reading = join_all((1..=40).map(|seq| grace.read(&id, seq)));
    let (_, read) = futures::join!(writing, reading);
    assert!(read.iter().all(|read| !markers(read).is_empty()));
    assert_eq!(grace.sees(&id).await, [marker(&grace, 40)]);
    assert_eq!(grace.unread(&id).await, 40);
    let (mut messages, mut last) = (0, 0);
    while messages < 40 || last < 40 {
        let event = feed.next().await;
        if event["__typename"] == "MessageSent" {
            messages += 1;
        } else {
            let seq = event["marker"]["seq"].as_i64().unwrap();
            assert!(seq > last, "{event:#}");
            last = seq;
        }
    }
}

async fn a_group_is_read_by_each_for_themselves(app: &TestApp) {
    let (ada, grace, alan) =
        tokio::join!(app.person("ada"), app.person("grace"), app.person("alan"));
    let group = ada.found("Walks", "PUBLIC", &[&grace]).await;
    for body in ["one", "two", "three"] {
        ada.tell(&group, body).await;
    }
    alan.join_group(&group).await.unwrap();
    let unread =
        async || (ada.unread(&group).await, grace.unread(&group).await, alan.unread(&group).await);
    assert_eq!(unread().await, (0, 3, 0), "who joins later has nothing to catch up with");
    grace.tell(&group, "four").await;
    assert_eq!(unread().await, (1, 0, 1));
    alan.read(&group, 4).await;
    ada.read(&group, 4).await;
    assert_eq!(unread().await, (0, 0, 0));
    assert_eq!(grace.sees(&group).await, [marker(&ada, 4), marker(&alan, 4)]);

    alan.leave_group(&group).await.unwrap();
    assert_eq!(grace.sees(&group).await, [marker(&ada, 4)], "who is gone has no marker");
    let outside = "query ($id: ID!) { node(id: $id) { ... on Group { name unreadCount muted
        readMarkers { seq } } } }";
    let seen = alan.data(outside, json!({ "id": group })).await["node"].take();
    assert_eq!(
        seen,
        json!({ "name": "Walks", "unreadCount": 0, "muted": false, "readMarkers": [] })
    );
    ada.tell(&group, "five").await;
    assert_eq!(alan.unread_in_all().await, 0);
    alan.join_group(&group).await.unwrap();
    assert_eq!((alan.unread(&group).await, alan.sees(&group).await.len()), (0, 1));
    ada.tell(&group, "six").await;
    assert_eq!(unread().await, (0, 2, 1), "who comes back begins anew");
    ada.delete_group(&group).await.unwrap();
    assert_eq!(grace.unread_in_all().await, 0);
}

async fn what_is_muted_does_not_count(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let alan = app.person("alan").await;
    let id = write(&ada, &grace, 3).await;
    let other = write(&alan, &grace, 2).await;
    let muted = grace.mute(&id, true).await;
    assert_eq!(
        (&muted["id"], &muted["muted"], &muted["unreadCount"]),
        (&json!(id), &json!(true), &json!(3))
    );
    assert_eq!(grace.unread_in_all().await, 2);
    assert_eq!(grace.mute(&id, true).await, muted, "it is so already");
    assert_eq!(ada.state(&id).await["muted"], false, "it is hers alone");
    grace.mute(&other, true).await;
    assert_eq!(grace.unread_in_all().await, 0);
    write(&ada, &grace, 1).await;
    assert_eq!(grace.unread_in_all().await, 0);
    assert_eq!(grace.mute(&id, false).await["unreadCount"], 4);
    assert_eq!(grace.unread_in_all().await, 4);

    let group = ada.found("Walks", "PUBLIC", &[&grace]).await;
    ada.tell(&group, "Hello").await;
    assert_eq!(grace.unread_in_all().await, 5);
    assert_eq!(grace.mute(&group, true).await["muted"], true);
    assert_eq!(grace.unread_in_all().await, 4);
    grace.leave_group(&group).await.unwrap();
    grace.join_group(&group).await.unwrap();
    assert_eq!(grace.state(&group).await["muted"], false, "who comes back begins anew");
}

async fn what_can_not_be_marked_or_muted_is_refused(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let (alan, emmy) = tokio::join!(app.person("alan"), app.person("emmy"));
    let sent = ada.send(&grace, "for two").await;
    let theirs = sent["conversation"]["id"].as_str().unwrap();
    let open = ada.found("Walks", "PUBLIC", &[&alan]).await;
    let closed = ada.found("Secrets", "PRIVATE", &[&emmy, &alan]).await;
    ada.tell(&open, "Hello").await;
    ada.tell(&closed, "Hello").await;
    alan.leave_group(&open).await.unwrap();
    ada.remove_member(&closed, &alan).await.unwrap();
    let as_group = theirs.replace("dm_", "grp_");
    let as_direct = closed.replace("grp_", "dm_");
    let nowhere = format!("{}zz", &theirs[..theirs.len() - 2]);
    let mut feed = ada.feed().await;
    for (who, id) in [
        (&alan, theirs),
        (&alan, &open),
        (&alan, &closed),
        (&ada, &as_group),
        (&ada, &as_direct),
        (&ada, &nowhere),
    ] {
        assert_eq!(who.try_read(id, 1).await.unwrap_err().code, "NOT_FOUND", "{id}");
        assert_eq!(who.try_mute(id, true).await.unwrap_err().code, "NOT_FOUND", "{id}");
    }
    for id in ["", "nonsense", &ada.id, sent["id"].as_str().unwrap()] {
        for refused in [ada.try_read(id, 1).await, ada.try_mute(id, true).await] {
            let Refusal { code, field, .. } = refused.unwrap_err();
            assert_eq!((&*code, field.as_deref()), ("BAD_USER_INPUT", Some("conversationId")));
        }
    }
    for seq in [0, -1, -2_147_483_648] {
        let Refusal { code, field, .. } = grace.try_read(theirs, seq).await.unwrap_err();
        assert_eq!((&*code, field.as_deref()), ("BAD_USER_INPUT", Some("seq")), "{seq}");
    }
    for seq in [2_147_483_648, i64::MIN] {
        assert_eq!(grace.try_read(theirs, seq).await.unwrap_err().code, "BAD_USER_INPUT", "{seq}");
    }
    let stranger = app.stranger();
    assert_eq!(stranger.try_read(theirs, 1).await.unwrap_err().code, "UNAUTHENTICATED");
    assert_eq!(stranger.try_mute(theirs, true).await.unwrap_err().code, "UNAUTHENTICATED");
    assert!(grace.sees(theirs).await.is_empty());
    feed.is_served().await;
    ada.send(&grace, "nothing came before").await;
    assert_eq!(feed.message().await, "nothing came before");
}
