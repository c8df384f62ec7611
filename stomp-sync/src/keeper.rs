//! The threads behind a client: the keeper writes and keeps time; for each connection there is one
//! that makes it, and then reads.

use std::sync::Arc;
use std::time::Duration;

use stomp_session::engine::{Dial, Work};

use crate::io::{Heard, Io, Wrote};
use crate::shared::Shared;
use crate::sync::{now, sleep, spawn};
use crate::transport::{Mode, SLICE};

/// Does what there is to do, until the client is closed.
pub(crate) fn run(shared: &Arc<Shared>) {
    let _ending = Ending(shared);
    loop {
        let work = shared.with(|engine| {
            engine.wake_up();
            engine.handle_timeout(now());
            engine.poll_work(now())
        });
        match work {
            Some(Work::End) => return,
            Some(work) => {
                act(shared, work);
                continue;
            }
            None => {}
        }
        let io = shared.lock().io.clone();
        let wrote = io.as_ref().map(|io| io.write(&**shared, SLICE, None));
        if wrote == Some(Wrote::Stuck) {
            // It has waited for a slice already. Timers first, then again.
            continue;
        }
        let mut state = shared.lock();
        let others_write = wrote == Some(Wrote::Busy);
        if others_write && !io.as_ref().is_some_and(|io| io.is_busy()) {
            // He has left, and may have said so before anybody slept.
            continue;
        }
        if !others_write && speaks(io.as_deref()) {
            continue;
        }
        let until = state.engine.sleep(!others_write);
        let after = state.after();
        match after.is_nothing() {
            true => drop(shared.keeper.sleep(state, until)),
            false => {
                drop(state);
                shared.deliver(after);
            }
        }
    }
}

/// Tells whether the layers of a connection have said something since it was last written to.
fn speaks(io: Option<&Io>) -> bool {
    io.is_some_and(Io::has_own_words)
}

/// Does what only a driver can do.
pub(crate) fn act(shared: &Arc<Shared>, work: Work) {
    match work {
        Work::Dial(dial) => open(shared, dial),
        // Whoever makes it finds out by himself.
        Work::CancelDial(_) | Work::End => {}
        Work::Close { link, flush } => {
            let mut state = shared.lock();
            let io = state.io.take_if(|io| io.link == link);
            drop(state);
            shared.reader.wake();
            let Some(io) = io else { return };
            while let Some(until) = flush
                && now() < until
            {
                match io.write(&**shared, SLICE, Some(until)) {
                    Wrote::Stuck => {}
                    // By a caller, who does so for a moment only.
                    Wrote::Busy => sleep(Duration::from_millis(1)),
                    Wrote::All | Wrote::Over => break,
                }
            }
            io.close();
            shared.with(|engine| engine.handle_closed(link, None, now()));
        }
    }
}

/// Makes a connection in a thread of its own, which reads it afterwards.
fn open(shared: &Arc<Shared>, dial: Dial) {
    let owner = shared.clone();
    let attempt = dial.attempt;
    let spawned = spawn("stomp-link", move || {
        let _ending = Ending(&owner);
        if let Some(io) = connect(&owner, &dial)
            && owner.mode == Mode::Threads
        {
            read(&owner, &io);
        }
    });
    if let Err(error) = spawned {
        let why = format!("no thread to connect in: {error}");
        shared.with(|engine| engine.handle_dial_failed(attempt, why, now()));
    }
}

/// Opens a transport and goes through its handshakes; STOMP's begins then.
fn connect(shared: &Arc<Shared>, dial: &Dial) -> Option<Arc<Io>> {
    let (attempt, deadline) = (dial.attempt, dial.deadline);
    match shared.dialler.dial(&dial.broker, deadline, shared.mode) {
        // It is known already that this took too long.
        Err(_) if deadline.is_some_and(|deadline| deadline <= now()) => None,
        Err(why) => {
            shared.with(|engine| engine.handle_dial_failed(attempt, why, now()));
            None
        }
        Ok((handshake, info)) => {
            let mut state = shared.lock();
            let link = state.engine.handle_dialled(attempt, info, now());
            let Some(link) = link else {
                let after = state.after();
                drop(state);
                shared.deliver(after);
                handshake.close();
                return None;
            };
            let io = Arc::new(handshake.into_io(link));
            state.io = Some(io.clone());
            let after = state.after();
            drop(state);
            shared.deliver(after);
            shared.keeper.wake();
            Some(io)
        }
    }
}

/// Reads until the connection is over.
fn read(shared: &Shared, io: &Io) {
    loop {
        let mut state = shared.lock();
        while state.engine.is_open(io.link) && !state.engine.wants_read(io.link) {
            state = shared.reader.sleep(state, None);
        }
        let is_open = state.engine.is_open(io.link);
        drop(state);
        if !is_open || io.read(shared, None) == Heard::Over {
            return;
        }
        if io.take_note_of_own_words() {
            // Behind the lock, so that a keeper who is about to sleep sees it, or is asleep.
            drop(shared.lock());
            shared.keeper.wake();
        }
    }
}

/// Closes the client when a thread ends before its time, as by a panic in a transport: whoever waits
/// would wait for ever.
struct Ending<'a>(&'a Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up("its transport panicked");
        }
    }
}
