//! The live path: the bus, the hub that follows the log, cursors, who is
//! online or types, and the sessions that ended.

mod bus;
mod cursor;
mod elsewhere;
mod ended;
mod event;
mod hub;
mod online;
mod presence;
mod queue;
mod recent;
mod signal;
mod subscription;
mod typing;

pub use bus::{Batch, Bus, InProcessBus, Newest, Packet};
pub use cursor::Cursor;
pub use elsewhere::{Roll, RollCall};
pub use ended::{EndedSessions, OpenSocket};
pub use event::{Event, Rendering, What};
pub use hub::{Follower, Hub};
pub use online::{Connected, GRACE, Online};
pub use presence::{LastSeenStore, Presences};
pub use signal::{Passing, Presence, Signal};
pub use subscription::{Subscription, SubscriptionEnd};
pub use typing::{Desk, TYPING, Typing};
