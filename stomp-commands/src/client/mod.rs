//! What clients say: one file a command, or family of commands.

mod connect;
mod disconnect;
mod frame;
mod send;
mod settle;
mod subscribe;
mod transaction;

pub use connect::{Connect, Passcode};
pub use disconnect::Disconnect;
pub use frame::ClientFrame;
pub use send::{BodyKind, Send};
pub use settle::{Ack, Delivery, Nack};
pub use subscribe::{AckMode, Subscribe, UnknownAckMode, Unsubscribe};
pub use transaction::{Abort, Begin, Commit};
