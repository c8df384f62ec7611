use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

use stomp_commands::ReceiptId;
use stomp_failover::Attempt;

use super::operation::OpId;
use crate::{Pieces, Session};

/// Names a connection of the client, from its first octet to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

/// What a driver has to tell of a connection that it has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkInfo {
    /// Nobody in between can read it, nor pretend to be the broker.
    pub secure: bool,
    /// Whether each frame is to be a piece of its own.
    pub pieces: Pieces,
}

impl LinkInfo {
    /// A stream of octets that anybody may read.
    #[must_use]
    pub const fn plain() -> Self {
        Self {
            secure: false,
            pieces: Pieces::Coalesced,
        }
    }

    /// Sets [`secure`](Self::secure).
    #[must_use]
    pub const fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Sets [`pieces`](Self::pieces).
    #[must_use]
    pub const fn pieces(mut self, pieces: Pieces) -> Self {
        self.pieces = pieces;
        self
    }
}

/// The connection that is up, or says CONNECT.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) attempt: Attempt,
    pub(super) session: Session,
    /// When CONNECTED came.
    pub(super) up: Option<Instant>,
    /// A RECEIPT or a MESSAGE came: the broker does more than to say CONNECTED.
    pub(super) proven: bool,
    /// Its driver may read.
    pub(super) reading: bool,
    /// Its reader was asked to find out whether the broker is silent indeed.
    pub(super) suspicious: bool,
    /// Until when what was received may be settled, since nothing more can be read.
    pub(super) broken: Option<Instant>,
    /// Since when that is so.
    pub(super) broke: Option<Instant>,
    /// When nothing was read for so long because nobody takes messages that it is told.
    pub(super) stuck: Option<Instant>,
    /// When the first of the SUBSCRIBEs that nobody has answered counts as accepted.
    pub(super) presume: Option<Instant>,
    /// Where the frames begin that somebody waits for, and that were not offered yet.
    pub(super) unsent: VecDeque<(u64, OpId)>,
    /// Where the frames begin that nobody waits for, and that were not offered yet.
    pub(super) fired: VecDeque<u64>,
    /// The receipts of SUBSCRIBEs that count as accepted without them, the latest first.
    pub(super) presumed: VecDeque<ReceiptId>,
    /// When a delivery was settled for the first time.
    pub(super) settled: Option<Instant>,
}

impl Link {
    pub(super) fn new(id: LinkId, attempt: Attempt, session: Session) -> Self {
        Self {
            id,
            attempt,
            session,
            up: None,
            proven: false,
            reading: true,
            suspicious: false,
            broken: None,
            broke: None,
            stuck: None,
            presume: None,
            unsent: VecDeque::new(),
            fired: VecDeque::new(),
            presumed: VecDeque::new(),
            settled: None,
        }
    }

    /// Tells whether frames of the application may be written: CONNECTED came, and what was
    /// subscribed before is subscribed again.
    pub(super) fn is_ready(&self) -> bool {
        self.up.is_some()
            && self.session.broken().is_none()
            && !self.session.is_replaying()
            && self.session.state() == crate::SessionState::Connected
    }
}
