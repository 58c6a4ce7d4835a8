//! The live path: the bus, the hub that follows the log, cursors, and the
//! sessions that ended.

mod bus;
mod cursor;
mod ended;
mod hub;
mod subscription;

pub use bus::{Batch, Bus, InProcessBus};
pub use cursor::Cursor;
pub use ended::{EndedSessions, OpenSocket};
pub use hub::{Follower, Hub};
pub use subscription::{Subscription, SubscriptionEnd};
