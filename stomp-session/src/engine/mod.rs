//! A client without its sockets: all connections of one client, one after another, and whatever its
//! application waits for.
//!
//! ```text
//!    application                                                   driver
//!   send, subscribe, settle, …   ┌────────────────────┐   poll_work: dial, close
//!   ────────────────────────────►│       Engine       │────────────────────────►
//!   outcome, take, event         │  ┌──────────────┐  │   poll_transmit, poll_timeout
//!   ◄────────────────────────────│  │   Session    │  │◄──────────────────────── transports,
//!                                │  └──────────────┘  │   handle_dialled, handle_data, clock
//!   ◄──── wake ──────────────────│  failover, inboxes,│   handle_written, handle_timeout, …
//!              poll_wake         │  line, operations  │
//!                                └────────────────────┘
//! ```
//!
//! Both clients of this family are this engine behind a lock, and a driver: one of tasks and wakers,
//! one of threads and condition variables. For another runtime, write a third. Until 1.0 this module
//! is exempt from the promises of semantic versioning.
//!
//! # What a driver does
//!
//! - It calls under a lock, and collects [`poll_wake`](Engine::poll_wake),
//!   [`poll_garbage`](Engine::poll_garbage) and [`poll_log`](Engine::poll_log) after each call. When
//!   the lock is released it wakes, drops and logs: none of that may happen under it, since all of it
//!   can be somebody else's code.
//! - Whoever finds nothing (`None` of [`outcome`](Engine::outcome) or [`event`](Engine::event),
//!   [`Taken::Nothing`], `false` of [`is_turn`](Engine::is_turn)) is named by a [`Wake`] when that
//!   changes. To look and to enter oneself as waiting is one hold of the lock; a driver that forwards
//!   every report cannot lose one.
//! - It does what [`poll_work`](Engine::poll_work) says, writes what
//!   [`poll_transmit`](Engine::poll_transmit) gives, reads while
//!   [`wants_read`](Engine::wants_read) says so, and before it sleeps it says so by
//!   [`sleep`](Engine::sleep): then [`Wake::Driver`] comes once, if there is anything to do before the
//!   instant that it was told.
//! - It reads what there is before it calls [`handle_timeout`](Engine::handle_timeout), so that
//!   nobody is blamed for what has come meanwhile.
//! - It goes on with [`handle_data`](Engine::handle_data) while that says "more", and looks after
//!   writing and the clock in between.
//! - Reports about a link that is over are ignored, so nobody has to know.
//!
//! # Calls, frames and wakes
//!
//! What stands below the line is not there yet, and shall fit.
//!
//! | feature | calls | frames | wakes |
//! |---|---|---|---|
//! | connecting | `connect` → `OpId`; `handle_dialled`, `handle_dial_failed` | CONNECT | `Operation` at the first CONNECTED, or when no broker is left |
//! | fired send | `send(confirm: false)` → `Done`, or `Wait` without a connection or room | SEND | `Driver` if it sleeps; `Operation` when its turn in the line has come |
//! | confirmed send | `send(confirm: true)` → `Asked`; `outcome` | SEND with `receipt` | `Operation` once: RECEIPT, ERROR, the end of the link, or the time is up |
//! | given up | `abandon`: withdrawn, if no octet was offered | none, or UNSUBSCRIBE | the next in the line |
//! | subscription | `subscribe` → `Asked`; `take`, `stop_waiting` | SUBSCRIBE with `receipt` | `Operation` at RECEIPT, MESSAGE or after 2 s; `Inbox` for whoever waits at an empty inbox |
//! | settling | `settle`, never waits; `release` of what was dropped | ACK, NACK; held back while the subscription ends | `Driver`; `Reader` if it may read again |
//! | end of a subscription | `drop_subscriber`, `unsubscribe(drain)` | UNSUBSCRIBE; to RabbitMQ in a transaction with what goes back, once an empty one with `receipt` was answered and nothing comes any more | `Operation` at its RECEIPT |
//! | reconnection | `handle_closed`, the failover sequence | CONNECT, SUBSCRIBE of each, then the line | `Driver` for the dial; `Operation` for each verdict; the line when all is subscribed again |
//! | poison | none: after three ends of the same kind | SUBSCRIBE one at a time | `Inbox` of the guilty one, with the error |
//! | back-pressure | `take`; `wants_read` | none | `Reader` when there is room |
//! | silence | `wants_read_dry`, `handle_read_dry` | none | `Reader` when it is due |
//! | graceful end | `disconnect`, `handle_abandoned` | UNSUBSCRIBE where it gives back, DISCONNECT with `receipt` | `Operation`, then `Everybody` |
//! | events | `listen`, `event`, `unlisten` | none | `Listener` |
//! | anything at all | `watch` | none | `Watcher` |
//! | — | | | |
//! | receipt handle | `send(confirm: true)`, its `OpId` kept; `outcome` later | SEND with `receipt` | `Operation`, only if somebody waits |
//! | retried send | `send(retry)`: the typed command is kept in the outbox until its outcome | the same SEND again, behind the replay and in front of the line | `Operation` at the last verdict |
//! | transaction | `begin` → key of its epoch; `send`/`settle` with it, awaiting nothing but room; `commit` → `OpId` | BEGIN, SENDs with `receipt`, ACKs held back where COMMIT is not atomic, COMMIT | `Operation` when all receipts have come, or `TransactionLost`, `InDoubt` |
//! | request | `request` → `OpId`; the reply's correlation id leads back to it | SEND with `reply-to`; SUBSCRIBE of the reply destination, once a connection | `Operation` with the reply, `ReplyLost` or the time |
//! | consumer | `next_job(consumer)` → message, attempt, deadline; `finish(job, …)` | ACK; a copy to the dead letters, confirmed, and then the ACK | `Inbox` as one waits for a message, also for a retry whose delay is over |
//! | stream | `subscribe(from_offset)`; the lowest offset that is not settled is kept with the subscription | SUBSCRIBE with that offset at the replay | as for a subscription |
//! | `ping`, `flush` | an operation of its own | BEGIN and ABORT with `receipt`; none | `Operation` |
//! | preferred broker | `poll_work` dials while another link serves | as a reconnection, the old link as `disconnect` | as a reconnection |

mod acker;
mod addresses;
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
pub use addresses::{PER_ADDRESS, STAGGER, interleave};
pub use calls::Sent;
pub use error::{Cause, Error};
pub use event::{Event, Level, ListenerId};
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
        self.close_with(cause, |_| false);
    }

    /// The same. `unsaid` tells of the place at which a frame begins that it was not offered to
    /// anybody, and will not be.
    fn close_with(&mut self, cause: Cause, unsaid: impl Fn(u64) -> bool) {
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
            let unsent = match self.operations.get(op).map(|operation| &operation.stage) {
                Some(Stage::InLine { .. }) => true,
                Some(Stage::Asked(asked)) => unsaid(asked.place.start),
                _ => false,
            };
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

    /// Takes note that nobody drives this any more: its runtime, or a thread of its, has ended. The
    /// client is closed, with the verdicts that a lost connection leaves behind.
    pub fn handle_driver_gone(&mut self, why: &'static str) {
        let offered = self.link.as_ref().map(|link| link.session.offered());
        self.die(why, |place| offered.is_some_and(|offered| place >= offered));
    }

    /// Takes note that somebody has panicked in the middle of a call: nothing is used any more, and
    /// nobody can know what became of what was accepted.
    pub fn handle_panic(&mut self, why: &'static str) {
        self.die(why, |_| false);
    }

    fn die(&mut self, why: &'static str, unsaid: impl Fn(u64) -> bool) {
        if self.end.is_some() {
            return;
        }
        if let Some(link) = self.link.take() {
            self.work.push_back(Work::Close {
                link: link.id,
                flush: None,
            });
            self.throw_away(link.session);
        }
        self.close_with(Cause::DriverGone(why), unsaid);
    }

    /// Drops a session, but for what may belong to somebody who wants to know when it goes.
    fn throw_away(&mut self, mut session: Session) {
        while let Some(piece) = session.poll_transmit(self.now) {
            self.garbage.push(piece);
        }
        while let Some(garbage) = session.poll_garbage() {
            self.garbage.push(garbage);
        }
    }
}
