//! Whether others see how far one has read is one's own to say.

use futures::future::join;
use serde_json::json;

use super::{marker, write};
use crate::{
    stories,
    support::{Client, TestApp},
};

stories! {
    who_turns_receipts_off_is_seen_no_more,
    who_turns_receipts_on_is_seen_from_then_on,
    nothing_is_shared_that_is_read_while_receipts_go_off,
    who_is_gone_has_no_marker,
}

async fn receipts(client: &Client, on: bool) {
    assert_eq!(client.change_settings(json!({ "readReceipts": on })).await["readReceipts"], on);
}

async fn who_turns_receipts_off_is_seen_no_more(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let phone = app.device("grace", "phone").await;
    let id = write(&ada, &grace, 3).await;
    let group = ada.found("Walks", "PRIVATE", &[&grace]).await;
    ada.tell(&group, "Hello").await;
    for id in [&id, &group] {
        grace.read(id, 1).await;
        assert_eq!(ada.sees(id).await, [marker(&grace, 1)]);
    }
    receipts(&grace, false).await;
    for id in [&id, &group] {
        assert!(ada.sees(id).await.is_empty(), "at once, and everywhere");
        assert_eq!(grace.sees(id).await, [marker(&grace, 1)]);
    }
    let (mut of_ada, mut of_grace, mut on_phone) =
        tokio::join!(ada.feed(), grace.feed(), phone.feed());
    grace.read(&id, 3).await;
    assert_eq!(grace.sees(&id).await, [marker(&grace, 3)]);
    assert!(ada.sees(&id).await.is_empty());
    for feed in [&mut of_grace, &mut on_phone] {
        assert_eq!(feed.hears_marker(&id, &grace).await["seq"], 3, "her own devices hear of it");
    }
    of_ada.is_served().await;
    // She still sees who shares it.
    ada.read(&group, 1).await;
    assert_eq!(grace.sees(&group).await, [marker(&ada, 1), marker(&grace, 1)]);
    assert_eq!(of_grace.hears_marker(&group, &ada).await["seq"], 1);
}

async fn who_turns_receipts_on_is_seen_from_then_on(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    receipts(&grace, false).await;
    let id = write(&ada, &grace, 3).await;
    grace.read(&id, 2).await;
    receipts(&grace, true).await;
    assert!(ada.sees(&id).await.is_empty(), "what was read before stays hers");
    grace.change_profile(json!({ "bio": "Notes." })).await;
    let mut feed = ada.feed().await;
    grace.read(&id, 2).await;
    assert!(ada.sees(&id).await.is_empty());
    grace.read(&id, 3).await;
    assert_eq!(ada.sees(&id).await, [marker(&grace, 3)]);
    assert_eq!(feed.hears_marker(&id, &grace).await["seq"], 3);
    // At once, too.
    for n in 4..8 {
        receipts(&grace, false).await;
        receipts(&grace, true).await;
        write(&ada, &grace, 1).await;
        grace.read(&id, n).await;
        assert_eq!(ada.sees(&id).await, [marker(&grace, n)]);
    }
}

async fn nothing_is_shared_that_is_read_while_receipts_go_off(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let id = write(&ada, &grace, 60).await;
    for round in 0..5 {
        receipts(&grace, true).await;
        let reading = async {
            for n in 1..=12 {
                grace.read(&id, round * 12 + n).await;
            }
        };
        join(reading, receipts(&grace, false)).await;
        assert!(ada.sees(&id).await.is_empty(), "round {round}");
    }
    assert_eq!(grace.unread(&id).await, 0);
}

async fn who_is_gone_has_no_marker(app: &TestApp) {
    let (ada, grace) = app.friends("ada", "grace").await;
    let id = write(&ada, &grace, 1).await;
    grace.read(&id, 1).await;
    ada.read(&id, 1).await;
    assert_eq!(ada.sees(&id).await, [marker(&ada, 1), marker(&grace, 1)]);
    grace.delete_account(crate::support::accounts::PASSWORD).await.unwrap();
    assert_eq!(ada.sees(&id).await, [marker(&ada, 1)]);
}
