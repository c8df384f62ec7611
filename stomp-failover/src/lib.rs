//! Failover URIs as ActiveMQ writes them, and the sequence of connection attempts they mean.
//!
//! ```text
//!  "failover:(stomp://a,stomp://b)?randomize=false"
//!        │ parse                        seed │
//!        ▼                                   ▼
//!   FailoverUri { brokers, options } ──► Failover ── next ──► Attempt { broker, delay } … Exhausted
//!                                            ▲                   │
//!                                            └─ failed, succeeded, lost
//! ```
//!
//! ```
//! use stomp_failover::{Failover, FailoverUri};
//!
//! let uri: FailoverUri = "failover:(stomp://a,stomp+tls://b)?randomize=false".parse()?;
//! let mut failover = Failover::new(uri, 42);
//!
//! let first = failover.next()?;
//! assert_eq!(first.broker.host(), "a");
//! failover.failed(&first, "connection refused");
//!
//! let second = failover.next()?;
//! assert_eq!((second.broker.host(), second.broker.port()), ("b", 61614));
//! failover.succeeded(&second);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The whole loop of a client is shown at [`Failover`], all options at [`Options`].
//!
//! This crate neither connects nor resolves names nor sleeps nor reads a clock, and knows nothing
//! of STOMP frames: any client can be built on it, blocking or not.

mod broker;
mod error;
mod failover;
mod options;
mod percent;
mod rng;
mod source;
mod uri;

pub use broker::{Broker, Scheme};
pub use error::{BrokerError, OptionError, UriError};
pub use failover::{Attempt, Count, Exhausted, Failover, Limit, Tried};
pub use options::{CountBy, Jitter, Options, Warning};
pub use rng::random_seed;
pub use source::ServerSource;
pub use uri::FailoverUri;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
