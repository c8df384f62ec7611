use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use stomp_session::{Epoch, Session};

use crate::shared::Shared;
use crate::state::State;
use crate::transport::BoxTransport;

/// One connection: a transport, and what is under way on it.
///
/// One thread may write while another reads. Neither holds the state of the client meanwhile.
pub(crate) struct Wire {
    transport: BoxTransport,
    /// Whose octets these are: by the time a thread has written some, there may be another session.
    epoch: Epoch,
    since: Instant,
    /// The piece that is being written.
    outbound: Mutex<Bytes>,
    inbound: Mutex<Inbound>,
}

struct Inbound {
    /// What was read, and is no whole frame.
    octets: BytesMut,
    buffer: Box<[u8]>,
}

/// How much is read at a time. Frames that the application keeps pin a buffer of this size.
const READ: usize = 32 << 10;

/// How long a write may make no progress before the timers are looked at again.
const SLICE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// Everything was written, or the connection is over.
    All,
    /// The peer takes nothing for now.
    Stuck,
}

impl Wire {
    pub(crate) fn new(transport: BoxTransport, epoch: Epoch) -> Self {
        let inbound = Inbound {
            octets: BytesMut::new(),
            buffer: vec![0; READ].into(),
        };
        Self {
            transport,
            epoch,
            since: Instant::now(),
            outbound: Mutex::default(),
            inbound: Mutex::new(inbound),
        }
    }

    /// Works until CONNECTED, while the session belongs to nobody else. Without CONNECTED the
    /// session is closed afterwards.
    pub(crate) fn handshake(&mut self, session: &mut Session) {
        let outbound = self
            .outbound
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let inbound = self
            .inbound
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        while session.connection().is_none() && !session.is_closed() {
            if outbound.is_empty() {
                *outbound = session.poll_transmit(Instant::now()).unwrap_or_default();
            }
            if outbound.is_empty() {
                let patience = left_until(session.poll_timeout());
                let read = self.transport.read(&mut inbound.buffer, patience);
                inbound.take(read, session);
            } else {
                let written = self.transport.write(outbound, SLICE);
                account(written, outbound, session);
            }
        }
        self.since = Instant::now();
    }

    /// Writes what the session wants written, until there is no more of it, or no room.
    pub(crate) fn flush(&self, shared: &Shared) -> Flushed {
        let mut outbound = self.outbound.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if outbound.is_empty() {
                let mut state = shared.lock();
                let session = self.session(&mut state);
                let piece = session.and_then(|session| session.poll_transmit(Instant::now()));
                *outbound = piece.unwrap_or_default();
            }
            if outbound.is_empty() {
                return Flushed::All;
            }
            let written = self.transport.write(&outbound, SLICE);
            let mut state = shared.lock();
            let Some(session) = self.session(&mut state) else {
                return Flushed::All;
            };
            let flushed = account(written, &mut outbound, session);
            // There is room in the session now, or it is over.
            shared.notify();
            if flushed == Flushed::Stuck {
                return Flushed::Stuck;
            }
        }
    }

    /// Reads once, until `deadline` at most, and tells the session.
    pub(crate) fn read(&self, shared: &Shared, deadline: Option<Instant>) {
        let mut inbound = self.inbound.lock().unwrap_or_else(PoisonError::into_inner);
        let read = self
            .transport
            .read(&mut inbound.buffer, left_until(deadline));
        let mut state = shared.lock();
        if let Some(session) = self.session(&mut state) {
            inbound.take(read, session);
            state.sort();
            shared.notify();
        }
    }

    /// Ends it, also for a thread that reads just now.
    pub(crate) fn close(&self) {
        self.transport.close();
    }

    /// Tells how long it has been up.
    pub(crate) fn stable_for(&self) -> Duration {
        self.since.elapsed()
    }

    /// The session of this connection, if there is not another one by now.
    fn session<'a>(&self, state: &'a mut State) -> Option<&'a mut Session> {
        (state.session.epoch() == self.epoch).then_some(&mut state.session)
    }
}

impl Inbound {
    /// Tells the session what was read.
    fn take(&mut self, read: io::Result<Option<usize>>, session: &mut Session) {
        let now = Instant::now();
        match read {
            Ok(Some(0)) => session.handle_eof(now),
            Ok(Some(octets)) => {
                self.octets.extend_from_slice(&self.buffer[..octets]);
                session.handle_data(&mut self.octets, now);
            }
            Ok(None) => session.handle_timeout(now),
            Err(error) => session.handle_io_error(&error, now),
        }
    }
}

/// Tells the session what was written of a piece.
fn account(
    written: io::Result<Option<usize>>,
    piece: &mut Bytes,
    session: &mut Session,
) -> Flushed {
    let now = Instant::now();
    match written {
        Ok(Some(octets)) => {
            piece.advance(octets);
            session.handle_written(octets, now);
            return Flushed::All;
        }
        // A peer that takes nothing may be dead: the timers tell.
        Ok(None) => session.handle_timeout(now),
        Err(error) => session.handle_io_error(&error, now),
    }
    Flushed::Stuck
}

fn left_until(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("epoch", &self.epoch)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}
