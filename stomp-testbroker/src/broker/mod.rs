mod beat;
mod channel;
mod chaos;
mod config;
mod connection;
mod delivery;
mod failure;
mod faults;
mod frames;
mod handshake;
mod ids;
mod inspect;
mod mailbox;
mod output;
mod patterns;
mod process;
mod queue;
mod resolve;
mod routing;
mod settle;
mod subscribe;
mod transaction;

use std::collections::BTreeMap;
use std::io;
use std::task::Poll;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

pub(crate) use chaos::SEED_VARIABLE;
pub use config::{Caps, Config, NackPolicy};
pub use connection::ConnectionId;
pub use failure::Failure;
pub(crate) use resolve::TEMPORARY;

use crate::fault::{Mounted, RuleId, Standing};
use crate::profile::Manners;
use crate::transcript::Transcript;
use chaos::Chaos;
use connection::{Connection, State};
use delivery::Tail;
use patterns::Pattern;
use queue::{Destinations, QueueId};

/// Octets that a driver hands over at a time, at most, if it does not want to cost memory.
pub(crate) const BUFFER: usize = 64 << 10;

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
    /// Subscriptions to whatever fits.
    patterns: Vec<Pattern>,
    /// Messages taken so far.
    messages: u64,
    /// When the first message was delivered.
    started: Option<Instant>,
    /// Octets of all messages that wait somewhere.
    stored: usize,
    /// Connections whose driver has something to do, each once.
    ready: Vec<ConnectionId>,
    transcript: Transcript,
    /// Room for octets received. Only a connection with an incomplete frame has its own.
    buffer: BytesMut,
    /// What the sender of the last MESSAGE wrote.
    tail: Tail,

    rules: Vec<Mounted>,
    rules_mounted: u64,
    /// Faults of all connections, or of those of one node.
    standing: Vec<(RuleId, Standing, Option<usize>)>,
    chaos: Option<Chaos>,
    /// Queues to be handed out after the RECEIPT, while a frame is dealt with.
    postponed: Option<Vec<QueueId>>,
    /// Whose input is being read.
    reading: Option<ConnectionId>,
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
            patterns: Vec::new(),
            messages: 0,
            started: None,
            stored: 0,
            ready: Vec::new(),
            buffer: BytesMut::new(),
            tail: Tail::new(),
            rules: Vec::new(),
            rules_mounted: 0,
            standing: Vec::new(),
            chaos,
            postponed: None,
            reading: None,
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
        let decoder = self.manners.decoder(self.config.caps.frame_before_connect);
        self.connections
            .insert(id, Connection::new(node, decoder, now));
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
        if connection.state.is_over() {
            return;
        }
        connection.received_octets += data.len() as u64;
        let borrows = connection.input.is_empty() && data.len() <= BUFFER;
        if borrows {
            connection.input = std::mem::take(&mut self.buffer);
            connection.input.reserve(BUFFER);
        }
        connection.input.extend_from_slice(data);
        let connection = &self.connections[&id];
        if self.stands(connection, Standing::BlackHole) {
            return;
        }
        self.connection(id).beats.received = now;
        self.read_frames(id, now);
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.input.is_empty()
        {
            // An idle connection keeps no buffer.
            let buffer = std::mem::take(&mut connection.input);
            if borrows {
                self.buffer = buffer;
            }
        }
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
        self.dispatch_stalled(id, now);
    }

    /// Hands out what had to wait because too much output waited.
    fn dispatch_stalled(&mut self, id: ConnectionId, now: Instant) {
        let cap = self.config.caps.output;
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.output.len() < cap && std::mem::take(&mut connection.stalled) {
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
}
