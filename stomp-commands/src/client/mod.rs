//! What clients say: one file a command, or family of commands.

mod ack;
mod ack_mode;
mod body_kind;
mod connect;
mod delivery;
mod disconnect;
mod expires_in;
mod frame;
mod nack;
mod send;
mod subscribe;
mod transaction;
mod unsubscribe;

pub use ack::Ack;
pub use ack_mode::{AckMode, UnknownAckMode};
pub use body_kind::BodyKind;
pub(crate) use connect::CLIENT_ID;
pub use connect::Connect;
pub use delivery::Delivery;
pub use disconnect::Disconnect;
pub use expires_in::ExpiresIn;
pub use frame::ClientFrame;
pub use nack::{Nack, Refusal};
pub use send::Send;
pub use subscribe::{Prefetch, Subscribe};
pub use transaction::{Abort, Begin, Commit};
pub use unsubscribe::Unsubscribe;
