//! What servers say: one file a command.

mod connected;
mod error;
mod frame;
mod message;
mod receipt;

pub use connected::Connected;
pub use error::{Ended, ErrorFrame};
pub use frame::ServerFrame;
pub use message::{Message, MessageBuilder};
pub use receipt::Receipt;
