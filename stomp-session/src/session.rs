//! The session itself: one file for each of the four groups of its methods.

mod commands;
mod incoming;
mod outgoing;
mod parting;
mod replay;
mod settle;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;
pub use parting::GivingBack;
pub use settle::Verdict;
use stomp_commands::{Connect, Peer, ReceiptId, SubscriptionId, TransactionId};
use stomp_frame::{ContentLength, Decoder, Frame, OnUnreadable, Side};

use crate::receipts::{Pending, Purpose};
use crate::state::State;
use crate::timers::{Timer, TimerTable};
use crate::transmit::Transmit;
use crate::{
    CloseReason, Config, Connection, Epoch, Event, Opening, SessionState, SubscriptionKey,
    Subscriptions, UsageError,
};

/// One connection, from CONNECT to its end.
///
/// Makes no I/O, reads no clock, draws no random numbers: the same calls give the same results.
/// There are four groups of methods:
///
/// - **Getters** take `&self`.
/// - **Commands** of the application: [`send`](Self::send), [`subscribe`](Self::subscribe), … One
///   that returns an error has changed nothing.
/// - **`handle_*`** tell what happened outside: octets came ([`handle_data`](Self::handle_data)),
///   the stream ended ([`handle_eof`](Self::handle_eof)) or failed
///   ([`handle_io_error`](Self::handle_io_error)), time passed
///   ([`handle_timeout`](Self::handle_timeout)), a part of a piece was written
///   ([`handle_written`](Self::handle_written)), the driver stops reading for a while
///   ([`handle_pause`](Self::handle_pause), [`handle_resume`](Self::handle_resume)). They never
///   fail: whatever goes wrong outside ends in [`Event::Closed`], once.
/// - **`poll_*`** tell what the driver has to do: write ([`poll_transmit`](Self::poll_transmit)),
///   pass on ([`poll_event`](Self::poll_event)), wake up again
///   ([`poll_timeout`](Self::poll_timeout)).
///
/// After any command and any `handle_*`, write what `poll_transmit` gives until it gives `None`,
/// pass on what `poll_event` gives until it gives `None`, then wait until there is something to
/// read or the instant of `poll_timeout` has come. Spurious calls are harmless.
///
/// `now` should come from a monotonic clock. Time that goes back counts as standing still.
///
/// When [`Event::Closed`] came, write what `poll_transmit` still gives (a DISCONNECT, or nothing),
/// close the transport, and take the subscriptions out with
/// [`into_subscriptions`](Self::into_subscriptions) for the next session.
#[derive(Debug)]
pub struct Session {
    config: Config,
    epoch: Epoch,
    subscriptions: Subscriptions,
    state: State,
    decoder: Decoder,
    transmit: Transmit,
    timers: TimerTable,
    events: VecDeque<Event>,
    /// The latest instant that was ever named.
    now: Instant,
    /// When the last octet came.
    heard: Instant,
    /// Octets of an unfinished frame that the last [`handle_data`](Self::handle_data) left.
    leftover: usize,
    /// Octets that still may come of an unfinished frame until its time begins anew.
    slice: usize,
    /// The driver does not read, so that silence proves nothing.
    paused: bool,
    /// The broker is silent for too long, unless something has come that nobody has read yet.
    suspicious: bool,
    /// A piece was handed out, and the next one not asked for yet.
    writing: bool,
    /// When octets were last handed out or written, or reading stopped.
    moved: Instant,
    /// Parts of frames that will not be written.
    garbage: Vec<Bytes>,
    /// Frames in front of this place are answered, or the answer to a later one has come.
    answered: u64,
    /// The place behind the last frame.
    last_frame: u64,
    /// The receipt of the only frame that the last ERROR can be about.
    sole_suspect: Option<ReceiptId>,
    /// Why nothing more can be read, while what was received may still be settled.
    broken: Option<CloseReason>,
}

impl Session {
    /// Begins a session: queues CONNECT, and starts to wait for CONNECTED.
    ///
    /// `subscriptions` are those of the previous session; they are replayed after CONNECTED. Begin
    /// with [`Subscriptions::new`].
    ///
    /// # Errors
    ///
    /// When CONNECT cannot be written the way `config` has it. [`check`](Self::check) tells before,
    /// without taking the subscriptions.
    pub fn connect(
        config: Config,
        mut subscriptions: Subscriptions,
        now: Instant,
    ) -> Result<Self, UsageError> {
        let frame = opening(&config)?;
        let mut transmit = Transmit::new(config.pieces);
        transmit.push(&frame, ContentLength::Auto)?;
        let mut timers = TimerTable::default();
        timers.set(Timer::Connected, now.checked_add(config.connected_timeout));
        Ok(Self {
            epoch: subscriptions.begin_epoch(),
            decoder: Decoder::new(Side::Server, config.limits)
                .tolerance(config.tolerance)
                .unreadable(OnUnreadable::Skip),
            config,
            subscriptions,
            state: State::Connecting,
            transmit,
            timers,
            events: VecDeque::new(),
            now,
            heard: now,
            leftover: 0,
            slice: 0,
            paused: false,
            suspicious: false,
            writing: false,
            moved: now,
            garbage: Vec::new(),
            answered: 0,
            last_frame: 0,
            sole_suspect: None,
            broken: None,
        })
    }

    /// Tells whether CONNECT can be written the way `config` has it.
    ///
    /// # Errors
    ///
    /// When it cannot, for one because a header holds a NUL.
    pub fn check(config: &Config) -> Result<(), UsageError> {
        let frame = opening(config)?;
        Transmit::new(config.pieces).push(&frame, ContentLength::Auto)?;
        Ok(())
    }

    /// Tells where the session is in its life.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.state.public()
    }

    /// Tells whether the session is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Tells why nothing more can be read, if that is so and [`Config::settle_broken`] lets what was
    /// received be settled before the [end](Self::finish_broken).
    #[must_use]
    pub fn broken(&self) -> Option<&CloseReason> {
        self.broken.as_ref()
    }

    /// Returns what was agreed with the server, from CONNECTED to the end.
    #[must_use]
    pub fn connection(&self) -> Option<&Connection> {
        Some(&self.state.established()?.connection)
    }

    /// Tells which connection this is, of those that share a set of subscriptions.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Returns how the session was configured.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Iterates over the receipts that the application waits for, in the order of their frames.
    pub fn pending_receipts(&self) -> impl Iterator<Item = &ReceiptId> {
        let receipts = self.state.established().map(|c| c.receipts.values());
        receipts
            .into_iter()
            .flatten()
            .filter(|pending| !pending.purpose.is_internal())
            .map(|pending| &pending.id)
    }

    /// Iterates over the open transactions, in the order of their BEGINs.
    pub fn open_transactions(&self) -> impl Iterator<Item = &TransactionId> {
        let connected = self.state.established();
        connected.into_iter().flat_map(|c| &c.transactions)
    }

    /// Returns the number of deliveries that the application has not settled yet.
    #[must_use]
    pub fn unsettled(&self, subscription: SubscriptionKey) -> usize {
        let slot = self
            .state
            .established()
            .and_then(|c| c.live.get(subscription));
        slot.map_or(0, |slot| slot.deliveries.unsettled())
    }

    /// Returns the number of octets that are kept of deliveries which are not settled yet: their ids
    /// above all, whose length is the broker's choice. No command is refused for it, and nothing
    /// is dropped: whoever must not run out of memory stops reading.
    #[must_use]
    pub fn kept(&self) -> usize {
        let connected = self.state.established();
        connected.map_or(0, |connected| connected.live.kept.octets())
    }

    /// Returns the id that a subscription has on this connection.
    #[must_use]
    pub fn wire_id(&self, subscription: SubscriptionKey) -> Option<&SubscriptionId> {
        let slot = self.state.established()?.live.get(subscription)?;
        slot.id.as_ref()
    }

    /// Tells whether subscriptions of the previous connection still wait to be confirmed.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        self.state.established().is_some_and(|c| c.replaying > 0)
    }

    /// Tells whether a command would be refused for now, because too much is under way already:
    /// see [`FlowLimits`](crate::FlowLimits).
    #[must_use]
    pub fn is_congested(&self) -> bool {
        let receipts = self.state.established().map_or(0, |c| c.receipts.len());
        self.transmit.len() >= self.config.flow.outbound || receipts >= self.config.flow.receipts
    }

    /// Returns the number of octets that wait to be written.
    #[must_use]
    pub fn outbound(&self) -> usize {
        self.transmit.len()
    }

    /// Returns the place of the outgoing stream at which the next frame will begin. A place counts
    /// every octet that was ever queued.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.transmit.queued()
    }

    /// Tells whether any octet of the frame that begins at this [place](Self::place) was handed
    /// out to be written: if not, the server has not seen it, and will not once it is
    /// [withdrawn](Self::withdraw).
    #[must_use]
    pub fn is_offered(&self, start: u64) -> bool {
        self.transmit.is_offered(start)
    }

    /// Returns the place behind the last octet that was handed out to be written.
    #[must_use]
    pub fn offered(&self) -> u64 {
        self.transmit.offered()
    }

    /// Takes back a frame that lies between these [places](Self::place), unless it was
    /// [offered](Self::is_offered) already; says whether it was taken back. Its receipt is to be
    /// [given up](Self::give_up), too.
    ///
    /// Meant for SEND. What the session has noted of another command stays noted.
    pub fn withdraw(&mut self, frame: Range<u64>) -> bool {
        if self.is_offered(frame.start) {
            return false;
        }
        let withdrawn = self.transmit.withdraw(&frame);
        self.garbage.extend(withdrawn);
        true
    }

    /// Forgets a subscription whose SUBSCRIBE was [withdrawn](Self::withdraw): the server has never
    /// heard of it, so there is nothing to unsubscribe.
    pub fn forget_unsent(&mut self, subscription: SubscriptionKey) {
        if let Some(connected) = self.state.established_mut() {
            connected.live.remove(subscription);
        }
        self.subscriptions.forget(subscription);
    }

    /// Waits for a receipt no longer. If it comes all the same, it is unexpected. Of one that
    /// nobody waits for this is nothing.
    pub fn give_up(&mut self, receipt: &ReceiptId) {
        if let Some(connected) = self.state.established_mut() {
            connected.receipts.remove(receipt.as_str());
            self.set_receipt_timer();
        }
    }

    /// Returns a part of a frame that will not be written any more, until there is none.
    ///
    /// A body may belong to somebody who wants to know when it is dropped: whoever holds a lock
    /// drops these when it is released. All others may forget about them.
    pub fn poll_garbage(&mut self) -> Option<Bytes> {
        self.garbage.pop()
    }

    /// Names the receipt of the only frame that the ERROR can be about which has ended the session,
    /// if there was but one that was not answered: brokers work off frames in their order, and
    /// RabbitMQ never says which it means.
    #[must_use]
    pub fn sole_suspect(&self) -> Option<&ReceiptId> {
        self.sole_suspect.as_ref()
    }

    /// Returns the subscriptions, those in quarantine included.
    #[must_use]
    pub fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    /// Gives access to the subscriptions, to release one from quarantine or to forget one.
    ///
    /// That changes what the next session replays, not what this one has subscribed: for that,
    /// there is [`unsubscribe`](Self::unsubscribe).
    pub fn subscriptions_mut(&mut self) -> &mut Subscriptions {
        &mut self.subscriptions
    }

    /// Ends the session and returns the subscriptions, for the next one.
    ///
    /// A session that is not closed yet counts as lost: what was waited for will not be answered,
    /// so drain the events first after [`handle_eof`](Self::handle_eof).
    #[must_use]
    pub fn into_subscriptions(mut self) -> Subscriptions {
        self.close(CloseReason::ConnectionLost);
        self.subscriptions
    }

    /// Makes a receipt id that was never used, by this session or one before it.
    #[must_use]
    pub fn new_receipt(&mut self) -> ReceiptId {
        loop {
            let id = self.subscriptions.new_receipt();
            let taken = self.state.established().map(|c| c.receipts.contains(&id));
            if taken != Some(true) {
                return id;
            }
        }
    }

    /// Makes a transaction id that was never used, by this session or one before it.
    #[must_use]
    pub fn new_transaction(&mut self) -> TransactionId {
        loop {
            let id = self.subscriptions.new_transaction();
            let open = self
                .state
                .established()
                .is_some_and(|c| c.transactions.contains(&id));
            if !open && !self.subscriptions.is_lost(&id) {
                return id;
            }
        }
    }

    /// The peer, if commands are possible.
    fn peer(&self) -> Result<Peer, UsageError> {
        let connection = &self.connected()?.connection;
        let peer = Peer::new(connection.version, connection.dialect);
        Ok(match self.config.client_id {
            Some(_) => peer.with_client_id(),
            None => peer,
        })
    }

    /// Queues a frame of the application, if nothing speaks against it, and waits for its receipt.
    ///
    /// Nothing is changed unless it returns `Ok`, and nothing may fail after it.
    fn submit(
        &mut self,
        frame: &Frame,
        content_length: ContentLength,
        receipt: Option<ReceiptId>,
        purpose: Purpose,
    ) -> Result<(), UsageError> {
        self.check_room(receipt.as_ref())?;
        self.enqueue(frame, content_length, receipt, purpose)
    }

    /// Refuses a frame of the application while too much is under way.
    pub(crate) fn check_room(&self, receipt: Option<&ReceiptId>) -> Result<(), UsageError> {
        let State::Connected(connected) = &self.state else {
            return Err(UsageError::NotConnected);
        };
        if let Some(id) = receipt {
            if connected.receipts.contains(id) {
                return Err(UsageError::DuplicateReceipt);
            }
            if connected.receipts.len() >= self.config.flow.receipts {
                return Err(UsageError::TooManyReceipts);
            }
        }
        if self.transmit.len() >= self.config.flow.outbound {
            return Err(UsageError::OutboundFull);
        }
        Ok(())
    }

    /// Queues a frame whatever waits already, and waits for its receipt.
    fn enqueue(
        &mut self,
        frame: &Frame,
        content_length: ContentLength,
        receipt: Option<ReceiptId>,
        purpose: Purpose,
    ) -> Result<(), UsageError> {
        let place = self.transmit.push(frame, content_length)?;
        self.last_frame = place.end;
        let asked = match purpose {
            Purpose::InTransaction(_) if self.answers_after_commit() => None,
            // There is a timer of its own for it.
            Purpose::Disconnect => None,
            _ => Some(place.end),
        };
        if let (Some(id), Some(connected)) = (receipt, self.state.established_mut()) {
            connected.receipts.insert(Pending {
                id,
                purpose,
                start: place.start,
                asked,
            });
        }
        Ok(())
    }

    /// Some brokers answer the frames of a transaction only when it is committed.
    fn answers_after_commit(&self) -> bool {
        self.connection().is_some_and(|connection| {
            let words = connection.dialect.words();
            words.transactional_receipt_after_commit
        })
    }

    /// Begins to count the time of the receipts whose frames are written by now.
    fn begin_to_wait(&mut self) {
        let deadline = self.now.checked_add(self.config.receipt_timeout);
        let written = self.transmit.written();
        if let Some(connected) = self.state.established_mut() {
            connected.receipts.wrote(written, deadline);
            self.set_receipt_timer();
        }
    }

    fn set_receipt_timer(&mut self) {
        let stalls = self.stalls_at();
        let connected = self.state.established();
        let deadline = connected.and_then(|c| c.receipts.next_deadline());
        let deadline = deadline.into_iter().chain(stalls).min();
        self.timers.set(Timer::Receipt, deadline);
    }

    /// When a frame that is being written is given up by whoever waits for its RECEIPT, unless more
    /// of it is written before. Only while we do not read: then the broker may take nothing for as
    /// long, and is not to blame.
    fn stalls_at(&mut self) -> Option<Instant> {
        if !self.paused {
            return None;
        }
        let offered = self.transmit.offered();
        let connected = self.state.established_mut()?;
        let under_way = connected.receipts.is_under_way(offered);
        let at = self.moved.checked_add(self.config.receipt_timeout);
        at.filter(|_| under_way)
    }

    /// Takes note of the time, which never goes back.
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }
}

/// Builds the frame that opens the connection.
fn opening(config: &Config) -> Result<Frame, UsageError> {
    let mut connect = Connect::new(&config.host)
        .versions(config.versions.iter().copied())
        .heart_beat(config.heart_beat);
    if config.opening == Opening::Stomp {
        connect = connect.stomp();
    }
    connect.login = config.login.clone();
    connect.passcode = config.passcode.as_deref().map(Into::into);
    connect.client_id = config.client_id.clone();
    connect.dialect = config.dialect.unwrap_or_default();
    connect
        .headers
        .extend(config.headers.iter().map(|(n, v)| (n, v)));
    Ok(connect.into_frame()?)
}
