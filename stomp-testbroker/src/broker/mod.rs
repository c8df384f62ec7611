mod beat;
mod chaos;
mod config;
mod connection;
mod failure;
mod faults;
mod handshake;
mod inspect;
mod output;
mod queue;
mod routing;
mod settle;
mod subscribe;
mod transaction;

use std::collections::BTreeMap;
use std::io;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use stomp_frame::{Command, Frame, Item, header};

pub(crate) use chaos::SEED_VARIABLE;
pub use config::{Caps, Config, NackPolicy};
pub use connection::ConnectionId;
pub use failure::Failure;

use crate::fault::{Mounted, RuleId, Standing};
use crate::profile::Manners;
use crate::transcript::{Direction, Transcript};
use chaos::Chaos;
use connection::{Connection, State};
use queue::{Destinations, QueueId};

/// A STOMP broker as a state machine: no I/O, no clock, no threads.
///
/// The driver tells what happened (`handle_*`) and does what it is asked to (`poll_*`). Same
/// inputs, same outputs, whatever the machine.
///
/// ```
/// use std::time::Instant;
/// use stomp_testbroker::{Broker, Config};
///
/// let now = Instant::now();
/// let mut broker = Broker::new(Config::default());
/// let client = broker.handle_open(now);
/// broker.handle_data(client, b"CONNECT\naccept-version:1.2\nhost:h\n\n\0", now);
/// let answer = broker.poll_transmit(client, now).expect("CONNECTED");
/// assert!(answer.starts_with(b"CONNECTED\nversion:1.2\n"));
/// ```
#[derive(Debug)]
pub struct Broker {
    config: Config,
    manners: Manners,
    connections: BTreeMap<ConnectionId, Connection>,
    opened: u64,
    destinations: Destinations,
    /// Octets of all messages that wait somewhere.
    stored: usize,
    /// Connections whose driver has something to do, each once.
    ready: Vec<ConnectionId>,
    transcript: Transcript,

    rules: Vec<Mounted>,
    rules_mounted: u64,
    /// Faults of all connections, or of those of one node.
    standing: Vec<(RuleId, Standing, Option<usize>)>,
    chaos: Option<Chaos>,
    /// A crash that has to wait until the input at hand is dealt with.
    crash_pending: bool,
}

impl Broker {
    /// Creates a broker without connections and messages.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let chaos = config.chaos.map(Chaos::new);
        Self {
            manners: Manners::of(config.profile),
            transcript: Transcript::new(config.transcript),
            config,
            connections: BTreeMap::new(),
            opened: 0,
            destinations: Destinations::default(),
            stored: 0,
            ready: Vec::new(),
            rules: Vec::new(),
            rules_mounted: 0,
            standing: Vec::new(),
            chaos,
            crash_pending: false,
        }
    }

    /// Takes up a new connection.
    pub fn handle_open(&mut self, now: Instant) -> ConnectionId {
        self.handle_open_at(0, now)
    }

    /// Takes up a new connection to one member of a cluster.
    pub(crate) fn handle_open_at(&mut self, node: usize, now: Instant) -> ConnectionId {
        self.opened += 1;
        let id = ConnectionId(self.opened);
        let limits = self.config.caps.frame_before_connect;
        self.connections
            .insert(id, Connection::new(node, limits, now));
        self.transcript.opened(id, now);
        id
    }

    /// Takes octets of a client.
    ///
    /// Frames are handled at once, unless too much output waits for this client: then they are
    /// kept until some of it was taken. A driver does not read while
    /// [`wants_read`](Self::wants_read) says no.
    pub fn handle_data(&mut self, id: ConnectionId, data: &[u8], now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.state == State::Closing {
            return;
        }
        connection.received_octets += data.len() as u64;
        connection.input.extend_from_slice(data);
        let connection = &self.connections[&id];
        if self.stands(connection, Standing::BlackHole) {
            return;
        }
        self.connection(id).beats.received = now;
        self.read_frames(id, now);
        self.crash_if_pending(now);
    }

    /// Notes that the client closed the connection, or that it broke: what it had and did not
    /// acknowledge goes back, what it had not committed is forgotten.
    pub fn handle_close(&mut self, id: ConnectionId, now: Instant) {
        self.release(id, now);
        if self.connections.remove(&id).is_some() {
            self.transcript.closed(id, now);
            self.ready.push(id);
        }
    }

    /// Ends all connections at once, without a word and without what still waits to be written.
    pub fn close_all(&mut self, now: Instant) {
        self.close_node(None, now);
    }

    /// The same for one member of a cluster, if it is named.
    pub(crate) fn close_node(&mut self, node: Option<usize>, now: Instant) {
        let ids: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| node.is_none_or(|node| node == connection.node))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.handle_close(id, now);
        }
    }

    /// Notes that the client will send no more. What it sent counts, and answers still go out, if
    /// it reads them; its subscriptions and open transactions end.
    pub fn handle_eof(&mut self, id: ConnectionId, now: Instant) {
        self.hang_up(id, now);
    }

    /// Tells whether the connection is there, though the broker may be about to close it.
    #[must_use]
    pub fn is_open(&self, id: ConnectionId) -> bool {
        self.connections.contains_key(&id)
    }

    /// Tells whether the driver should read from the client.
    #[must_use]
    pub fn wants_read(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| {
            if self.stands(connection, Standing::BlackHole) {
                return connection.input.len() < self.config.caps.output;
            }
            connection.output.len() < self.config.caps.output
                && connection.held.is_none()
                && !self.stands(connection, Standing::StopReading)
        })
    }

    /// Takes what has to be written to the client.
    pub fn poll_transmit(&mut self, id: ConnectionId, now: Instant) -> Option<Bytes> {
        let connection = self.connections.get(&id)?;
        if self.stands(connection, Standing::BlackHole) {
            return None;
        }
        let slice = self.slice(connection);
        let connection = self.connection(id);
        let before = connection.output.len();
        let output = connection.take_output(slice);
        let was_full = before >= self.config.caps.output;
        if was_full {
            self.resume(id, now);
            self.announce(id); // there is room to read into again
        }
        output
    }

    /// Tells whether the driver has to close the connection, now that all output was taken.
    #[must_use]
    pub fn poll_close(&self, id: ConnectionId) -> bool {
        match self.connections.get(&id) {
            Some(connection) => {
                connection.state == State::Closing
                    && connection.output.is_empty()
                    && connection.delayed.is_empty()
                    && !self.stands(connection, Standing::BlackHole)
            }
            None => true,
        }
    }

    /// Tells whether [`poll_transmit`](Self::poll_transmit) has something, or
    /// [`poll_close`](Self::poll_close) says yes.
    pub(crate) fn has_output(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_none_or(|connection| {
            !connection.output.is_empty() && !self.stands(connection, Standing::BlackHole)
        }) || self.poll_close(id)
    }

    /// What a client without a wire in between reads: octets, or `None` for the end.
    pub(crate) fn poll_output(&mut self, id: ConnectionId, now: Instant) -> Poll<Option<Bytes>> {
        match self.poll_transmit(id, now) {
            Some(output) => Poll::Ready(Some(output)),
            None if self.poll_close(id) => {
                self.handle_close(id, now);
                Poll::Ready(None)
            }
            None => Poll::Pending,
        }
    }

    /// What happens to octets that a client without a wire in between writes.
    pub(crate) fn poll_input(
        &mut self,
        id: ConnectionId,
        octets: &[u8],
        now: Instant,
    ) -> Poll<io::Result<usize>> {
        if !self.is_open(id) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.poll_close(id) || self.wants_read(id) {
            self.handle_data(id, octets, now);
            return Poll::Ready(Ok(octets.len()));
        }
        Poll::Pending
    }

    /// Names a connection whose driver has something to do since it looked last: output to write,
    /// input to read again, a deadline that moved, a link to close. Call until `None`.
    pub fn poll_ready(&mut self) -> Option<ConnectionId> {
        let id = self.ready.pop()?;
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.announced = false;
        }
        Some(id)
    }

    fn connection(&mut self, id: ConnectionId) -> &mut Connection {
        self.connections
            .get_mut(&id)
            .expect("the frame at hand came from this connection")
    }

    fn announce(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id)
            && !connection.announced
        {
            connection.announced = true;
            self.ready.push(id);
        }
    }

    /// Goes on with what had to wait for room in the output.
    fn resume(&mut self, id: ConnectionId, now: Instant) {
        self.read_frames(id, now);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if std::mem::take(&mut connection.stalled) {
            let queues: Vec<QueueId> = connection
                .subscriptions
                .values()
                .map(|subscription| subscription.queue)
                .collect();
            for queue in queues {
                self.dispatch(queue, now);
            }
        }
    }

    fn read_frames(&mut self, id: ConnectionId, now: Instant) {
        while self.wants_read(id) {
            let connection = self.connection(id);
            if connection.state == State::Closing || connection.input.is_empty() {
                break;
            }
            match connection.decoder.decode(&mut connection.input) {
                Ok(Some(Item::Frame(frame))) => self.receive(id, frame, now),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    return self.refuse(id, Failure::Malformed(error), None, now);
                }
            }
        }
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.input.is_empty()
        {
            // An idle connection keeps no buffer.
            connection.input = bytes::BytesMut::new();
        }
    }

    fn receive(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        self.transcript.frame(id, Direction::Received, &frame, now);
        if self.has_faults()
            && let Some(fault) = self.judge(Direction::Received, id, &frame, now)
        {
            self.receive_with_fault(id, frame, fault, now);
        } else {
            self.process(id, frame, Answer::Full, now);
        }
    }

    fn has_faults(&self) -> bool {
        !self.rules.is_empty() || self.chaos.is_some()
    }

    /// Does what a frame asks for, and answers.
    fn process(&mut self, id: ConnectionId, frame: Frame, answer: Answer, now: Instant) {
        self.connection(id).discard = answer == Answer::Nothing;
        let receipt = frame.headers.get(header::RECEIPT).map(str::to_owned);
        let command = frame.command;
        match self.act(id, frame, now) {
            Ok(then) => {
                if let Some(receipt) = receipt
                    && !matches!(command, Command::Connect | Command::Stomp)
                {
                    self.answer_receipt(id, receipt_frame(&receipt), answer, now);
                }
                match then {
                    Then::Nothing => {}
                    Then::Dispatch(queue) => self.dispatch(queue, now),
                    Then::HangUp => self.hang_up(id, now),
                }
            }
            Err(failure) => self.refuse(id, failure, receipt.as_deref(), now),
        }
    }

    fn answer_receipt(&mut self, id: ConnectionId, receipt: Frame, answer: Answer, now: Instant) {
        match answer {
            Answer::Full => self.emit(id, receipt, now),
            Answer::ReceiptAt(time) => {
                self.connection(id).delayed.push((time, receipt));
                self.announce(id);
            }
            Answer::WithoutReceipt | Answer::Nothing => {}
        }
    }

    /// Does what the frame asks for; says what is left to do after the RECEIPT.
    fn act(&mut self, id: ConnectionId, frame: Frame, now: Instant) -> Result<Then, Failure> {
        let command = frame.command;
        let opening = self.connection(id).state == State::Opening;
        match command {
            Command::Connect | Command::Stomp if !opening => return Err(Failure::AlreadyConnected),
            Command::Connect | Command::Stomp => self.connect(id, frame, now)?,
            _ if opening => return Err(Failure::NotConnected(command)),
            Command::Send => self.send(id, frame, now)?,
            Command::Subscribe => return self.subscribe(id, &frame).map(Then::Dispatch),
            Command::Unsubscribe => self.unsubscribe(id, &frame, now)?,
            Command::Ack | Command::Nack => self.settle(id, &frame, now)?,
            Command::Begin => self.begin(id, &frame)?,
            Command::Commit => self.commit(id, &frame, now)?,
            Command::Abort => self.abort(id, &frame, now)?,
            Command::Disconnect => return Ok(Then::HangUp),
            Command::Connected | Command::Message | Command::Receipt | Command::Error => {
                return Err(Failure::NotAClientCommand(command));
            }
        }
        Ok(Then::Nothing)
    }
}

/// How much of its answer a frame gets. Anything but all of it is a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Full,
    WithoutReceipt,
    ReceiptAt(Instant),
    Nothing,
}

/// What is left to do after the RECEIPT.
#[derive(Debug)]
enum Then {
    Nothing,
    /// A new subscription: its RECEIPT comes before its first MESSAGE.
    Dispatch(QueueId),
    HangUp,
}

fn receipt_frame(receipt: &str) -> Frame {
    Frame::new(Command::Receipt).header(header::RECEIPT_ID, receipt)
}
