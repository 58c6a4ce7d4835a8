//! Who is answered what by every field, every mutation and every live event: tables that were written by the contract, and are gone through
//! as everyone who may be around an owner.
//!
//! Where a table and the service differ, the failure names each difference and the file in which the table is as the service has it.

mod cast;
mod changes;
mod events;
mod reads;
mod table;

use crate::{stories, support::TestApp};

stories! {
    everyone_sees_what_the_table_says,
    everyone_changes_what_the_table_says,
    everyone_hears_what_the_table_says,
}

async fn everyone_sees_what_the_table_says(app: &TestApp) {
    reads::everything(app).await.is_as_written("reads.md");
}

async fn everyone_changes_what_the_table_says(app: &TestApp) {
    changes::everything(app).await.is_as_written("changes.md");
}

async fn everyone_hears_what_the_table_says(app: &TestApp) {
    events::everything(app).await.is_as_written("events.md");
}
