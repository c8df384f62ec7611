//! What every client of this workspace does, written once: each scenario runs with each client.
//!
//! ```text
//!     cargo test -p stomp-async --test behaviour                        all, several at a time
//!     cargo test -p stomp-async --test behaviour -- sending             a group
//!     cargo test -p stomp-async --test behaviour -- sync_manual         a client
//!     cargo test -p stomp-async --test behaviour -- --exact NAME        one by itself
//! ```
//!
//! A scenario decides nothing by time but by bounds far away: what is asked for in half a second
//! fails after three.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod adapters;
mod alone;
mod client;
mod harness;
mod peer;
mod proxy;
mod real_brokers;
mod scenarios;
mod suite;
#[cfg(feature = "websocket")]
mod websocket_peer;
mod world;
