//! The two threads behind a client: the keeper writes, watches the time and reconnects; for each
//! connection it has a reader.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use stomp_commands::Disconnect;

use crate::dialer::Dialer;
use crate::shared::Shared;
use crate::wire::{Flushed, Wire};
use crate::{Cause, Error};

/// How long a DISCONNECT that nobody answers may take.
const LINGER: Duration = Duration::from_secs(1);

/// Keeps the connection, until the client is closed.
pub(crate) fn run(mut dialer: Dialer, shared: &Arc<Shared>) {
    let _ending = Ending(shared);
    loop {
        let wire = shared.lock().wire.clone();
        let Some(wire) = wire else {
            return;
        };
        let reader = read_in_background(shared, &wire);
        write_and_watch(shared, &wire);
        wire.close();
        // It ends at once: its stream is closed, and the session is over.
        let _ = reader.join();
        if !shared.lost(&wire, &mut dialer) {
            return;
        }
        if let Err(error) = reconnect(shared, &mut dialer) {
            return shared.end(cause_of(error));
        }
    }
}

/// Closes the client when the keeper ends, even if that is by a panic: whoever waits would wait for
/// ever.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end(Cause::ConnectionLost);
    }
}

/// Why the client is closed when the dialer gives up.
pub(crate) fn cause_of(error: Error) -> Cause {
    match error {
        Error::Connect(exhausted) => Cause::Exhausted(exhausted),
        _ => Cause::ConnectionLost,
    }
}

/// Makes attempts until one succeeds, or nobody wants it any more.
fn reconnect(shared: &Shared, dialer: &mut Dialer) -> Result<(), Error> {
    loop {
        let (due, event) = dialer.plan()?;
        let mut state = shared.lock();
        event.into_iter().for_each(|event| state.tell(event));
        while !state.quit && Instant::now() < due {
            state = shared.wait(state, Some(due));
        }
        if state.quit {
            drop(state);
            shared.end(Cause::Disconnected);
            return Ok(());
        }
        drop(state);
        shared.attempt(dialer)?;
        if shared.lock().wire.is_some() {
            return Ok(());
        }
    }
}

/// Writes what the session wants written, and does what is due, until the session is over.
fn write_and_watch(shared: &Shared, wire: &Wire) {
    loop {
        let flushed = wire.flush(shared);
        let mut state = shared.lock();
        state.session.handle_timeout(Instant::now());
        state.sort();
        if let Some(reason) = &state.closed {
            let has_last_words = reason.is_orderly();
            drop(state);
            if has_last_words {
                let deadline = Instant::now() + LINGER;
                while wire.flush(shared) == Flushed::Stuck && Instant::now() < deadline {}
            }
            return;
        }
        if state.quit {
            // Without effect if `disconnect` has said it already.
            let _ = state.session.disconnect(Disconnect::new(), Instant::now());
        }
        if state.session.outbound() == 0 && flushed == Flushed::All && !state.session.is_closed() {
            let due = state.session.poll_timeout();
            drop(shared.wait(state, due));
        }
    }
}

/// Feeds the session what is read, until the stream ends.
fn read_in_background(shared: &Arc<Shared>, wire: &Arc<Wire>) -> JoinHandle<()> {
    let (shared, wire) = (shared.clone(), wire.clone());
    thread::spawn(move || {
        loop {
            wire.read(&shared, None);
            let mut state = shared.lock();
            while state.paused && state.closed.is_none() {
                state = shared.wait(state, None);
            }
            if state.closed.is_some() {
                return;
            }
        }
    })
}
