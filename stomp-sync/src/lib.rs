//! A blocking STOMP client with failover, heart-beats and receipts.
//!
//! ```text
//!   Client, Subscription, Message, Events              reader            keeper
//!         │  ▲                                        thread            thread
//!         │  │ condition variables             octets, │   writes, timers, │ dials
//!         ▼  │                                         ▼                   ▼
//!   ┌── one lock ───────────────────────────────────────────────────────────┐
//!   │ Engine (stomp_session::engine): what to send, whom to wake, when to   │
//!   │ reconnect; decides everything, does no I/O, reads no clock            │
//!   └───────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A call works on the engine at once, in the caller's thread: a message is encoded straight into
//! what is to be written, and whoever waits for an answer writes it by himself. What has to wait
//! sleeps at a condition variable of its own until the answer is there, or its time is up.
//!
//! ```no_run
//! use stomp_sync::Client;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::connect("stomp://guest:guest@localhost:61613")?;
//!     let mut inbox = client.subscribe("/queue/hello").open()?;
//!     client.send("/queue/hello").text("hi").confirmed()?;
//!     if let Some(message) = inbox.next().transpose()? {
//!         println!("{}", message.text()?);
//!         message.ack()?;
//!     }
//!     client.disconnect()?;
//!     Ok(())
//! }
//! ```
//!
//! # Threads
//!
//! Two small threads keep reading and beating, so that a caller that is busy for an hour does not
//! lose its connection. They share one lock with the handles, and hold it across no I/O and no
//! code of yours. A [`Client`] may be used by many threads at a time. There is no runtime in here.
//!
//! [`Builder::manual`] does without these threads: whoever waits in a call reads, writes, beats and
//! reconnects meanwhile, and [`Client::poll`] does nothing else.
//!
//! # Time
//!
//! Every wait ends: connecting, CONNECTED, sending, receipts, disconnecting. All defaults are at
//! [`Builder`]. A caller that waits looks at its own deadline, so none depends on another thread.
//!
//! # What happens when the connection is lost
//!
//! The client reconnects by the rules of its [failover URI](stomp_failover::FailoverUri), subscribes
//! anew, and goes on. Nothing is lost in silence: a [confirmed](Send::confirmed) message whose
//! RECEIPT did not come ends as [`Error::Unconfirmed`], a frame that did not leave as
//! [`Error::NotSent`], and a message of the old connection that is acknowledged late is
//! [`Settled::Stale`]: nothing is sent for it, since on another connection its ACK might hit
//! another message. What is sent while there is no connection waits, for up to its
//! [`send_timeout`](Builder::send_timeout), and goes out after the subscriptions are back. Messages
//! of the old connection that nobody has taken yet are dropped: the broker delivers them again.

mod builder;
mod client;
mod dial;
mod events;
mod handle;
mod io;
mod keeper;
mod manual;
mod message;
#[cfg(all(test, shuttle))]
mod models;
mod send;
mod shared;
mod subscription;
mod sync;
#[cfg(feature = "tls")]
mod tls;
mod transport;

pub use builder::Builder;
pub use client::Client;
pub use events::Events;
pub use message::Message;
pub use send::Send;
pub use subscription::{Subscribe, Subscription};
pub use transport::Transport;

pub use stomp_commands::Message as Content;
pub use stomp_commands::{AckMode, Dialect, HeartBeat, Version, header};
pub use stomp_failover::Broker;
pub use stomp_session::engine::{Acker, Cause, Defect, Error, Event, Stats, Unreadable};
#[cfg(feature = "websocket")]
pub use stomp_session::layers::WebSocketOptions;
pub use stomp_session::{
    CloseReason, Config, Connection, Epoch, Limits, Refusal, ServerError, Settled, SubscriptionKey,
    Tolerance, TransportError, UsageError,
};
#[cfg(feature = "tls")]
pub use stomp_session::{Tls, TlsError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
