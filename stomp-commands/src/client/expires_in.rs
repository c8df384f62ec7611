use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When a message is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ExpiresIn {
    /// How long it is of use.
    pub ttl: Duration,
    /// Since when.
    pub now: SystemTime,
}

impl ExpiresIn {
    /// The time left, in ms, at least 1: to ActiveMQ and Artemis, 0 means never.
    pub(super) fn ttl_ms(self) -> u64 {
        let ms = self.ttl.as_nanos().div_ceil(1_000_000).max(1);
        u64::try_from(ms).unwrap_or(u64::MAX)
    }

    /// The time of day, in ms since 1970.
    pub(super) fn epoch_ms(self) -> u64 {
        let now = self.now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        // Brokers in Java read a signed number.
        now.saturating_add(self.ttl_ms()).min(i64::MAX as u64)
    }
}
