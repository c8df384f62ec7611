//! Typed STOMP commands, for both sides: [`Frame`] ↔ what it says.
//!
//! ```text
//!               client                                            server
//!   Send, Subscribe, … ────to_frame(peer)──► Frame ──from_frame(version)──► ClientFrame
//!          ServerFrame ◄──from_frame(version)── Frame ◄──into_frame()── Connected, Message, …
//! ```
//!
//! Stateless, without I/O and without a clock. What the versions of the protocol do differently is
//! data in here; whoever uses these types need not know.
//!
//! ```
//! use stomp_commands::{Ack, AckMode, Message, Send, Subscribe, Version};
//!
//! let version = Version::V1_2;
//! let subscribe = Subscribe::to("/queue/a").id("s1").ack(AckMode::Client).into_frame(version)?;
//! let send = Send::to("/queue/a").text("hello").receipt("r1").into_frame(version)?;
//!
//! let message = Message::builder("/queue/a", "7").subscription("s1").ack_id("42").build();
//! let ack = Ack::of(&message).into_frame(version)?;
//! assert_eq!(ack.headers.get("id"), Some("42"));
//! # Ok::<_, stomp_commands::CommandError>(())
//! ```

mod assemble;
mod client;
pub mod dialect;
mod error;
mod heart_beat;
mod id;
pub mod negotiate;
mod passcode;
mod server;

pub use client::{
    Abort, Ack, AckMode, Begin, BodyKind, ClientFrame, Commit, Connect, Delivery, Disconnect,
    ExpiresIn, Nack, Prefetch, Refusal, Send, Subscribe, UnknownAckMode, Unsubscribe,
};
pub(crate) use dialect::Words;
pub use dialect::{Dialect, Feature, Peer};
pub use error::{CommandError, FrameError};
pub use heart_beat::HeartBeat;
pub use id::{ReceiptId, SubscriptionId, TransactionId};
pub use passcode::Passcode;
pub use server::{Connected, Ended, ErrorFrame, Message, MessageBuilder, Receipt, ServerFrame};

pub use stomp_frame::{Command, Frame, Headers, Version, header};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
