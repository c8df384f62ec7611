use std::time::Duration;

use stomp_commands::TransactionId;

use crate::live::Live;
use crate::receipts::Receipts;
use crate::{Connection, Liveness};

/// Where a session is in its life.
///
/// ```text
///                  CONNECTED                  disconnect with receipt
///  ┌────────────┐ ──────────► ┌───────────┐ ──────────────────────────► ┌───────────────┐
///  │ Connecting │             │ Connected │                             │ Disconnecting │
///  └────────────┘             └───────────┘                             └───────────────┘
///        │                       │     │ disconnect without                  │      │
///        │                       │     └──────────────┐              RECEIPT │      │
///        │ ERROR, misbehaviour,  │                    │      end of stream   │      │ ERROR,
///        │ end of stream,        │ ERROR,             │                      │      │ misbehaviour,
///        │ deadline              │ misbehaviour,      ▼                      ▼      │ deadline
///        │                       │ end of stream, ┌────────────────────────────┐    │
///        └───────────────────────┴─ silence ────► │           Closed           │ ◄──┘
///                                                 └────────────────────────────┘
/// ```
///
/// There is no way back: the next connection is a new session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the picture is complete")]
pub enum SessionState {
    /// CONNECT is on its way. Nothing may be sent: not even how to escape is known.
    Connecting,
    /// CONNECTED came.
    Connected,
    /// DISCONNECT is on its way, and its RECEIPT is waited for. Nothing may be sent any more; what
    /// comes is still delivered.
    Disconnecting,
    /// It is over.
    Closed,
}

/// The state, with what exists only in it.
#[derive(Debug)]
pub(crate) enum State {
    Connecting,
    Connected(Box<Connected>),
    Disconnecting(Box<Connected>),
    Closed,
}

/// Everything that belongs to a connection, and ends with it.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) connection: Connection,
    /// How long after the last write a heart-beat is due.
    pub(crate) beat_after: Option<Duration>,
    /// How long the broker may be silent.
    pub(crate) dead_after: Option<Duration>,
    pub(crate) live: Live,
    pub(crate) receipts: Receipts,
    /// The open transactions, in the order of their BEGINs.
    pub(crate) transactions: Vec<TransactionId>,
    /// Replayed subscriptions that are not answered yet.
    pub(crate) replaying: usize,
}

impl State {
    pub(crate) fn public(&self) -> SessionState {
        match self {
            Self::Connecting => SessionState::Connecting,
            Self::Connected(_) => SessionState::Connected,
            Self::Disconnecting(..) => SessionState::Disconnecting,
            Self::Closed => SessionState::Closed,
        }
    }

    /// The connection, while there is one.
    pub(crate) fn established(&self) -> Option<&Connected> {
        match self {
            Self::Connected(connected) | Self::Disconnecting(connected) => Some(connected),
            Self::Connecting | Self::Closed => None,
        }
    }

    pub(crate) fn established_mut(&mut self) -> Option<&mut Connected> {
        match self {
            Self::Connected(connected) | Self::Disconnecting(connected) => Some(connected),
            Self::Connecting | Self::Closed => None,
        }
    }
}

impl Connected {
    pub(crate) fn new(connection: Connection, liveness: Liveness) -> Self {
        let periods = &connection.heart_beat;
        Self {
            beat_after: periods.send.map(|period| liveness.send_after(period)),
            dead_after: periods.receive.map(|period| liveness.dead_after(period)),
            connection,
            live: Live::default(),
            receipts: Receipts::default(),
            transactions: Vec::new(),
            replaying: 0,
        }
    }
}
