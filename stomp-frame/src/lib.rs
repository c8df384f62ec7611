//! STOMP frames, versions 1.0, 1.1 and 1.2: wire ↔ [`Frame`].
//!
//! ```text
//!            ┌─────────┐  Item::Frame      ┌───────┐           ┌─────────┐
//!  bytes ──► │ Decoder │ ────────────────► │ Frame │ ────────► │ Encoder │ ──► bytes
//!            └─────────┘  Item::HeartBeat  └───────┘           └─────────┘
//! ```
//!
//! For both sides: a client decodes what servers send, a broker what clients send. There is no
//! I/O, no clock and no session in here.
//!
//! ```
//! use bytes::BytesMut;
//! use stomp_frame::{Command, Decoder, Item, Limits, Side};
//!
//! let mut decoder = Decoder::new(Side::Server, Limits::client());
//! let mut buffer = BytesMut::from("MESSAGE\nmessage-id:1\n\nhello\0\n");
//! let Some(Item::Frame(frame)) = decoder.decode(&mut buffer)? else { panic!() };
//! assert_eq!(frame.command, Command::Message);
//! assert_eq!(frame.headers.get("message-id"), Some("1"));
//! assert_eq!(frame.body, "hello");
//! assert_eq!(decoder.decode(&mut buffer)?, Some(Item::HeartBeat(1)));
//! assert_eq!(decoder.decode(&mut buffer)?, None);
//! # Ok::<_, stomp_frame::DecodeError>(())
//! ```

mod body;
#[cfg(feature = "codec")]
mod codec;
mod command;
mod decode;
mod encode;
mod error;
mod escape;
mod fault;
mod frame;
mod grammar;
mod head;
pub mod header;
mod headers;
mod limits;
mod looks;
mod rules;
mod salvage;
mod scan;
mod spans;
mod text;
mod tolerance;
mod version;

#[cfg(feature = "codec")]
pub use codec::CodecError;
pub use command::{Command, Side, UnknownCommand};
pub use decode::{Decoder, Item, OnUnreadable};
pub use encode::{ConnectEscapes, ContentLength, Encoded, Encoder, encode};
pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use frame::Frame;
pub use headers::{Headers, Iter};
pub use limits::Limits;
pub use tolerance::Tolerance;
pub use version::{UnknownVersion, Version};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
