//! One STOMP connection as a deterministic state machine: no I/O, no clock, no runtime.
//!
//! ```text
//!                application                                driver
//!   send, subscribe, ack, … │        ┌─────────┐        │ handle_data, handle_eof,
//!   ───────────────────────►│        │         │        │ handle_timeout, handle_pause, …
//!                           ├───────►│ Session │◄───────┤◄──────────────────────────── transport,
//!   ◄───────────────────────┤        │         │        ├────────────────────────────► clock
//!              poll_event   │        └─────────┘        │ poll_transmit, poll_timeout
//! ```
//!
//! The session knows the rules: versions, heart-beats, receipts, transactions, acknowledgements,
//! and what has to be subscribed anew after a lost connection. A driver moves octets and tells the
//! time. This is a whole one, over a transport in memory:
//!
//! ```
//! use std::time::Instant;
//!
//! use bytes::BytesMut;
//! use stomp_commands::{AckMode, Disconnect, Send, Subscribe};
//! use stomp_session::{Config, Event, Session, Settled, Subscriptions, With};
//! # use pipe::{Pipe, Read};
//! # mod pipe {
//! #     use std::time::Instant;
//! #     use bytes::BytesMut;
//! #     use stomp_commands::{Command, Frame, Message, ServerFrame, Version};
//! #     use stomp_frame::{Decoder, Item, Limits, Side, encode};
//! #
//! #     pub enum Read { Data, End, Timeout }
//! #
//! #     /// A server that delivers what is sent.
//! #     pub struct Pipe { decoder: Decoder, inbound: BytesMut, outbound: BytesMut }
//! #
//! #     impl Pipe {
//! #         pub fn new() -> Self {
//! #             let decoder = Decoder::new(Side::Client, Limits::client());
//! #             Self { decoder, inbound: BytesMut::new(), outbound: BytesMut::new() }
//! #         }
//! #
//! #         pub fn write(&mut self, octets: &[u8]) {
//! #             self.inbound.extend_from_slice(octets);
//! #             while let Ok(Some(item)) = self.decoder.decode(&mut self.inbound) {
//! #                 let Item::Frame(frame) = item else { continue };
//! #                 let answer = match frame.command {
//! #                     Command::Connect => Frame::new(Command::Connected).header("version", "1.2"),
//! #                     Command::Send => Message::builder("/queue/a", "1")
//! #                         .subscription("s1").ack_id("1").body(frame.body).into_frame(),
//! #                     Command::Disconnect => Frame::new(Command::Receipt)
//! #                         .header("receipt-id", frame.headers.get("receipt").unwrap()),
//! #                     _ => continue,
//! #                 };
//! #                 encode(&answer, Version::V1_2, &mut self.outbound).unwrap();
//! #             }
//! #         }
//! #
//! #         pub fn read(&mut self, buffer: &mut BytesMut, _until: Option<Instant>) -> Read {
//! #             if self.outbound.is_empty() { return Read::End; }
//! #             buffer.unsplit(self.outbound.split());
//! #             Read::Data
//! #         }
//! #     }
//! # }
//!
//! let mut transport = Pipe::new();
//! let mut buffer = BytesMut::new();
//! let mut session = Session::connect(Config::default(), Subscriptions::new(), Instant::now())?;
//! let reason = loop {
//!     let mut closed = None;
//!     while let Some(event) = session.poll_event() {
//!         let now = Instant::now();
//!         match event {
//!             Event::Connected(_) => {
//!                 let inbox = Subscribe::to("/queue/a").ack(AckMode::ClientIndividual);
//!                 session.subscribe(inbox, now)?;
//!                 session.send(Send::to("/queue/a").text("hello"), now)?;
//!             }
//!             Event::Message(delivery) => {
//!                 assert_eq!(delivery.message.text(), Ok("hello"));
//!                 let settled = session.ack(&delivery.token, With::nothing(), now)?;
//!                 assert_eq!(settled, Settled::Sent);
//!                 session.disconnect(Disconnect::new().receipt("bye"), now)?;
//!             }
//!             Event::Closed(reason) => closed = Some(reason),
//!             _ => {}
//!         }
//!     }
//!     while let Some(octets) = session.poll_transmit(Instant::now()) {
//!         transport.write(&octets);
//!     }
//!     if let Some(reason) = closed {
//!         break reason;
//!     }
//!     match transport.read(&mut buffer, session.poll_timeout()) {
//!         Read::Data => session.handle_data(&mut buffer, Instant::now()),
//!         Read::End => session.handle_eof(Instant::now()),
//!         Read::Timeout => session.handle_timeout(Instant::now()),
//!     }
//! };
//! assert_eq!(reason.to_string(), "disconnected");
//!
//! // The next connection takes over the subscriptions.
//! let next = Session::connect(Config::default(), session.into_subscriptions(), Instant::now())?;
//! assert_eq!(next.epoch().number(), 2);
//! # Ok::<_, stomp_session::UsageError>(())
//! ```
//!
//! What is absent: the session never reads a clock, never blocks, never fails in `handle_*`, never
//! reconnects, and never keeps a message.

mod config;
mod deliveries;
#[cfg(feature = "engine")]
pub mod engine;
mod error;
mod event;
#[cfg(feature = "layers")]
pub mod layers;
mod live;
mod numbered;
mod receipts;
mod session;
mod state;
mod subscriptions;
mod timers;
#[cfg(feature = "tls")]
mod tls;
mod transmit;
mod with;

pub use config::{Config, FlowLimits, Liveness, Opening, Pieces};
pub use error::{CloseReason, Misbehaviour, ReceiptFailure, TransportError, UsageError};
pub use event::{AckToken, Connection, Delivery, Epoch, Event, Refusal, ServerError, Settled};
pub use session::{GivingBack, Session, Verdict};
pub use state::SessionState;
pub use subscriptions::{SubscriptionKey, Subscriptions};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
pub use with::With;

pub use stomp_frame::{DecodeError, DecodeErrorKind, Limits, Tolerance};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
