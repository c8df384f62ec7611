//! The driver: it lies, it is late, it cuts everything into slices of any size, and it sleeps for
//! ever unless it is told to wake up.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use stomp_session::Pieces;
use stomp_session::engine::{AttemptId, LinkId, LinkInfo, Wake, Work};
use stomp_testbroker::ConnectionId;

use crate::books::Tail;
use crate::network::{Pipe, Wiretap};
use crate::world::World;

/// A bug put into the driver on purpose, so that a checker can show that it bites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    Nothing,
    SwallowOperations,
    SwallowInboxes,
    SwallowDriver,
    SwallowReader,
    SwallowEverybody,
    /// What was left to be read of a link counts as come on the next one.
    OldDataAsNew,
    NeverTellTheEnd,
    DropOctets,
    RepeatOctets,
    ReadAgainstOrders,
    NeverFireTimers,
    /// It says that octets were written that it still has, and forgets them when it is busy.
    ForgetPieces,
}

impl Plant {
    pub(crate) const ALL: [Self; 13] = [
        Self::Nothing,
        Self::SwallowOperations,
        Self::SwallowInboxes,
        Self::SwallowDriver,
        Self::SwallowReader,
        Self::SwallowEverybody,
        Self::OldDataAsNew,
        Self::NeverTellTheEnd,
        Self::DropOctets,
        Self::RepeatOctets,
        Self::ReadAgainstOrders,
        Self::NeverFireTimers,
        Self::ForgetPieces,
    ];

    fn swallows(self, wake: Wake) -> bool {
        match wake {
            Wake::Operation(_) => self == Self::SwallowOperations,
            Wake::Inbox(_) => self == Self::SwallowInboxes,
            Wake::Driver => self == Self::SwallowDriver,
            Wake::Reader => self == Self::SwallowReader,
            Wake::Everybody => self == Self::SwallowEverybody,
            Wake::Listener(_) | Wake::Watcher => false,
        }
    }
}

/// Octets that a direction of a link holds at most.
const PIPE: usize = 16 << 10;

/// A transport.
pub(crate) struct Transport {
    pub(crate) id: LinkId,
    pub(crate) connection: ConnectionId,
    up: Pipe,
    up_octets: usize,
    down: Pipe,
    down_octets: usize,
    /// What has arrived, and was not read.
    socket: BytesMut,
    /// What was read, and was not taken.
    buffer: BytesMut,
    /// What is still to be written of the last piece.
    piece: Option<Bytes>,
    pub(crate) wiretap: Wiretap,
    pub(crate) offered: Tail,
    arrived: Tail,
    /// Nothing arrives any more, and nobody is told.
    dark: bool,
    /// The other end is gone.
    ended: bool,
    /// To be closed when what there is to be written was, or at this instant.
    flush: Option<Instant>,
    kill_at: Option<Instant>,
}

struct Dialling {
    attempt: AttemptId,
    at: Instant,
    succeeds: bool,
}

#[derive(Default)]
pub(crate) struct Driver {
    pub(crate) runnable: bool,
    armed: Option<Instant>,
    pub(crate) reader_runnable: bool,
    /// The reader waits for a word, not for octets.
    reader_blocked: bool,
    pub(crate) transport: Option<Transport>,
    dialling: Option<Dialling>,
    /// Links and attempts of former times, to lie about.
    old_links: Vec<LinkId>,
    old_attempts: Vec<AttemptId>,
    /// Octets that were never read on the last link.
    left_over: BytesMut,
    /// Connections of which the broker does not know that they are over.
    orphans: Vec<ConnectionId>,
    pub(crate) has_ended: bool,
}

impl Driver {
    pub(crate) fn awake() -> Self {
        Self {
            runnable: true,
            ..Self::default()
        }
    }
}

impl World {
    /// Tells everybody whom the engine names. To be called after every call of the engine.
    pub(crate) fn forward(&mut self) {
        self.check_budgets();
        while let Some(wake) = self.engine.poll_wake() {
            self.books.report.wakes += 1;
            if self.plant.swallows(wake) && self.rng.u32(..3) == 0 {
                continue;
            }
            match wake {
                Wake::Driver => self.driver.runnable = true,
                Wake::Reader => {
                    self.driver.reader_runnable = true;
                    self.driver.reader_blocked = false;
                }
                Wake::Everybody => {
                    self.driver.runnable = true;
                    self.driver.reader_runnable = true;
                    self.driver.reader_blocked = false;
                    self.application.wake(wake);
                }
                wake => self.application.wake(wake),
            }
        }
        while self.engine.poll_garbage().is_some() {}
        while let Some(event) = self.engine.poll_log() {
            self.note(&event);
        }
    }

    /// Everything that the driver does before it sleeps again.
    pub(crate) fn drive(&mut self) {
        self.driver.runnable = false;
        while let Some(work) = self.engine.poll_work(self.now) {
            self.do_work(work);
        }
        self.forward();
        let fires = self.plant != Plant::NeverFireTimers;
        if self.driver.armed.is_some_and(|at| at <= self.now) && fires {
            self.engine.handle_timeout(self.now);
            self.forward();
        }
        while let Some(work) = self.engine.poll_work(self.now) {
            self.do_work(work);
        }
        self.write();
        self.lie();
        let writable = self.is_writable();
        self.driver.armed = self.engine.sleep(writable);
        self.forward();
    }

    fn do_work(&mut self, work: Work) {
        (self.tell)(self.now - self.start, &work);
        match work {
            Work::Dial(dial) => {
                let delay = match self.rng.u32(..16) {
                    0 => Duration::from_secs(1_000),
                    _ => Duration::from_millis(self.rng.u64(..200)),
                };
                self.driver.dialling = Some(Dialling {
                    attempt: dial.attempt,
                    at: self.now + delay,
                    succeeds: self.rng.u32(..8) > 0,
                });
            }
            Work::CancelDial(attempt) => {
                self.driver.old_attempts.push(attempt);
                if self
                    .driver
                    .dialling
                    .as_ref()
                    .is_some_and(|d| d.attempt == attempt)
                {
                    self.driver.dialling = None;
                }
            }
            Work::Close { link, flush } => match &mut self.driver.transport {
                Some(transport) if transport.id == link => match flush {
                    Some(until) => transport.flush = Some(until),
                    None => self.close_transport(),
                },
                _ => {}
            },
            Work::End => self.driver.has_ended = true,
        }
    }

    /// The instant at which something happens by itself.
    pub(crate) fn driver_instants(&self) -> impl Iterator<Item = Instant> {
        let driver = &self.driver;
        let transport = driver.transport.as_ref();
        let network = transport.filter(|t| !t.dark);
        let fires = self.plant != Plant::NeverFireTimers;
        let instants = [
            driver.armed.filter(|_| fires),
            driver.dialling.as_ref().map(|dialling| dialling.at),
            network
                .and_then(|t| t.up.next_arrival())
                .filter(|_| self.broker_reads()),
            network.and_then(|t| t.down.next_arrival()),
            transport.and_then(|t| t.flush),
            transport.and_then(|t| t.kill_at),
        ];
        instants.into_iter().flatten()
    }

    fn broker_reads(&self) -> bool {
        let transport = self.driver.transport.as_ref();
        transport.is_some_and(|t| self.broker.wants_read(t.connection))
    }

    /// What is due outside of the engine.
    pub(crate) fn let_things_happen(&mut self) {
        if self.driver.armed.is_some_and(|at| at <= self.now)
            && self.plant != Plant::NeverFireTimers
        {
            self.driver.runnable = true;
        }
        if self
            .driver
            .dialling
            .as_ref()
            .is_some_and(|d| d.at <= self.now)
        {
            self.dialled();
        }
        self.move_octets();
        let transport = self.driver.transport.as_ref();
        if transport.is_some_and(|t| t.kill_at.is_some_and(|at| at <= self.now)) {
            self.kill();
        }
        let transport = self.driver.transport.as_ref();
        if transport.is_some_and(|t| t.flush.is_some_and(|at| at <= self.now)) {
            self.close_transport();
        }
    }

    fn dialled(&mut self) {
        let Some(dialling) = self.driver.dialling.take() else {
            return;
        };
        let attempt = dialling.attempt;
        self.driver.old_attempts.push(attempt);
        if !dialling.succeeds {
            self.engine.handle_dial_failed(attempt, "refused", self.now);
            return self.forward();
        }
        let pieces = match self.rng.bool() {
            true => Pieces::Coalesced,
            false => Pieces::Frames,
        };
        let info = LinkInfo::plain().pieces(pieces);
        let link = self.engine.handle_dialled(attempt, info, self.now);
        self.forward();
        let Some(id) = link else { return };
        self.books.report.links += 1;
        let mut buffer = BytesMut::new();
        if self.plant == Plant::OldDataAsNew {
            buffer = std::mem::take(&mut self.driver.left_over);
        }
        self.driver.transport = Some(Transport {
            id,
            connection: self.broker.handle_open(self.now),
            up: Pipe::new(self.now),
            up_octets: 0,
            down: Pipe::new(self.now),
            down_octets: 0,
            socket: buffer,
            buffer: BytesMut::new(),
            piece: None,
            wiretap: Wiretap::new(),
            offered: Tail::new(),
            arrived: Tail::new(),
            dark: false,
            ended: false,
            flush: None,
            kill_at: self.next_kill(),
        });
        self.driver.runnable = true;
        self.driver.reader_blocked = false;
    }

    fn next_kill(&mut self) -> Option<Instant> {
        if self.kills_left == 0 {
            return None;
        }
        self.kills_left -= 1;
        let most = [20_000, 200_000, 2_000_000, 6_000_000];
        let most = most[self.rng.usize(..most.len())];
        Some(self.now + Duration::from_micros(self.rng.u64(..most)))
    }

    fn is_writable(&self) -> bool {
        let transport = self.driver.transport.as_ref();
        transport.is_some_and(|t| t.piece.is_none() && t.up_octets < PIPE)
    }

    /// Writes what the transport takes, slice by slice.
    fn write(&mut self) {
        loop {
            let Some(transport) = &mut self.driver.transport else {
                return;
            };
            let id = transport.id;
            if transport.piece.is_none() {
                if transport.up_octets >= PIPE {
                    return;
                }
                let Some(piece) = self.engine.poll_transmit(id, self.now) else {
                    let over = transport.flush.is_some() && transport.up_octets == 0;
                    self.forward();
                    if over {
                        self.close_transport();
                    }
                    return;
                };
                transport.wiretap.hear_client(&piece);
                for frame in transport.offered.read(&piece) {
                    (self.tell)(self.now - self.start, &(frame.command, &frame.headers));
                    self.books.offer(&frame);
                }
                transport.piece = Some(piece);
                self.forward();
            }
            let Some(transport) = &mut self.driver.transport else {
                return;
            };
            let room = PIPE.saturating_sub(transport.up_octets);
            let Some(piece) = &mut transport.piece else {
                continue;
            };
            let most = piece.len().min(room);
            if most == 0 {
                return;
            }
            let slice = piece.split_to(self.rng.usize(1..=most));
            let written = slice.len();
            if piece.is_empty() {
                transport.piece = None;
            }
            let goes = match self.plant {
                Plant::DropOctets => self.rng.u32(..20) > 0,
                Plant::ForgetPieces if self.rng.u32(..20) == 0 => {
                    transport.piece = None;
                    true
                }
                _ => true,
            };
            let times = 1 + u32::from(self.plant == Plant::RepeatOctets && self.rng.u32(..20) == 0);
            for _ in 0..if goes { times } else { 0 } {
                transport.up_octets += slice.len();
                transport.up.push(slice.clone(), self.now, &mut self.rng);
            }
            if self.rng.bool() {
                self.engine.handle_written(id, written, self.now);
                self.forward();
            }
        }
    }

    /// Moves what has arrived to where it arrives.
    fn move_octets(&mut self) {
        let (broker, now) = (&mut self.broker, self.now);
        self.driver.orphans.retain(|&id| {
            while broker.poll_transmit(id, now).is_some() {}
            let over = broker.poll_close(id);
            if over {
                broker.handle_close(id, now);
            }
            !over
        });
        let Some(transport) = &mut self.driver.transport else {
            return;
        };
        if transport.dark {
            return;
        }
        let id = transport.connection;
        let was_full = transport.up_octets >= PIPE || transport.piece.is_some();
        while broker.wants_read(id)
            && let Some(octets) = transport.up.pop_due(now)
        {
            transport.up_octets -= octets.len();
            for frame in transport.arrived.read(&octets) {
                self.books.store(&frame);
            }
            broker.handle_data(id, &octets, now);
        }
        let flushes = transport.flush.is_some();
        if transport.up_octets < PIPE && (was_full || flushes) {
            self.driver.runnable = true;
        }
        while transport.down_octets + transport.socket.len() < PIPE
            && let Some(octets) = broker.poll_transmit(id, now)
        {
            transport.down_octets += octets.len();
            transport.down.push(octets, now, &mut self.rng);
        }
        while let Some(octets) = transport.down.pop_due(now) {
            transport.down_octets -= octets.len();
            transport.wiretap.hear_broker(&octets);
            transport.socket.extend_from_slice(&octets);
        }
        let over = broker.poll_close(id) && transport.down_octets == 0;
        if over && !transport.ended {
            broker.handle_close(id, now);
            transport.ended = true;
        }
        if !self.driver.reader_blocked && (!transport.socket.is_empty() || transport.ended) {
            self.driver.reader_runnable = true;
        }
    }

    /// Everything that the reader does before it waits again: for octets, or for a word.
    pub(crate) fn read(&mut self) {
        self.driver.reader_runnable = false;
        for _ in 0..4 {
            let Some(transport) = &mut self.driver.transport else {
                return;
            };
            let id = transport.id;
            let against_orders = self.plant == Plant::ReadAgainstOrders;
            if !self.engine.wants_read(id) && !against_orders {
                if transport.ended {
                    // What is left there comes again, or never.
                    return self.read_the_end();
                }
                self.driver.reader_blocked = true;
                return;
            }
            let octets = transport.socket.len();
            let octets = transport.socket.split_to(match octets {
                0 => 0,
                most => self.rng.usize(1..=most),
            });
            let nothing = octets.is_empty();
            transport.buffer.extend_from_slice(&octets);
            if nothing && transport.ended {
                return self.read_the_end();
            }
            let mut more = !nothing || !transport.buffer.is_empty();
            while more {
                let Some(transport) = &mut self.driver.transport else {
                    return;
                };
                more = self
                    .engine
                    .handle_data(id, &mut transport.buffer, false, self.now);
                self.forward();
                if more && !self.engine.wants_read(id) && !against_orders {
                    self.driver.reader_blocked = true;
                    return;
                }
            }
            let asked = self.engine.wants_read_dry(id);
            let dry = self
                .driver
                .transport
                .as_ref()
                .is_some_and(|t| t.socket.is_empty());
            if asked && dry && self.answers_dry {
                self.engine.handle_read_dry(id, self.now);
                self.forward();
            }
            if dry && !self.driver.transport.as_ref().is_some_and(|t| t.ended) {
                return;
            }
        }
        self.driver.reader_runnable = true;
    }

    fn read_the_end(&mut self) {
        let Some(transport) = &mut self.driver.transport else {
            return;
        };
        let id = transport.id;
        if self.plant == Plant::NeverTellTheEnd {
            self.driver.reader_blocked = true;
            return;
        }
        let why = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let why = self.rng.bool().then_some(&why);
        self.engine.handle_closed(id, why, self.now);
        self.drop_transport();
        self.forward();
    }

    /// Breaks the connection: at an octet of each direction, or without telling anybody.
    fn kill(&mut self) {
        self.books.report.kills += 1;
        let beats = self
            .engine
            .connection()
            .is_some_and(|c| c.heart_beat.receive.is_some());
        let Some(transport) = &mut self.driver.transport else {
            return;
        };
        transport.kill_at = None;
        if beats && self.rng.u32(..4) == 0 {
            (self.tell)(self.now - self.start, &"the network goes dark");
            transport.dark = true;
            return;
        }
        (self.tell)(self.now - self.start, &"the connection breaks");
        let up = transport.up.cut(&mut self.rng);
        for frame in transport.arrived.read(&up) {
            self.books.store(&frame);
        }
        transport.up_octets = 0;
        self.broker.handle_data(transport.connection, &up, self.now);
        self.broker.handle_close(transport.connection, self.now);
        let down = transport.down.cut(&mut self.rng);
        transport.down_octets = 0;
        transport.wiretap.hear_broker(&down);
        transport.socket.extend_from_slice(&down);
        transport.ended = true;
        self.driver.reader_runnable = !self.driver.reader_blocked;
        if self.driver.reader_blocked && self.rng.bool() {
            // Whoever writes is told as well.
            self.read_the_end();
        } else {
            self.driver.reader_blocked = false;
            self.driver.reader_runnable = true;
        }
    }

    /// Closes the transport, as the engine wants it.
    fn close_transport(&mut self) {
        let Some(transport) = &self.driver.transport else {
            return;
        };
        let id = transport.id;
        self.drop_transport();
        self.engine.handle_closed(id, None, self.now);
        self.forward();
    }

    fn drop_transport(&mut self) {
        let Some(mut transport) = self.driver.transport.take() else {
            return;
        };
        self.books.tear(&transport.offered);
        self.books.report.stale_acks += transport.wiretap.stale_acks;
        self.books.report.stale_transactions += transport.wiretap.stale_transactions;
        self.driver.old_links.push(transport.id);
        self.driver.left_over = transport.buffer.split();
        self.driver.left_over.unsplit(transport.socket);
        self.driver.reader_blocked = false;
        match transport.dark {
            true => self.driver.orphans.push(transport.connection),
            false => self.broker.handle_close(transport.connection, self.now),
        }
    }

    /// Reports what is not so, or was reported already, about what is over; and calls for nothing.
    fn lie(&mut self) {
        if self.rng.u32(..8) > 0 {
            return;
        }
        self.books.report.lies += 1;
        let link = self.rng.choice(&self.driver.old_links).copied();
        let attempt = self.rng.choice(&self.driver.old_attempts).copied();
        match (self.rng.u32(..10), link, attempt) {
            (0, Some(link), _) => {
                let mut octets = BytesMut::from("RECEIPT\nreceipt-id:r1\n\n\0ERROR\n\n\0");
                while self.engine.handle_data(link, &mut octets, true, self.now) {}
            }
            (1, Some(link), _) => self.engine.handle_closed(link, None, self.now),
            (2, Some(link), _) => self.engine.handle_written(link, 1_000, self.now),
            (3, Some(link), _) => self.engine.handle_read_dry(link, self.now),
            (4, Some(link), _) => assert_eq!(self.engine.poll_transmit(link, self.now), None),
            (5, _, Some(attempt)) => {
                let info = LinkInfo::plain();
                let link = self.engine.handle_dialled(attempt, info, self.now);
                assert_eq!(link, None, "nobody wants it any more");
            }
            (6, _, Some(attempt)) => {
                self.engine.handle_dial_failed(attempt, "a lie", self.now);
            }
            (7, ..) => self.engine.handle_timeout(self.now),
            (8, Some(link), _) => assert!(!self.engine.wants_read(link)),
            _ => drop(self.engine.sleep(true)),
        }
        self.forward();
    }

    /// With nothing left to run: would the driver find something to do if it looked?
    pub(crate) fn has_driver_overslept(&mut self) -> bool {
        let due = self.engine.poll_timeout();
        let sooner = match (due, self.driver.armed) {
            (Some(due), Some(armed)) => due < armed,
            (due, armed) => due.is_some() && armed.is_none(),
        };
        let reads = self.driver.reader_blocked
            && self
                .driver
                .transport
                .as_ref()
                .is_some_and(|t| self.engine.wants_read(t.id));
        let writes = self.engine.outbox_octets() > 0 && self.is_writable();
        sooner || reads || writes
    }
}
