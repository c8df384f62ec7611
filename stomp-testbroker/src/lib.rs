//! A STOMP broker for tests: real semantics, no installation, no waiting.
//!
//! ```text
//!                 handle_open, handle_data, handle_timeout, handle_close
//!  a driver  ───────────────────────────────────────────────────────────►  ┌────────┐
//!  (sockets,                                                               │ Broker │
//!  memory)   ◄───────────────────────────────────────────────────────────  └────────┘
//!                 poll_transmit, poll_timeout, poll_ready, poll_close
//! ```
//!
//! [`Broker`] is the core: STOMP 1.0, 1.1 and 1.2 with queues, topics, acknowledgements,
//! transactions, receipts and heart-beats, but without I/O, threads or a clock.

mod broker;
mod fault;
mod link;
mod profile;
mod shared;
mod test_broker;
mod transcript;

pub use broker::{Broker, Caps, Config, ConnectionId, Failure, NackPolicy};
pub use fault::{BadRule, Fault, Match, Rule, Times, any_received, any_sent, on};
#[cfg(feature = "tls")]
pub use link::Certificate;
pub use link::{AsyncMemoryStream, Connector, MemoryStream};
pub use profile::{Profile, UnknownProfile};
pub use test_broker::{Builder, Guard, Node, TestBroker, Wait};
pub use transcript::{Direction, Line, Transcript, What};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
