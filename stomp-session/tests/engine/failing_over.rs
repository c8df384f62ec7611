//! Brokers that come and go.

use std::time::{Duration, Instant};

use stomp_session::engine::Work;

use crate::peer::{GENERIC, Peer, quiet};

/// Two brokers of which one is up, so long as it is.
struct Pair {
    peer: Peer,
    /// The host that is up, and since when.
    up: (&'static str, Instant),
}

impl Pair {
    fn connected(seed: u64) -> Self {
        let mut peer = Peer::with_seed(quiet(), "failover:(stomp://a,stomp://b)", seed);
        let up = ("a", peer.now);
        let waited = dial_until(&mut peer, up);
        assert!(waited.is_zero(), "there is no reason to wait");
        Self { peer, up }
    }

    /// It does its work for so long, and then the other one takes over.
    fn fail_over(&mut self, lives: Duration, takes: Duration) -> Duration {
        let op = self.peer.ask("x");
        let sent = self.peer.sent();
        self.peer.answer(&sent);
        assert_eq!(self.peer.outcome(op), "Confirmed");
        self.peer.sleep(lives);
        self.peer.lose();
        let other = match self.up.0 {
            "a" => "b",
            _ => "a",
        };
        self.up = (other, self.peer.now + takes);
        dial_until(&mut self.peer, self.up)
    }
}

/// Dials as the engine wants it to. How long it took from when a broker was up.
fn dial_until(peer: &mut Peer, (host, since): (&str, Instant)) -> Duration {
    loop {
        match peer.work() {
            Some(Work::Dial(dial)) if dial.broker.host() == host && since <= peer.now => {
                peer.open(&dial);
                peer.hear(GENERIC);
                assert!(peer.engine.connection().is_some());
                return peer.now - since;
            }
            Some(Work::Dial(dial)) => {
                peer.engine
                    .handle_dial_failed(dial.attempt, "connection refused", peer.now);
            }
            Some(_) => {}
            None => {
                let due = peer.engine.poll_timeout().expect("it goes on trying");
                peer.sleep(due.saturating_duration_since(peer.now));
            }
        }
    }
}

const SEEDS: u64 = 50;

#[test]
fn brokers_that_are_up_for_some_seconds_each_are_found_within_two() {
    for seed in 0..SEEDS {
        let mut pair = Pair::connected(seed);
        for lives in [4, 5, 6, 4, 5, 6] {
            let takes = Duration::from_millis(500);
            let waited = pair.fail_over(Duration::from_secs(lives), takes);
            assert!(waited <= Duration::from_secs(2), "{seed}: {waited:?}");
        }
    }
}

#[test]
fn second_of_two_fail_overs_that_are_ten_seconds_apart_is_as_quick_as_the_first() {
    for seed in 0..SEEDS {
        let mut pair = Pair::connected(seed);
        for _ in 0..2 {
            let waited = pair.fail_over(Duration::from_secs(10), Duration::from_millis(500));
            assert!(waited <= Duration::from_secs(2), "{seed}: {waited:?}");
        }
    }
}
