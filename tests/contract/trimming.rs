//! Forgetting the oldest part of the log.

use std::time::Duration;

use chatterbox::{
    error::Error,
    ids::{ConversationId, UserId},
    messaging::{ConversationStore, Entry, IndexStore, KEPT, LogStore, Position, Scope, TrimStore},
};
use chatterbox_graph::Timestamp;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Connection, Executor, QueryBuilder, Row};

use crate::{
    Stores,
    log::tell,
    memberships::{MEMBER, OWNER, change, new_group, to_group},
    messages::{conversation, draft, write},
};

crate::promises! {
    what_is_old_is_trimmed_batch_by_batch,
    who_resumes_from_before_is_told,
    nodes_that_trim_at_once_trim_no_further,
    a_group_that_was_left_long_ago_is_not_known_any_more,
    an_absence_costs_what_was_missed,
}

const MONTH: Duration = Duration::from_micros(KEPT.cast_unsigned());

/// Deletes what is old, as far as `until`; returns how much that was.
async fn trim(stores: &Stores, until: i64, limit: usize) -> usize {
    let before = Timestamp(stores.ambient.now().0 - KEPT);
    stores.sql.trim(before, Position(until), limit).await.unwrap()
}

/// What is left of the log.
async fn left(stores: &Stores) -> Vec<i64> {
    let head = stores.sql.head().await.unwrap();
    let log = stores.sql.read(Position(0), head, 10_000).await.unwrap();
    log.iter().map(|entry| entry.pos.0).collect()
}

async fn what_is_old_is_trimmed_batch_by_batch(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    for _ in 0..5 {
        write(stores, &[draft(stores, id, ada, "hello", None)]).await;
        tell(stores, ada, grace).await;
    }
    assert_eq!(trim(stores, 10, 100).await, 0, "nothing is old yet");
    stores.clock.advance(MONTH);
    tell(stores, ada, grace).await;
    assert_eq!(trim(stores, 0, 100).await, 0, "not before it was taken in");
    assert_eq!(trim(stores, 8, 3).await, 3);
    assert_eq!(left(stores).await, (4..=11).collect::<Vec<_>>());
    assert_eq!(trim(stores, 8, 100).await, 5);
    assert_eq!(trim(stores, 8, 100).await, 0);
    assert_eq!(trim(stores, 100, 100).await, 2, "up to what is not old");
    assert_eq!(left(stores).await, [11]);
    assert_eq!(trim(stores, 100, 100).await, 0);

    // What was said stays, and can still be found.
    let talk = stores.sql.conversations(ada, &[id]).await.unwrap()[&id];
    assert_eq!(talk.last_seq, 5);
    stores.clock.advance(MONTH * 2);
    assert_eq!(trim(stores, 100, 100).await, 1, "the log may become empty");
    assert_eq!(tell(stores, ada, grace).await.pos, Position(12));
    assert_eq!(left(stores).await, [12]);
    assert_eq!(stores.sql.index(100).await.unwrap().pos, Position(12));
}

async fn who_resumes_from_before_is_told(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    for _ in 0..6 {
        write(stores, &[draft(stores, id, ada, "hello", None)]).await;
    }
    stores.clock.advance(MONTH * 2);
    let read = async |after: i64| {
        let page = stores.sql.read_for(grace, Position(after), Position(6), 2).await;
        page.map(|page| page.iter().map(|entry| entry.pos.0).collect::<Vec<_>>())
    };
    let expired = async |after| matches!(read(after).await, Err(Error::CursorExpired));
    assert_eq!(read(0).await.unwrap(), [1, 2]);
    assert_eq!(trim(stores, 2, 100).await, 2);
    assert!(expired(0).await && expired(1).await);
    assert_eq!(read(2).await.unwrap(), [3, 4]);
    // Between two pages.
    assert_eq!(trim(stores, 5, 100).await, 3);
    assert!(expired(4).await);
    assert_eq!(read(5).await.unwrap(), [6]);
    // Also for who missed nothing: nobody can tell.
    let stranger: UserId = stores.ambient.id();
    let none = stores.sql.read_for(stranger, Position(4), Position(6), 2).await;
    assert!(matches!(none, Err(Error::CursorExpired)));
}

async fn nodes_that_trim_at_once_trim_no_further(stores: &Stores) {
    let (ada, _, id) = conversation(stores).await;
    for _ in 0..4 {
        let drafts: Vec<_> = (0..50).map(|_| draft(stores, id, ada, "x", None)).collect();
        write(stores, &drafts).await;
    }
    stores.clock.advance(MONTH * 2);
    let other = chatterbox::sql::Sql::open(&stores.url).unwrap();
    let before = Timestamp(stores.ambient.now().0 - KEPT);
    let trimmed = futures::future::join_all((0..4).map(|node| {
        let node = if node % 2 == 0 { &stores.sql } else { &other };
        async move {
            let mut sum = 0;
            loop {
                match node.trim(before, Position(150), 20).await.unwrap() {
                    0 => return sum,
                    trimmed => sum += trimmed,
                }
            }
        }
    }))
    .await;
    assert_eq!(trimmed.into_iter().sum::<usize>(), 150);
    assert_eq!(left(stores).await, (151..=200).collect::<Vec<_>>());
    other.close().await;
}

async fn a_group_that_was_left_long_ago_is_not_known_any_more(stores: &Stores) {
    let (ada, grace) = (stores.ambient.id(), stores.ambient.id());
    let group = new_group(stores);
    change(stores, &group, 1, &[(ada, OWNER), (grace, MEMBER)]).await;
    change(stores, &group, 2, &[(grace, None)]).await;
    assert_eq!(stores.sql.left_groups(grace, &[group.id]).await.unwrap()[&group.id], group);
    stores.clock.advance(MONTH * 2);
    assert_eq!(trim(stores, 3, 100).await, 3);
    assert!(stores.sql.left_groups(grace, &[group.id]).await.unwrap().is_empty());
    // It goes on for who is still in it, and for who comes back.
    write(stores, &[to_group(stores, &group, ada)]).await;
    change(stores, &group, 3, &[(grace, MEMBER)]).await;
    write(stores, &[to_group(stores, &group, ada)]).await;
    let head = stores.sql.head().await.unwrap();
    let feed = stores.sql.read_for(grace, Position(3), head, 100).await.unwrap();
    assert_eq!(feed.iter().map(|entry| entry.pos.0).collect::<Vec<_>>(), [5, 6]);
}

/// Appends so many entries of a conversation, as if its members had marked it
/// read that often.
async fn fill(connection: &mut AnyConnection, id: ConversationId, sample: &Entry, count: i64) {
    let template = sample.pos.0;
    let head: i64 =
        sqlx::query_scalar("SELECT pos FROM head").fetch_one(&mut *connection).await.unwrap();
    let id = id.uuid().as_bytes().to_vec();
    for from in (0..count).step_by(500) {
        let mut query = QueryBuilder::<Any>::new(
            "INSERT INTO log (pos, at, conversation_id, kind, payload, message_pos) ",
        );
        query.push_values(from..(from + 500).min(count), |mut row, n| {
            row.push_bind(head + 1 + n)
                .push_bind(sample.at.0)
                .push_bind(id.clone())
                .push_bind("reactions_changed")
                .push_bind("")
                .push_bind(template);
        });
        query.build().execute(&mut *connection).await.unwrap();
    }
    let end = head + count;
    for statement in [
        format!("UPDATE head SET pos = {end}"),
        format!("UPDATE conversations SET logged_pos = {end} WHERE id = x'{}'", hex(&id)),
    ] {
        connection.execute(AssertSqlSafe(statement)).await.unwrap();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How many rows of the log were read so far, as the server counts them.
/// SQLite does not count; its plan is tested beside the statement.
async fn rows_read(connection: &mut AnyConnection, stores: &Stores) -> Option<i64> {
    let statement = match stores.sql.version().await.unwrap() {
        lite if lite.starts_with("SQLite") => return None,
        maria if maria.contains("MariaDB") => {
            connection.execute("SET GLOBAL userstat = 1").await.unwrap();
            "SELECT CAST(SUM(rows_read) AS SIGNED) FROM information_schema.table_statistics \
             WHERE table_schema = DATABASE() AND table_name = 'log'"
        }
        _ => {
            "SELECT CAST(count_fetch AS SIGNED) FROM performance_schema.table_io_waits_summary_by_table \
             WHERE object_schema = DATABASE() AND object_name = 'log'"
        }
    };
    let row = connection.fetch_one(statement).await.unwrap();
    Some(row.get::<Option<i64>, _>(0).unwrap_or_default())
}

async fn an_absence_costs_what_was_missed(stores: &Stores) {
    let (ada, grace, id) = conversation(stores).await;
    let (one, _, elsewhere) = conversation(stores).await;
    write(stores, &[draft(stores, id, ada, "before", None)]).await;
    write(stores, &[draft(stores, elsewhere, one, "theirs", None)]).await;
    let head = stores.sql.head().await.unwrap();
    let sample = stores.sql.read(Position(1), head, 1).await.unwrap().remove(0);
    assert_eq!(sample.scope, Scope::Conversation(elsewhere));
    let mut connection = AnyConnection::connect(&stores.url).await.unwrap();
    fill(&mut connection, elsewhere, &sample, 10_000).await;
    write(stores, &[draft(stores, id, ada, "missed", None)]).await;
    fill(&mut connection, elsewhere, &sample, 10_000).await;
    tell(stores, grace, ada).await;

    let head = stores.sql.head().await.unwrap();
    assert_eq!(head, Position(20_004));
    let before = rows_read(&mut connection, stores).await;
    let feed = stores.sql.read_for(grace, Position(2), head, 500).await.unwrap();
    assert_eq!(feed.iter().map(|entry| entry.pos.0).collect::<Vec<_>>(), [10_003, 20_004]);
    if let (Some(before), Some(after)) = (before, rows_read(&mut connection, stores).await) {
        assert!(after - before < 20, "{} rows of the log were read", after - before);
        stores.sql.read(Position(0), head, 30_000).await.unwrap();
        let all = rows_read(&mut connection, stores).await.unwrap() - after;
        assert!(all > 20_000, "only {all} rows were counted");
        // Only MariaDB knows it.
        let _ = connection.execute("SET GLOBAL userstat = 0").await;
    }
    connection.close().await.unwrap();
}
