//! A STOMP broker for tests: real semantics, no installation, no waiting, and faults on command.
//!
//! ```
//! use std::io::{Read, Write};
//! use stomp_frame::Command;
//! use stomp_testbroker::{Fault, TestBroker, on};
//!
//! let broker = TestBroker::start();
//! let _fault = on(Command::Send).nth(2).then(Fault::ProcessThenClose).mount(&broker);
//!
//! let mut client = std::net::TcpStream::connect(broker.address())?; // any client will do
//! client.write_all(b"CONNECT\naccept-version:1.2\nhost:h\n\n\0")?;
//! client.write_all(b"SEND\ndestination:/queue/a\nreceipt:1\n\none\0")?;
//! client.write_all(b"SEND\ndestination:/queue/a\nreceipt:2\n\ntwo\0")?;
//! let mut answers = String::new();
//! client.read_to_string(&mut answers)?;
//! assert!(answers.contains("receipt-id:1") && !answers.contains("receipt-id:2"));
//! assert_eq!(broker.depth("/queue/a"), 2);
//! # Ok::<_, std::io::Error>(())
//! ```
//!
//! [`TestBroker`] runs it for a test, with sockets or without. Beneath is [`Broker`], STOMP 1.0, 1.1
//! and 1.2 with queues, topics, acknowledgements, transactions, receipts and heart-beats, but
//! without I/O, threads or a clock:
//!
//! ```text
//!                 handle_open, handle_data, handle_timeout, handle_close
//!  a driver  ───────────────────────────────────────────────────────────►  ┌────────┐
//!  (sockets,                                                               │ Broker │
//!  memory)   ◄───────────────────────────────────────────────────────────  └────────┘
//!                 poll_transmit, poll_timeout, poll_ready, poll_close
//! ```

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
