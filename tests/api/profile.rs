//! How people present themselves, and that others see it at once.

use serde_json::{Value, json};

use crate::{stories, support::TestApp};

stories! {
    a_profile_is_what_was_changed_of_it,
    others_see_a_new_profile_at_once,
    a_rename_shows_in_live_events,
    a_new_name_is_found_and_the_old_one_is_not,
}

const AVATAR: &str = "https://example.org/ada.png";

async fn a_profile_is_what_was_changed_of_it(app: &TestApp) {
    let ada = app.person("ada").await;
    let mut expected = json!({
        "username": ada.username, "displayName": "ada", "bio": null, "avatarUrl": null,
    });
    for (changes, shown) in [
        (
            json!({ "displayName": "  Ada Lovelace 👩‍💻 " }),
            json!({ "displayName": "Ada Lovelace 👩‍💻" }),
        ),
        (
            json!({ "bio": " Notes.\nNote G. ", "avatarUrl": AVATAR }),
            json!({ "bio": "Notes.\nNote G.", "avatarUrl": AVATAR }),
        ),
        // What is left out stays as it is, and so does a name that is null.
        (json!({}), json!({})),
        (json!({ "displayName": null }), json!({})),
        (json!({ "bio": null }), json!({ "bio": null })),
        (json!({ "bio": "x".repeat(500) }), json!({ "bio": "x".repeat(500) })),
        (json!({ "bio": " \n " }), json!({ "bio": null })),
        (json!({ "avatarUrl": null }), json!({ "avatarUrl": null })),
        (json!({ "displayName": "עדה" }), json!({ "displayName": "עדה" })),
        (
            json!({ "avatarUrl": "https://example.org/ä b?x=1#y" }),
            json!({ "avatarUrl": "https://example.org/%C3%A4%20b?x=1#y" }),
        ),
    ] {
        for (name, value) in shown.as_object().unwrap() {
            expected[name] = value.clone();
        }
        assert_eq!(ada.change_profile(changes.clone()).await, expected, "{changes}");
        let query = "{ viewer { user { username displayName bio avatarUrl } } }";
        let data = ada.data(query, Value::Null).await;
        assert_eq!(data["viewer"]["user"], expected, "{changes}");
    }
}

async fn others_see_a_new_profile_at_once(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    ada.send(&grace, "Hello").await;
    let group = grace.found("Walks", "PRIVATE", &[&ada]).await;
    let query = "query ($name: String!, $group: ID!) { user(username: $name) { displayName bio }
        viewer { friends { nodes { displayName } }
            conversations { nodes { ... on DirectConversation { peer { displayName }
                lastMessage { sender { displayName } } } } } }
        node(id: $group) { ... on Group { members(query: \"ada\") { nodes { displayName } } } } }";
    for name in ["Ada King", "Countess of Lovelace", "A. A. L."] {
        ada.change_profile(json!({ "displayName": name, "bio": name })).await;
        let data = grace.data(query, json!({ "name": ada.username, "group": group })).await;
        let shown = json!({ "displayName": name });
        assert_eq!(data["user"], json!({ "displayName": name, "bio": name }));
        assert_eq!(data["viewer"]["friends"]["nodes"], json!([shown]));
        let direct = json!({ "peer": shown, "lastMessage": { "sender": shown } });
        let conversations = data["viewer"]["conversations"]["nodes"].as_array().unwrap();
        assert!(conversations.contains(&direct), "{conversations:?}");
        assert_eq!(data["node"]["members"]["nodes"], json!([shown]));
    }
}

async fn a_rename_shows_in_live_events(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let group = grace.found("Walks", "PRIVATE", &[&ada]).await;
    // Both have written before, so that the old name is known by heart.
    ada.tell(&group, "Hello").await;
    ada.send(&grace, "Hello").await;
    let mut feed = grace.feed().await;
    for name in ["Ada King", "Countess of Lovelace", "A. A. L."] {
        ada.change_profile(json!({ "displayName": name })).await;
        ada.send(&grace, "to one").await;
        ada.tell(&group, "to all").await;
        ada.act("removeFriend", &grace).await.unwrap();
        ada.befriend(&grace).await;
        for what in ["message", "message", "user", "user", "user"] {
            let event = feed.next().await;
            let sender = if what == "user" { &event["user"] } else { &event[what]["sender"] };
            assert_eq!(sender["displayName"], name, "{event:#}");
        }
        grace.set_role(&group, &ada, "ADMIN").await.unwrap();
        let event = feed.hears_role(&group, &ada, Some("ADMIN")).await;
        assert_eq!(event["user"]["displayName"], name);
        grace.set_role(&group, &ada, "MEMBER").await.unwrap();
        feed.hears_role(&group, &ada, Some("MEMBER")).await;
    }
    // A profile is no event of its own.
    ada.change_profile(json!({ "bio": "Notes." })).await;
    ada.change_settings(json!({ "readReceipts": false })).await;
    ada.send(&grace, "Bye").await;
    assert_eq!(feed.message().await, "Bye");
}

async fn a_new_name_is_found_and_the_old_one_is_not(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let (old, new) = (format!("{} Old", app.town), format!("{} Né", app.town));
    let find = async |query: &str| {
        let document = "query ($query: String) { users(query: $query) { totalCount }
            viewer { friends(query: $query) { totalCount } } }";
        let data = grace.data(document, json!({ "query": query })).await;
        let count = |list: &Value| list["totalCount"].as_u64().unwrap();
        (count(&data["users"]), count(&data["viewer"]["friends"]))
    };
    ada.change_profile(json!({ "displayName": old })).await;
    assert_eq!((find(&old).await, find(&new).await), ((1, 1), (0, 0)));
    ada.change_profile(json!({ "displayName": new })).await;
    assert_eq!((find(&old).await, find(&new).await), ((0, 0), (1, 1)));
    assert_eq!(find(&format!("{} ne", app.town)).await, (1, 1), "without accents");
}
