//! What happened outside.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use stomp_commands::negotiate;
use stomp_commands::{
    AckMode, Connected as ConnectedFrame, Ended, ErrorFrame, FrameError, Message, Receipt,
    ReceiptId,
};
use stomp_frame::{
    Command, ContentLength, DecodeError, DecodeErrorKind, Frame, Item, Version, header,
};

use super::Session;
use crate::live::Slot;
use crate::receipts::{Pending, Purpose};
use crate::state::{Connected, State};
use crate::timers::Timer;
use crate::{
    AckToken, CloseReason, Connection, Delivery, Event, GivingBack, Misbehaviour, ReceiptFailure,
    Refusal, ServerError, SubscriptionKey, With,
};

/// The most items of one [`Session::handle_some`].
const ITEMS: usize = 64;

/// So much of a frame has the time of a whole one.
const FRAME_SLICE: usize = 64 << 10;

/// So many octets are enough for one [`Session::handle_some`].
const SLICE: usize = 16 << 10;

impl Session {
    /// Takes octets that were read. What belongs to an unfinished frame is left in `src`: append
    /// to it, and call again.
    ///
    /// Any octet counts as life, also one of an unfinished frame. When the session is closed, `src`
    /// is emptied.
    pub fn handle_data(&mut self, src: &mut BytesMut, now: Instant) {
        while self.handle_some(src, now) {}
    }

    /// Takes note that a message of a WebSocket ended behind the octets that were
    /// [taken](Self::handle_data): from some brokers each message is a frame, which ends with it,
    /// whatever its `content-length` says.
    pub fn handle_end_of_message(&mut self, src: &mut BytesMut, now: Instant) {
        self.advance(now);
        let connection = self.connection();
        if !connection.is_some_and(|c| c.dialect.words().frame_is_message) {
            return;
        }
        // Who tells of one end tells of all.
        self.decoder.set_in_messages();
        let before = src.len();
        match self.decoder.end_of_message(src) {
            Ok(None) => {}
            Ok(Some(item)) => {
                if let Err(error) = self.handle_item(item, before - src.len()) {
                    self.fail(error.into());
                }
            }
            Err(error) => self.fail(error.into()),
        }
        self.leftover = src.len();
    }

    /// The same for a part of them: 64 items at most, or some 16 KiB. Says whether to call it
    /// again for the rest, so that a driver can look after other things in between, however much
    /// comes.
    pub fn handle_some(&mut self, src: &mut BytesMut, now: Instant) -> bool {
        self.advance(now);
        if src.len() > self.leftover {
            self.heard = self.now;
            self.set_silence_timer();
        }
        let came = src.len().saturating_sub(self.leftover);
        let enough = src.len().saturating_sub(SLICE);
        let mut items = 0;
        let more = loop {
            if self.is_closed() || self.broken.is_some() {
                break false;
            }
            if items == ITEMS || items > 0 && src.len() < enough {
                break true;
            }
            items += 1;
            let before = src.len();
            match self.decoder.decode(src) {
                Ok(Some(item)) => {
                    if let Err(error) = self.handle_item(item, before - src.len()) {
                        self.fail(error.into());
                    }
                }
                Ok(None) => break false,
                Err(error) => self.fail(error.into()),
            }
        };
        if self.is_closed() || self.broken.is_some() {
            src.clear();
        }
        self.leftover = src.len();
        self.watch_frame(came, items > 1);
        more
    }

    /// Watches over a frame that is not finished: each part of it has its time.
    fn watch_frame(&mut self, came: usize, is_new: bool) {
        let is_inside = self.decoder.is_inside_frame() || self.leftover > 0;
        if !is_inside || self.paused || self.is_closed() {
            self.slice = 0;
            self.timers.set(Timer::Frame, None);
        } else if is_new || came >= self.slice {
            self.slice = FRAME_SLICE;
            let deadline = self.now.checked_add(self.config.frame_timeout);
            self.timers.set(Timer::Frame, deadline);
        } else {
            self.slice -= came;
        }
    }

    /// The server broke the protocol: nothing more can be read.
    fn fail(&mut self, why: Misbehaviour) {
        let reason = CloseReason::Misbehaviour(why);
        match self.state {
            State::Connected(_) if self.config.settle_broken => {
                // Its silence proves nothing any more.
                self.handle_pause();
                self.broken = Some(reason);
            }
            _ => self.close(reason),
        }
    }

    /// Closes a session that is [broken](Self::broken). Where UNSUBSCRIBE gives back what was not
    /// settled, that is left to be written: messages that come back with the end of the connection
    /// count as delivered in vain (Artemis files them away after ten times; observed).
    pub fn finish_broken(&mut self, now: Instant) {
        self.advance(now);
        let Some(reason) = self.broken.take() else {
            return;
        };
        let keys: Vec<_> = self.subscriptions.keys().collect();
        let gives_back =
            |key: &SubscriptionKey| self.giving_back(*key) == GivingBack::ByUnsubscribe;
        let ended: Vec<_> = keys.into_iter().filter(gives_back).collect();
        let frames = ended
            .into_iter()
            .map(|key| self.unsubscribing(key, With::nothing()));
        let frames: Vec<_> = frames.filter_map(Result::ok).collect();
        self.close(reason);
        for frame in frames {
            // Its head was written before.
            let _ = self.transmit.push(&frame, ContentLength::Auto);
        }
    }

    /// Takes note that the stream has ended, in order or not.
    ///
    /// After DISCONNECT that is as good as its receipt: many a broker closes at once.
    pub fn handle_eof(&mut self, now: Instant) {
        self.advance(now);
        self.end(match self.state {
            State::Connecting => CloseReason::ClosedBeforeConnected,
            _ => CloseReason::ConnectionLost,
        });
    }

    /// Takes note that the transport has failed, and why.
    ///
    /// An unexpected end is an end like any other: of TLS streams it is reported where the server
    /// did not say goodbye, and many do not.
    pub fn handle_io_error(&mut self, error: &io::Error, now: Instant) {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return self.handle_eof(now);
        }
        self.advance(now);
        self.end(CloseReason::Transport(error.into()));
    }

    /// Takes note that nothing can be read or written any more.
    fn end(&mut self, reason: CloseReason) {
        self.garbage.extend(self.transmit.clear());
        // That is why the other end is gone, as likely as not.
        let reason = self.broken.take().unwrap_or(reason);
        self.close(match self.state {
            State::Disconnecting(..) => CloseReason::Disconnected { confirmed: false },
            _ => reason,
        });
    }

    /// Does what is due: sends a heart-beat, or gives up waiting.
    ///
    /// Call it when the instant of [`poll_timeout`](Self::poll_timeout) has come; too early or too
    /// often does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        if self.is_due(Timer::Connected) {
            let after = self.config.connected_timeout;
            self.close(CloseReason::ConnectTimedOut { after });
        }
        if self.is_due(Timer::Disconnect) {
            let after = self.config.disconnect_timeout;
            self.close(CloseReason::DisconnectTimedOut { after });
        }
        if self.is_due(Timer::Frame) {
            let after = self.config.frame_timeout;
            self.close(CloseReason::FrameTimedOut { after });
        }
        if self.is_due(Timer::Silence) {
            let second_look = self.config.liveness.second_look;
            if self.suspicious || second_look.is_zero() {
                self.believe_silence();
            } else {
                self.suspicious = true;
                let deadline = self.now.checked_add(second_look);
                self.timers.set(Timer::Silence, deadline);
            }
        }
        if self.is_due(Timer::Write) {
            let after = self.config.write_timeout;
            self.close(CloseReason::WriteTimedOut { after });
        }
        if self.is_due(Timer::Receipt) {
            self.fail_overdue();
        }
        if self.is_due(Timer::Beat) {
            let before = self.transmit.queued();
            self.transmit.beat();
            if self.answered == before {
                // Nobody answers a beat.
                self.answered = self.transmit.queued();
            }
            self.set_beat_timer();
        }
    }

    /// Tells whether the broker has been silent for so long that it counts as dead, unless there is
    /// something to be read: read what has come by now. If there was nothing, say so by
    /// [`handle_read_dry`](Self::handle_read_dry).
    ///
    /// A process that stood still (stopped, or busy elsewhere) must not blame its broker. Without an
    /// answer the broker counts as dead after [`Liveness::second_look`](crate::Liveness).
    #[must_use]
    pub fn wants_read_dry(&self) -> bool {
        self.suspicious
    }

    /// Takes note that nothing was there to be read.
    pub fn handle_read_dry(&mut self, now: Instant) {
        self.advance(now);
        if self.suspicious {
            self.believe_silence();
        }
    }

    fn believe_silence(&mut self) {
        self.close(CloseReason::HeartBeatMissed {
            silence: self.now.saturating_duration_since(self.heard),
            period: self.receive_period().unwrap_or_default(),
        });
    }

    /// Takes note that the driver stops reading for a while, because the application does not keep
    /// up. The broker's silence proves nothing until [`handle_resume`](Self::handle_resume).
    ///
    /// Receipts that come too late while nobody reads are overdue all the same: their deadline is
    /// a promise to whoever waits. So is a frame that gets stuck half-way.
    pub fn handle_pause(&mut self) {
        self.paused = true;
        self.suspicious = false;
        self.moved = self.now;
        self.slice = 0;
        self.timers.set(Timer::Frame, None);
        self.timers.set(Timer::Silence, None);
        self.timers.set(Timer::Write, None);
        self.set_receipt_timer();
    }

    /// Takes note that the driver reads again. The broker's silence counts from now.
    pub fn handle_resume(&mut self, now: Instant) {
        self.advance(now);
        if self.paused {
            self.paused = false;
            self.heard = self.now;
            self.set_silence_timer();
            self.set_write_timer();
            self.set_receipt_timer();
            self.watch_frame(0, true);
        }
    }

    /// Takes an item that measured so many octets on the wire.
    fn handle_item(&mut self, item: Item, octets: usize) -> Result<(), FrameError> {
        match item {
            Item::Frame(frame) => self.handle_frame(frame, octets),
            // What can be told all the same is told.
            Item::Unreadable {
                frame,
                error,
                length,
            } if frame.command == Command::Message => {
                if error.kind == DecodeErrorKind::MalformedHeader && is_torn(&frame) {
                    self.fail(error.into());
                    return Ok(());
                }
                let why = Some((error, length));
                let frame = with_mandatory_headers(frame, self.decoder.version());
                self.handle_message(frame, octets, why)
            }
            Item::Unreadable { frame, .. } => self.handle_frame(frame, octets),
            _ => Ok(()),
        }
    }

    fn handle_frame(&mut self, frame: Frame, octets: usize) -> Result<(), FrameError> {
        let command = frame.command;
        match (&self.state, command) {
            (State::Connecting, Command::Connected) => self.handle_connected(frame),
            (State::Connected(_) | State::Disconnecting(..), Command::Message) => {
                self.handle_message(frame, octets, None)
            }
            (State::Connected(_) | State::Disconnecting(..), Command::Receipt) => {
                self.handle_receipt(&frame)
            }
            (_, Command::Error) => {
                self.handle_error(ErrorFrame::from_frame(frame)?);
                Ok(())
            }
            _ => Err(FrameError::UnexpectedCommand { command }),
        }
    }

    #[cold]
    fn handle_connected(&mut self, frame: Frame) -> Result<(), FrameError> {
        let answer = ConnectedFrame::from_frame(frame, &self.config.versions)?;
        let version = answer.version;
        let dialect = self.config.dialect.unwrap_or_else(|| answer.dialect());
        // The very next octet is read and written by the rules of this version.
        self.decoder.set_version(version);
        if dialect.words().writes_carriage_return_in_1_1 {
            let mut tolerance = self.config.tolerance;
            tolerance.carriage_return_escape = true;
            self.decoder.set_tolerance(tolerance);
        }
        self.transmit.set_version(version);
        let connection = Connection {
            version,
            heart_beat: negotiate::heart_beat(self.config.heart_beat, answer.heart_beat),
            server: answer.server,
            session: answer.session,
            dialect,
            epoch: self.epoch,
        };
        self.events.push_back(Event::Connected(connection.clone()));
        self.state = State::Connected(Box::new(Connected::new(connection, self.config.liveness)));
        // It is the answer to all that was written.
        self.answered = self.transmit.queued();
        self.timers.set(Timer::Connected, None);
        self.set_beat_timer();
        self.set_silence_timer();
        self.replay();
        Ok(())
    }

    /// Takes a message, or what is left of one that is `unreadable`: why, and the length of its body.
    fn handle_message(
        &mut self,
        frame: Frame,
        octets: usize,
        unreadable: Option<(DecodeError, Option<u64>)>,
    ) -> Result<(), FrameError> {
        let Some(connected) = self.state.established_mut() else {
            let command = frame.command;
            return Err(FrameError::UnexpectedCommand { command });
        };
        let version = connected.connection.version;
        let message = Message::from_frame(frame, version)?;
        let found = find_subscription(connected, &message);
        let Some((subscription, slot)) =
            found.and_then(|key| Some((key, connected.live.get_mut(key)?)))
        else {
            match unreadable {
                Some((why, _)) if !is_too_large(why.kind) => {
                    self.fail(why.into());
                }
                _ => self.events.push_back(Event::OrphanMessage(message)),
            }
            return Ok(());
        };
        // An `ack` header comes in ack mode `auto`, too, if the sender wrote one.
        let id = match (slot.ack, version) {
            (AckMode::Auto, _) => None,
            (_, Version::V1_2) => message.headers().get_octets(header::ACK),
            _ => message.headers().get_octets(header::MESSAGE_ID),
        };
        let id = id.filter(|id| unreadable.is_none() || !id.is_empty());
        let token = AckToken {
            epoch: self.epoch,
            subscription,
            number: id.map(|id| slot.deliveries.add(id)),
        };
        let delivery = Delivery {
            message,
            subscription,
            token,
            octets,
        };
        self.events.push_back(match unreadable {
            None => Event::Message(delivery),
            Some((why, length)) => Event::MessageUnreadable {
                delivery,
                why,
                length,
            },
        });
        Ok(())
    }

    fn handle_receipt(&mut self, frame: &Frame) -> Result<(), FrameError> {
        let Some(connected) = self.state.established_mut() else {
            return Ok(());
        };
        let version = connected.connection.version;
        let id = Receipt::id_in(frame)?;
        let Some((pending, earlier)) = connected.receipts.answer(id) else {
            let receipt = ReceiptId::from(id);
            self.events.push_back(Event::UnexpectedReceipt { receipt });
            return Ok(());
        };
        self.answered = self.answered.max(pending.asked.unwrap_or_default());
        self.set_receipt_timer();
        let also_received = match version {
            Version::V1_2 => earlier,
            _ => Vec::new(),
        };
        match pending.purpose {
            Purpose::Disconnect => {
                self.close(CloseReason::Disconnected { confirmed: true });
                return Ok(());
            }
            Purpose::Subscribe { subscription, .. } => self.confirmed(subscription),
            _ => {}
        }
        if pending.purpose.is_internal() {
            self.replayed_one();
        } else {
            self.events.push_back(Event::Receipt {
                receipt: pending.id,
                also_received,
            });
        }
        Ok(())
    }

    /// ERROR is the last frame of a connection, in every version: no broker promises anything for
    /// what follows, and a RECEIPT that comes behind it proves nothing.
    #[cold]
    fn handle_error(&mut self, error: ErrorFrame) {
        let error = Arc::new(error);
        self.events.push_back(Event::Error(error.clone()));
        if self.is_about_the_past(&error) {
            return;
        }
        let Some(connected) = self.state.established_mut() else {
            self.close(CloseReason::ConnectRefused(error));
            return;
        };
        let answered = match &error.receipt_id {
            Some(id) => connected.receipts.remove(id.as_str()),
            None => None,
        };
        let named = match &error.subscription {
            Some(id) => connected.live.find(id.as_str().as_bytes()),
            None => None,
        };
        match (answered, named) {
            (Some(pending), _) => self.refused(pending, &error),
            (None, Some(subscription)) => self.cancelled(subscription, &error),
            (None, None) => {
                let (first, last) = (self.answered, Some(self.last_frame));
                let is_sole = |pending: &&Pending| pending.start == first && pending.asked == last;
                let sole = connected.receipts.values().find(is_sole);
                self.sole_suspect = sole.map(|pending| pending.id.clone());
                self.suspect(&error);
            }
        }
        self.close(CloseReason::Error(error));
    }

    /// RabbitMQ answers by an ERROR that is not the last frame when a message meets the UNSUBSCRIBE
    /// of its subscription (observed on 3.10.8 and 4.0.5). We know that it is gone.
    fn is_about_the_past(&self, error: &ErrorFrame) -> bool {
        let Some(connected) = self.state.established() else {
            return false;
        };
        match error.ended_subscription(connected.connection.dialect) {
            Some(Ended::Id(id)) => connected.live.has_ended(id.as_str()),
            Some(Ended::Destination(_)) | None => false,
        }
    }

    /// The server answered this very frame by ERROR.
    fn refused(&mut self, pending: Pending, error: &ServerError) {
        let internal = pending.purpose.is_internal();
        match pending.purpose {
            Purpose::Disconnect => return,
            Purpose::Subscribe { subscription, .. } => {
                self.quarantine(subscription, Refusal::Error(error.clone()));
            }
            _ => {}
        }
        if !internal {
            self.events.push_back(Event::ReceiptFailed {
                receipt: pending.id,
                why: ReceiptFailure::Refused(error.clone()),
            });
        }
    }

    /// The server named a subscription in an ERROR. One that it had confirmed before was cancelled
    /// since, for one because a node of a cluster went down: that one is replayed.
    fn cancelled(&mut self, subscription: SubscriptionKey, error: &ServerError) {
        let connected = self.state.established();
        let unanswered = connected.is_some_and(|c| c.receipts.awaits_subscribe(subscription));
        if unanswered {
            self.quarantine(subscription, Refusal::Error(error.clone()));
        }
    }

    fn fail_overdue(&mut self) {
        let has_stalled = self.stalls_at().is_some_and(|at| at <= self.now);
        let stalled = has_stalled.then(|| self.transmit.offered());
        while let Some(pending) = self.state.established_mut().and_then(|connected| {
            let receipts = &mut connected.receipts;
            let overdue = receipts.pop_overdue(self.now);
            overdue.or_else(|| receipts.pop_under_way(stalled?))
        }) {
            let why = match pending.purpose {
                Purpose::Subscribe {
                    subscription,
                    replay: true,
                } => {
                    if self.is_live(subscription) {
                        self.events
                            .push_back(Event::SubscribeUnanswered { subscription });
                    }
                    self.replayed_one();
                    continue;
                }
                Purpose::Commit(_) => ReceiptFailure::InDoubt,
                _ => ReceiptFailure::Deadline,
            };
            self.events.push_back(Event::ReceiptFailed {
                receipt: pending.id,
                why,
            });
        }
        self.set_receipt_timer();
    }

    /// Ends the session, unless it is over already: resolves everything that is waited for, and
    /// says why.
    pub(super) fn close(&mut self, reason: CloseReason) {
        let state = std::mem::replace(&mut self.state, State::Closed);
        self.timers.clear();
        self.suspicious = false;
        let (State::Connected(connected) | State::Disconnecting(connected)) = state else {
            if matches!(state, State::Connecting) {
                self.garbage.extend(self.transmit.clear());
                self.events.push_back(Event::Closed(reason));
            }
            return;
        };
        let mut connected = *connected;
        // DISCONNECT is still to be written, with what waits in front of it; else nothing is.
        if !matches!(reason, CloseReason::Disconnected { .. }) {
            self.garbage.extend(self.transmit.clear());
        }
        for pending in connected.receipts.drain() {
            self.lost(pending, &reason);
        }
        for transaction in connected.transactions {
            self.subscriptions.lose(transaction.clone());
            self.events
                .push_back(Event::TransactionLost { transaction });
        }
        self.events.push_back(Event::Closed(reason));
    }

    /// The connection ended before the frame was answered.
    fn lost(&mut self, pending: Pending, reason: &CloseReason) {
        if pending.purpose.is_internal() || pending.purpose == Purpose::Disconnect {
            return;
        }
        let leaves = self.transmit.leaves(pending.start);
        let why = match (&pending.purpose, leaves) {
            (Purpose::Commit(_), true) => ReceiptFailure::InDoubt,
            (Purpose::Commit(_) | Purpose::InTransaction(_), _) => ReceiptFailure::TransactionLost,
            (_, true) => ReceiptFailure::ConnectionLost(reason.clone()),
            (_, false) => ReceiptFailure::NotSent(reason.clone()),
        };
        self.events.push_back(Event::ReceiptFailed {
            receipt: pending.id,
            why,
        });
    }

    fn is_due(&self, timer: Timer) -> bool {
        self.timers.is_due(timer, self.now)
    }

    fn receive_period(&self) -> Option<std::time::Duration> {
        self.state.established()?.connection.heart_beat.receive
    }

    /// Counts the broker's silence from when it was last heard.
    fn set_silence_timer(&mut self) {
        self.suspicious = false;
        let State::Connected(connected) = &self.state else {
            return;
        };
        let deadline = match connected.dead_after {
            Some(after) if !self.paused => self.heard.checked_add(after),
            _ => None,
        };
        self.timers.set(Timer::Silence, deadline);
    }
}

/// Tells whether a MESSAGE with a line that is no header lacks what the server writes itself: then it
/// is not the sender who wrote that line, but the stream has lost octets.
fn is_torn(frame: &Frame) -> bool {
    let own = [header::DESTINATION, header::MESSAGE_ID];
    own.iter().any(|name| !frame.headers.contains(name))
}

/// Puts empty headers in the place of those that could not be picked out of a MESSAGE: it is
/// unreadable, but no fault of its own. Without a subscription it is nobody's.
fn with_mandatory_headers(mut frame: Frame, version: Version) -> Frame {
    let names = [
        header::DESTINATION,
        header::MESSAGE_ID,
        header::SUBSCRIPTION,
    ];
    let mandatory = match version {
        Version::V1_0 => &names[..2],
        _ => &names,
    };
    for name in mandatory {
        if !frame.headers.contains(name) {
            frame.headers.append(name, "");
        }
    }
    frame
}

/// Tells whether the server kept to the protocol, and only we to our limits. Any other fault is one
/// to get over for the sake of a subscription, that would be sent the message again; where there is
/// none, the connection ends as the specification has it.
fn is_too_large(kind: DecodeErrorKind) -> bool {
    use DecodeErrorKind::*;
    matches!(
        kind,
        BodyTooLong | TooManyHeaders | HeaderLineTooLong | HeadTooLong
    )
}

/// Finds out whose message it is.
fn find_subscription(connected: &Connected, message: &Message) -> Option<SubscriptionKey> {
    let live = &connected.live;
    let version = connected.connection.version;
    let id = message.headers().get_octets(header::SUBSCRIPTION);
    let named = id.and_then(|id| live.find(id));
    if version > Version::V1_0 || named.is_some() {
        return named;
    }
    // RabbitMQ names subscriptions that we gave no name.
    let nameless = |slot: &Slot| id.is_none() || slot.id.is_none();
    live.find_by_destination(message.destination(), nameless)
}
