//! Bringing a store to the current schema.

use chatterbox::sql::Sql;
use futures::future::join_all;

use crate::Stores;

crate::promises! {
    migrating_again_changes_nothing,
    nodes_that_start_at_once_migrate_once,
}

async fn migrating_again_changes_nothing(stores: &Stores) {
    let before = stores.sql.version().await.unwrap();
    stores.sql.migrate().await.unwrap();
    assert_eq!(stores.sql.version().await.unwrap(), before);
}

async fn nodes_that_start_at_once_migrate_once(stores: &Stores) {
    let (url, fresh) = stores.fresh().await;
    join_all((0..4).map(|_| {
        let url = url.clone();
        async move {
            let node = Sql::open(&url).unwrap();
            node.migrate().await.unwrap();
            node.close().await;
        }
    }))
    .await;
    fresh.drop().await;
}
