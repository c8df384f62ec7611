use std::time::Instant;

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// CONNECTED did not come.
    Connected,
    /// Nothing was written for so long that a heart-beat is due.
    Beat,
    /// Nothing was read for so long that the broker counts as dead.
    Silence,
    /// Nothing of what is to be written was taken for so long that the broker counts as dead.
    Write,
    /// The oldest receipt that is waited for is overdue.
    Receipt,
    /// A frame was begun, and not finished.
    Frame,
    /// Neither the RECEIPT of DISCONNECT nor the end of the connection came.
    Disconnect,
}

impl Timer {
    const COUNT: usize = 7;
}

/// One deadline for each [`Timer`].
#[derive(Debug, Default)]
pub(crate) struct TimerTable {
    deadlines: [Option<Instant>; Timer::COUNT],
}

impl TimerTable {
    /// Sets the deadline, or takes it away.
    pub(crate) fn set(&mut self, timer: Timer, deadline: Option<Instant>) {
        self.deadlines[timer as usize] = deadline;
    }

    pub(crate) fn is_due(&self, timer: Timer, now: Instant) -> bool {
        self.deadlines[timer as usize].is_some_and(|deadline| deadline <= now)
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.deadlines.iter().copied().flatten().min()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn earliest_deadline_is_next() {
        let now = Instant::now();
        let mut timers = TimerTable::default();
        assert_eq!(timers.next(), None);
        timers.set(Timer::Disconnect, Some(now + Duration::from_secs(2)));
        timers.set(Timer::Connected, Some(now + Duration::from_secs(1)));
        assert_eq!(timers.next(), Some(now + Duration::from_secs(1)));
        timers.set(Timer::Connected, None);
        assert_eq!(timers.next(), Some(now + Duration::from_secs(2)));
        timers.clear();
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn timer_is_due_at_its_deadline_and_not_before() {
        let now = Instant::now();
        let mut timers = TimerTable::default();
        assert!(!timers.is_due(Timer::Beat, now));
        timers.set(Timer::Beat, Some(now + Duration::from_nanos(1)));
        assert!(!timers.is_due(Timer::Beat, now));
        assert!(timers.is_due(Timer::Beat, now + Duration::from_nanos(1)));
    }
}
