//! What the driver has to do.

use std::time::Instant;

use bytes::Bytes;

use super::Session;
use crate::Event;
use crate::state::State;
use crate::timers::Timer;

impl Session {
    /// Returns the next octets to write. `None` when there are none for now.
    ///
    /// Small frames come together in one piece, large bodies as they are, 64 KiB at a time at most
    /// (but for [whole frames](crate::Pieces::Frames)). Write every piece to its end before the
    /// next one. `now` is when they are handed out: the next heart-beat is counted
    /// from here.
    ///
    /// Asking for a piece says that the one before was written.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        let piece = self.transmit.take();
        if piece.is_some() || self.writing {
            self.advance(now);
            self.moved = self.now;
            self.begin_to_wait();
            self.writing = piece.is_some();
            self.set_write_timer();
        }
        if piece.is_some() {
            self.set_beat_timer();
        }
        piece
    }

    /// Takes note that so many octets more of the last piece were written: the broker takes what
    /// we write, and what was written whole is waited for from now on.
    ///
    /// Needed only where pieces are written bit by bit: [`poll_transmit`](Self::poll_transmit) says
    /// the same of a whole one.
    pub fn handle_written(&mut self, octets: usize, now: Instant) {
        self.advance(now);
        self.transmit.wrote(octets);
        self.moved = self.now;
        self.begin_to_wait();
        self.set_write_timer();
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout), if nothing else happens
    /// before. `None` when there is nothing to wait for.
    ///
    /// Ask again after every other call: it may come earlier or later then.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Returns the next event. `None` when there is none for now.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Counts how long the broker takes nothing from now. While we do not read, it may have to wait
    /// for us first.
    pub(super) fn set_write_timer(&mut self) {
        let waits = self.writing && !self.paused && self.state.established().is_some();
        let deadline = match waits {
            true => self.now.checked_add(self.config.write_timeout),
            false => None,
        };
        self.timers.set(Timer::Write, deadline);
    }

    /// Counts the time to the next heart-beat from now.
    pub(super) fn set_beat_timer(&mut self) {
        let State::Connected(connected) = &self.state else {
            return;
        };
        if let Some(after) = connected.beat_after {
            self.timers.set(Timer::Beat, self.now.checked_add(after));
        }
    }
}
