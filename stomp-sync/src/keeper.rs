//! The two threads behind a client: the keeper writes, watches the time and reconnects; for each
//! connection it has a reader.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use stomp_commands::Disconnect;
use stomp_session::{CloseReason, Session};

use crate::dialer::{Dialer, Link, READ};
use crate::shared::Shared;
use crate::transport::Transport;
use crate::{Cause, Error};

/// How long the last octets may take when all is said.
const LINGER: Duration = Duration::from_secs(1);

/// Keeps the connection, until the client is closed.
pub(crate) fn run(
    mut dialer: Dialer,
    shared: &Arc<Shared>,
    mut transport: Transport,
    mut inbound: BytesMut,
) {
    let ending = Ending(shared);
    let cause = loop {
        let since = Instant::now();
        let socket = Arc::new(transport);
        let reader = read_in_background(shared, &socket, inbound);
        let reason = write_and_watch(shared, &socket);
        socket.close();
        let session = take_session(shared);
        // It ends at once: its stream is closed, and nothing is paused any more.
        let _ = reader.join();
        if shared.lock().quit {
            break match reason {
                CloseReason::Disconnected { .. } => Cause::Disconnected,
                reason => Cause::Session(reason),
            };
        }
        dialer.failover.lost(since.elapsed(), &reason);
        let Some(session) = session else {
            break Cause::Session(reason);
        };
        let sleep = |delay, subscriptions: &mut _| shared.sleep(delay, subscriptions);
        match dialer.dial(session.into_subscriptions(), sleep) {
            Ok(Some(link)) => (transport, inbound) = install(shared, link),
            Ok(None) => break Cause::Disconnected,
            Err(Error::Connect(exhausted)) => break Cause::Exhausted(exhausted),
            Err(_) => break Cause::Session(reason),
        }
    };
    shared.lock().end = Some(cause);
    drop(ending);
}

/// Closes the client when the keeper ends, even if that is by a panic: whoever waits would wait for
/// ever.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.session = None;
        state.end.get_or_insert(Cause::ConnectionLost);
        self.0.notify();
    }
}

/// Puts a new connection in place of the old one.
fn install(shared: &Shared, link: Link) -> (Transport, BytesMut) {
    let mut state = shared.lock();
    state.session = Some(link.session);
    state.closed = None;
    state.sort();
    shared.notify();
    (link.transport, link.inbound)
}

/// Takes the session of a connection that is over out of everybody's reach.
fn take_session(shared: &Shared) -> Option<Session> {
    let mut state = shared.lock();
    state.paused = false;
    let session = state.session.take();
    shared.notify();
    session
}

/// Writes what the session wants written, and does what is due, until the session is over.
fn write_and_watch(shared: &Shared, transport: &Transport) -> CloseReason {
    let mut octets = Bytes::new();
    let mut state = shared.lock();
    loop {
        let quit = state.quit;
        state.sort();
        let closed = state.closed.clone();
        let Some(session) = state.session.as_mut() else {
            return CloseReason::ConnectionLost;
        };
        if let Some(reason) = closed {
            let rest = std::iter::from_fn(|| session.poll_transmit(Instant::now()));
            let rest: Vec<Bytes> = rest.collect();
            drop(state);
            if matches!(reason, CloseReason::Disconnected { .. }) {
                write_rest(transport, octets, rest);
            }
            return reason;
        }
        if quit && session.connection().is_some() {
            // Without effect if `disconnect` has said it already.
            let _ = session.disconnect(Disconnect::new(), Instant::now());
            if session.is_closed() {
                continue;
            }
        }
        if octets.is_empty() {
            octets = session.poll_transmit(Instant::now()).unwrap_or_default();
        }
        if octets.is_empty() {
            let due = session.poll_timeout();
            state = shared.wait(state, due);
            if let Some(session) = &mut state.session {
                session.handle_timeout(Instant::now());
            }
            continue;
        }
        drop(state);
        let written = transport.write(&octets);
        state = shared.lock();
        let Some(session) = state.session.as_mut() else {
            return CloseReason::ConnectionLost;
        };
        match written {
            Ok(Some(written)) => {
                octets.advance(written);
                session.handle_written(Instant::now());
            }
            // A peer that takes nothing may be dead: the timers tell.
            Ok(None) => session.handle_timeout(Instant::now()),
            Err(error) => session.handle_io_error(&error, Instant::now()),
        }
        // There is room in the session now.
        shared.notify();
    }
}

/// Writes a DISCONNECT that nobody answers, for as long as a closing connection may take.
fn write_rest(transport: &Transport, first: Bytes, rest: Vec<Bytes>) {
    let deadline = Instant::now() + LINGER;
    for mut octets in std::iter::once(first).chain(rest) {
        while !octets.is_empty() && Instant::now() < deadline {
            match transport.write(&octets) {
                Ok(written) => octets.advance(written.unwrap_or(0)),
                Err(_) => return,
            }
        }
    }
}

/// Feeds the session what is read, until the stream ends.
fn read_in_background(
    shared: &Arc<Shared>,
    transport: &Arc<Transport>,
    mut inbound: BytesMut,
) -> JoinHandle<()> {
    let (shared, transport) = (shared.clone(), transport.clone());
    thread::spawn(move || {
        let mut buffer = vec![0; READ];
        loop {
            let read = transport.read(&mut buffer, None);
            let mut state = shared.lock();
            let Some(session) = state.session.as_mut() else {
                return;
            };
            match read {
                Ok(Some(octets)) if octets > 0 => {
                    inbound.extend_from_slice(&buffer[..octets]);
                    session.handle_data(&mut inbound, Instant::now());
                }
                Ok(None) => {}
                Ok(Some(_)) => session.handle_eof(Instant::now()),
                Err(error) => session.handle_io_error(&error, Instant::now()),
            }
            state.sort();
            shared.notify();
            if state.closed.is_some() {
                return;
            }
            while state.paused && !state.quit {
                state = shared.wait(state, None);
            }
        }
    })
}
