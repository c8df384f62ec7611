//! A client without its sockets.

mod acker;
mod calls;
mod dialling;
mod driving;
mod ending;
mod error;
mod event;
mod inbox;
mod leaving;
mod link;
mod manners;
mod operation;
mod poison;
mod said;
mod settings;
mod stats;
mod wake;
mod work;

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use rustc_hash::FxBuildHasher;
use stomp_commands::ReceiptId;
use stomp_failover::{Failover, FailoverUri};

pub use crate::session::Verdict;
pub use acker::{Acker, Settle, Unreadable};
pub use calls::Sent;
pub use error::{Cause, Error};
pub use event::{Event, ListenerId};
pub use inbox::{Arrival, Defect, Taken};
pub use link::{LinkId, LinkInfo};
pub use operation::{OpId, Outcome};
pub use settings::Settings;
pub use stats::Stats;
pub use wake::Wake;
pub use work::{AttemptId, Dial, Work};

use crate::{Connection, Session, Subscriptions};
use dialling::Dialling;
use ending::Ending;
use event::Listeners;
use inbox::Inboxes;
use leaving::Leaving;
use link::Link;
use manners::Manners;
use operation::{Operations, Stage};
use poison::Poison;
use wake::Wakes;

/// All connections of one client, one after another, and what its application waits for.
///
/// It makes no I/O, starts no thread and reads no clock: a driver opens transports, moves octets and
/// tells the time. See [the module](self) for how the two work together.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    failover: Failover,
    /// While there is a link, its session has them.
    subscriptions: Subscriptions,
    link: Option<Link>,
    /// Sessions that are over, and have something left to be written.
    closing: Vec<(LinkId, Session)>,
    dialling: Dialling,
    operations: Operations,
    /// The line of those who wait for a connection, or for room.
    line: VecDeque<OpId>,
    /// Who waits for which RECEIPT.
    waiters: HashMap<ReceiptId, OpId, FxBuildHasher>,
    inboxes: Inboxes,
    /// Subscriptions that are about to end.
    endings: Vec<Ending>,
    listeners: Listeners,
    manners: Manners,
    poison: Poison,
    leaving: Option<Leaving>,
    /// Whoever waits for the first connection.
    connecting: Option<OpId>,
    /// Why the client is closed, once it is.
    end: Option<Cause>,
    work: VecDeque<Work>,
    wakes: Wakes,
    /// When the driver was told to come back, while it sleeps.
    armed: Option<Instant>,
    garbage: Vec<Bytes>,
    stats: Stats,
    now: Instant,
    ids: u64,
}

impl Engine {
    /// Makes the engine of a client. Nothing happens before [`connect`](Self::connect).
    ///
    /// `seed` fixes the random numbers of the failover sequence.
    ///
    /// # Errors
    ///
    /// When CONNECT cannot be written the way `settings` and the URI have it.
    pub fn new(
        settings: Settings,
        uri: FailoverUri,
        seed: u64,
        now: Instant,
    ) -> Result<Self, Error> {
        for broker in uri.brokers() {
            Session::check(&settings.session_for(broker, crate::Pieces::Coalesced))?;
        }
        Ok(Self {
            settings,
            failover: Failover::new(uri, seed),
            subscriptions: Subscriptions::new(),
            link: None,
            closing: Vec::new(),
            dialling: Dialling::Idle,
            operations: Operations::default(),
            line: VecDeque::new(),
            waiters: HashMap::default(),
            inboxes: Inboxes::default(),
            endings: Vec::new(),
            listeners: Listeners::default(),
            manners: Manners::default(),
            poison: Poison::default(),
            leaving: None,
            connecting: None,
            end: None,
            work: VecDeque::new(),
            wakes: Wakes::default(),
            armed: None,
            garbage: Vec::new(),
            stats: Stats::default(),
            now,
            ids: 0,
        })
    }

    /// Returns how it was set up.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns what was agreed with the broker, while there is a connection.
    #[must_use]
    pub fn connection(&self) -> Option<&Connection> {
        self.link.as_ref()?.session.connection()
    }

    /// Tells why the client is closed, if it is.
    #[must_use]
    pub fn end(&self) -> Option<&Cause> {
        self.end.as_ref()
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Returns how many octets of messages wait to be taken, with a fixed sum for each message.
    #[must_use]
    pub fn inbox_octets(&self) -> usize {
        self.inboxes.octets()
    }

    /// Returns how many octets of frames wait to be handed to the transport.
    #[must_use]
    pub fn outbox_octets(&self) -> usize {
        let link = self.link.as_ref();
        link.map_or(0, |link| link.session.outbound())
    }

    /// Takes note of the time, which never goes back.
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Lets what has just happened take its course. Every call ends with this.
    fn settle_down(&mut self) {
        self.hear();
        self.progress_leaving();
        self.call_next();
        self.balance();
        self.wake_driver();
    }

    /// Closes the client: whoever waits is told, and nothing can be asked for any more.
    fn close(&mut self, cause: Cause) {
        if self.end.is_some() {
            return;
        }
        self.end = Some(cause.clone());
        self.dialling = Dialling::Idle;
        self.line.clear();
        self.waiters.clear();
        let leaving = self.leaving.take();
        let connecting = self.connecting.take();
        for op in self.operations.unfinished() {
            let unsent = matches!(
                self.operations.get(op).map(|operation| &operation.stage),
                Some(Stage::InLine { .. })
            );
            let error = match unsent {
                true => Error::NotSent(cause.clone()),
                false if connecting == Some(op) => Error::Closed(cause.clone()),
                false => Error::Unconfirmed(cause.clone()),
            };
            let result = match &leaving {
                Some(leaving) if leaving.ops.contains(&op) => leaving.result(),
                _ => Err(error),
            };
            self.operations.finish(op, result, &mut self.wakes);
        }
        let keys: Vec<_> = self.inboxes.keys().collect();
        for key in keys {
            // What could have been settled is the broker's again.
            self.inboxes.empty(key, crate::AckToken::is_ackable);
        }
        self.endings.clear();
        self.work.push_back(Work::End);
        self.wakes.push(Wake::Everybody);
    }

    /// Takes note that whoever drives this has failed in the middle of something: nothing is used
    /// any more, and nobody can know what became of what was accepted.
    pub fn handle_driver_gone(&mut self, why: &'static str) {
        if self.end.is_none() {
            if let Some(link) = self.link.take() {
                self.work.push_back(Work::Close {
                    link: link.id,
                    flush: None,
                });
            }
            self.close(Cause::DriverGone(why));
        }
    }
}
