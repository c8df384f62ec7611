//! A STOMP client for tokio, with failover, heart-beats and receipts.
//!
//! ```text
//!   Client, Subscription, Message, Events                          one task
//!         │  ▲                                                        │
//!         │  │ wakers                                         octets, │ timers, sockets
//!         ▼  │                                                        ▼
//!   ┌── one lock ───────────────────────────────────────────────────────────┐
//!   │ Engine (stomp_session::engine): what to send, whom to wake, when to   │
//!   │ reconnect; decides everything, does no I/O, reads no clock            │
//!   └───────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A call works on the engine at once, on the caller's thread: a message is encoded straight into
//! what is to be written. There is no channel in between, and what has to wait is a future that
//! looks again when it is woken. The task dials, moves octets through TLS and WebSocket, and keeps
//! time.
//!
//! ```no_run
//! use stomp_async::Client;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::connect("stomp://guest:guest@localhost:61613").await?;
//!     let mut inbox = client.subscribe("/queue/hello").await?;
//!     client.send("/queue/hello").text("hi").confirmed().await?;
//!     if let Some(message) = inbox.next().await.transpose()? {
//!         println!("{}", message.text()?);
//!         message.ack().await?;
//!     }
//!     client.disconnect().await?;
//!     Ok(())
//! }
//! ```
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
//!
//! # Time
//!
//! Every wait ends: connecting, CONNECTED, sending, receipts, disconnecting. All defaults are at
//! [`Builder`]. No code of the application runs on the task that reads and beats, so a slow handler
//! never costs the connection; and where the whole runtime stood still, what has come meanwhile is
//! read before anybody is blamed. Time is tokio's: tests may stop it.
//!
//! # When the runtime ends
//!
//! With it ends the task, and everybody who waits learns so, wherever they wait: what was accepted
//! and not answered is [`Error::Unconfirmed`]. Fired messages go out by
//! [`disconnect`](Client::disconnect), or within [`linger`](Builder::linger) of the last handle's
//! drop, as long as the runtime lives.

mod builder;
mod call;
mod client;
mod dialler;
mod driver;
mod events;
mod link;
mod log;
mod message;
#[cfg(all(test, shuttle))]
mod models;
mod network;
mod runtime;
mod send;
mod shared;
mod subscribe;
mod subscription;
mod transport;
mod wakers;

pub use builder::Builder;
pub use client::Client;
pub use events::Events;
pub use message::Message;
pub use send::{Send, Sending};
pub use subscribe::{Subscribe, Subscribing};
pub use subscription::Subscription;
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
