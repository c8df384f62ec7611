use super::exhausted::{Count, Limit};
use crate::options::{CountBy, Options};

/// How many attempts have been made, in the unit of [`CountBy`], and how many may be.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget {
    made: u32,
    ever_connected: bool,
}

impl Budget {
    /// Takes one attempt, if there is one left.
    pub(super) fn spend(&mut self, options: &Options) -> Result<(), Limit> {
        if self.ever_connected && !options.reconnect_supported {
            return Err(Limit::ReconnectNotSupported);
        }
        match self.allowed(options) {
            Some(allowed) if self.made >= allowed => Err(self.limit(options)),
            _ => {
                self.made = self.made.saturating_add(1);
                Ok(())
            }
        }
    }

    pub(super) fn ever_connected(&self) -> bool {
        self.ever_connected
    }

    /// Counts the failures so far while an attempt is being made.
    pub(super) fn failures(&self) -> u32 {
        self.made.saturating_sub(1)
    }

    /// The first connection ends the start-up, whatever becomes of it.
    pub(super) fn connected(&mut self) {
        if !self.ever_connected {
            *self = Self {
                made: 0,
                ever_connected: true,
            };
        }
    }

    pub(super) fn reset(&mut self) {
        self.made = 0;
    }

    fn allowed(&self, options: &Options) -> Option<u32> {
        let (startup, reconnect) = (
            options.startup_max_reconnect_attempts,
            options.max_reconnect_attempts,
        );
        match (options.count_by, self.ever_connected) {
            // ActiveMQ connects at least once, and looks at the limit afterwards.
            (CountBy::Round, false) => startup.or(reconnect).map(|limit| limit.max(1)),
            (CountBy::Round, true) => reconnect,
            // stompest counts what comes after the first attempt.
            (CountBy::Broker, false) => startup.map(|limit| limit.saturating_add(1)),
            (CountBy::Broker, true) => reconnect.map(|limit| limit.saturating_add(1)),
        }
    }

    fn limit(&self, options: &Options) -> Limit {
        let count = match options.count_by {
            CountBy::Round => Count::Rounds(self.made),
            CountBy::Broker => Count::Brokers(self.made),
        };
        if self.ever_connected {
            Limit::Reconnect(count)
        } else {
            Limit::Startup(count)
        }
    }
}
