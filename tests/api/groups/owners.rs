//! A group keeps an owner.

use serde_json::json;

use super::{code, members, three};
use crate::{stories, support::TestApp};

stories! {
    the_last_owner_hands_the_group_over_first,
    of_several_owners_all_but_one_may_go,
    who_owned_a_group_has_no_power_left,
}

async fn the_last_owner_hands_the_group_over_first(app: &TestApp) {
    let (group, people) = three(app, "PRIVATE").await;
    let [ada, grace, alan] = &people;
    ada.set_role(&group, grace, "ADMIN").await.unwrap();
    let mut feed = alan.feed().await;
    for refused in [
        ada.leave_group(&group).await,
        ada.remove_member(&group, ada).await,
        ada.set_role(&group, ada, "ADMIN").await,
        ada.set_role(&group, ada, "MEMBER").await,
    ] {
        assert_eq!(code(refused), "FORBIDDEN");
    }
    ada.set_role(&group, grace, "OWNER").await.unwrap();
    ada.leave_group(&group).await.unwrap();
    assert_eq!(alan.members(&group).await, members([(grace, "OWNER"), (alan, "MEMBER")]));
    feed.hears_role(&group, grace, Some("OWNER")).await;
    feed.hears_role(&group, ada, None).await;
    assert_eq!(code(grace.leave_group(&group).await), "FORBIDDEN");
    grace.delete_group(&group).await.unwrap();
}

async fn of_several_owners_all_but_one_may_go(app: &TestApp) {
    let (group, people) = three(app, "PUBLIC").await;
    let [ada, grace, alan] = &people;
    ada.set_role(&group, grace, "OWNER").await.unwrap();
    grace.set_role(&group, alan, "OWNER").await.unwrap();
    // One steps down, one is removed, and the last one has to stay.
    grace.set_role(&group, grace, "MEMBER").await.unwrap();
    alan.remove_member(&group, ada).await.unwrap();
    assert_eq!(code(alan.leave_group(&group).await), "FORBIDDEN");
    assert_eq!(grace.members(&group).await, members([(alan, "OWNER"), (grace, "MEMBER")]));
}

async fn who_owned_a_group_has_no_power_left(app: &TestApp) {
    let (group, people) = three(app, "PUBLIC").await;
    let [ada, grace, alan] = &people;
    ada.set_role(&group, grace, "OWNER").await.unwrap();
    grace.set_role(&group, ada, "MEMBER").await.unwrap();
    let attempts = async || {
        [
            ada.update_group(&group, json!({ "name": "Mine" })).await,
            ada.set_role(&group, alan, "ADMIN").await,
            ada.set_role(&group, ada, "OWNER").await,
            ada.remove_member(&group, alan).await,
            ada.delete_group(&group).await,
        ]
    };
    for refused in attempts().await {
        assert_eq!(code(refused), "FORBIDDEN");
    }
    ada.leave_group(&group).await.unwrap();
    for refused in attempts().await {
        assert_eq!(code(refused), "FORBIDDEN", "everybody knows of a public group");
    }
    grace.update_group(&group, json!({ "visibility": "PRIVATE" })).await.unwrap();
    for refused in attempts().await {
        assert_eq!(code(refused), "NOT_FOUND");
    }
}
