use std::time::Duration;

use crate::options::{Jitter, Options};
use crate::rng::SplitMix64;

/// A series of growing delays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    /// The full length of the last delay.
    last: Option<Duration>,
}

impl Backoff {
    pub(crate) fn next(&mut self, options: &Options, rng: &mut SplitMix64) -> Duration {
        let full = match self.last {
            None => options.initial_reconnect_delay,
            Some(last) => grow(last, options),
        };
        let full = full.min(options.max_reconnect_delay);
        self.last = Some(full);
        let delay = match options.jitter {
            Jitter::Full => scale(full, rng.unit()),
            Jitter::None => full,
        };
        let added = match options.reconnect_delay_jitter {
            Duration::ZERO => Duration::ZERO,
            jitter => scale(jitter, rng.unit()),
        };
        delay.saturating_add(added).min(options.max_reconnect_delay)
    }

    pub(crate) fn reset(&mut self) {
        self.last = None;
    }
}

fn grow(last: Duration, options: &Options) -> Duration {
    match options.use_exponential_back_off {
        // `max` also turns what is not a number into 1.
        true => scale(last, options.back_off_multiplier.max(1.0)),
        false => last,
    }
}

/// Multiplies in nanoseconds, where whole milliseconds stay exact. The conversion back saturates.
fn scale(duration: Duration, factor: f64) -> Duration {
    Duration::from_nanos((duration.as_nanos() as f64 * factor) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: &str, expected: [u64; 5]) {
        let options: crate::FailoverUri = format!("failover:(tcp://a)?{options}").parse().unwrap();
        let mut backoff = Backoff::default();
        let mut rng = SplitMix64::new(0);
        let delays = expected.map(|_| backoff.next(options.options(), &mut rng));
        assert_eq!(delays, expected.map(Duration::from_millis));
    }

    #[test]
    fn delays_without_jitter() {
        check("initialReconnectDelay=10", [10, 20, 40, 80, 160]);
        check(
            "initialReconnectDelay=10&maxReconnectDelay=50",
            [10, 20, 40, 50, 50],
        );
        check("initialReconnectDelay=90&maxReconnectDelay=50", [50; 5]);
        check(
            "initialReconnectDelay=10&useExponentialBackOff=false",
            [10; 5],
        );
        check(
            "initialReconnectDelay=400&reconnectDelayExponent=1.5",
            [400, 600, 900, 1_350, 2_025],
        );
        check("initialReconnectDelay=0", [0; 5]);
    }
}
