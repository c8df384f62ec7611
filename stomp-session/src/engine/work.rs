use std::fmt;
use std::time::Instant;

use stomp_failover::Broker;

use super::link::LinkId;

/// Something that only a driver can do: sockets are none of the engine's business.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a driver must know what to do about each"
)]
pub enum Work {
    /// Open a transport, now: then tell [`handle_dialled`](super::Engine::handle_dialled) or
    /// [`handle_dial_failed`](super::Engine::handle_dial_failed).
    Dial(Dial),
    /// Nobody wants the transport of this attempt any more.
    CancelDial(AttemptId),
    /// Close a transport, and forget the link.
    Close {
        /// Which.
        link: LinkId,
        /// Write before what there is to be [written](super::Engine::poll_transmit), until this
        /// instant at most. `None`: at once.
        flush: Option<Instant>,
    },
    /// The client is closed. There will be no more work.
    End,
}

/// An attempt to connect.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dial {
    /// Which attempt.
    pub attempt: AttemptId,
    /// To whom.
    pub broker: Broker,
    /// When to give up, everything included: the name, every address, and each handshake below
    /// STOMP. The engine takes it for failed then.
    pub deadline: Option<Instant>,
}

/// Names an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub(super) u64);

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}", self.0)
    }
}
