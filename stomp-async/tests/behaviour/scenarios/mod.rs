//! What clients do, group by group. The table of them is `suite.rs`.

pub(crate) mod connecting;
pub(crate) mod cutting;
pub(crate) mod deadlines;
pub(crate) mod disconnecting;
pub(crate) mod memory;
pub(crate) mod odd_brokers;
pub(crate) mod receiving;
pub(crate) mod reconnecting;
pub(crate) mod sending;
#[cfg(feature = "websocket")]
pub(crate) mod websocket_peers;
