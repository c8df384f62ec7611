//! What a thousand clients do to the brokers they lost, simulated with full jitter, the default.

use std::time::Duration;

use stomp_failover::{Failover, FailoverUri};

const CLIENTS: u64 = 1_000;
const WINDOW: Duration = Duration::from_millis(100);

/// Lets all clients lose their connection at the same moment, and returns when each of them has one
/// again, in order. Until `outage` is over each attempt is refused at once, which is the worst case
/// for a herd.
fn come_back(uri: &str, outage: Duration) -> Vec<Duration> {
    let uri: FailoverUri = uri.parse().expect("a URI");
    let mut back: Vec<Duration> = (0..CLIENTS)
        .map(|seed| {
            let mut failover = Failover::new(uri.clone(), seed);
            let attempt = failover.next().expect("a first attempt");
            failover.succeeded(&attempt);
            failover.lost(Duration::from_secs(3600), "the broker went down");
            let mut now = Duration::ZERO;
            loop {
                let attempt = failover.next().expect("attempts without limit");
                now += attempt.delay;
                if now >= outage {
                    return now;
                }
                failover.failed(&attempt, "connection refused");
            }
        })
        .collect();
    back.sort_unstable();
    back
}

/// Returns the greatest share of clients, in percent, that come within any 100 ms.
fn densest(times: &[Duration]) -> f64 {
    let within = |start: &Duration| times.partition_point(|time| *time < *start + WINDOW);
    let counts = times
        .iter()
        .enumerate()
        .map(|(index, start)| within(start) - index);
    100.0 * counts.max().unwrap_or(0) as f64 / times.len() as f64
}

#[track_caller]
fn check(uri: &str, outage: Duration, most_in_100_ms: f64, all_within: Duration) {
    let back = come_back(uri, outage);
    let (densest, last) = (densest(&back), back[back.len() - 1] - outage);
    println!("{uri} after {outage:?}: at most {densest:.1} % in {WINDOW:?}, all within {last:?}");
    assert!(densest <= most_in_100_ms, "{densest} % in {WINDOW:?}");
    assert!(last <= all_within, "the last one after {last:?}");
}

#[test]
fn a_herd_returns_spread_out_after_an_outage_of_a_minute() {
    let (minute, limit) = (Duration::from_secs(60), Duration::from_secs(40));
    check("stomp://a", minute, 2.0, limit);
    check(
        "failover:(stomp://a,stomp://b,stomp://c)",
        minute,
        2.0,
        limit,
    );
    check("stomp://a?countBy=broker", minute, 2.0, limit);
    check(
        "failover:(stomp://a,stomp://b,stomp://c)?countBy=broker",
        minute,
        2.0,
        limit,
    );
}

#[test]
fn a_herd_returns_spread_out_after_a_mere_drop() {
    for uri in [
        "stomp://a",
        "failover:(stomp://a,stomp://b)",
        "stomp://a?countBy=broker",
    ] {
        check(uri, Duration::ZERO, 30.0, Duration::from_millis(500));
    }
}

/// Without jitter all come at once: the figures above are no accident of the simulation.
#[test]
fn without_jitter_it_is_a_herd() {
    let back = come_back("stomp://a?jitter=none", Duration::from_secs(60));
    assert_eq!(densest(&back), 100.0);
}

/// A broker that says CONNECTED and hangs up must not be hammered.
#[test]
fn a_broker_that_accepts_and_drops_is_left_in_peace() {
    let minute = Duration::from_secs(60);
    for uri in ["stomp://a", "stomp://a?countBy=broker"] {
        let mut counts: Vec<u32> = (0..CLIENTS)
            .map(|seed| {
                let mut failover = Failover::new(uri.parse::<FailoverUri>().expect("a URI"), seed);
                let (mut now, mut attempts) = (Duration::ZERO, 0);
                loop {
                    let attempt = failover.next().expect("attempts without limit");
                    now += attempt.delay;
                    if now > minute {
                        return attempts;
                    }
                    attempts += 1;
                    failover.succeeded(&attempt);
                    failover.lost(Duration::ZERO, "hung up");
                }
            })
            .collect();
        counts.sort_unstable();
        println!(
            "{uri}: median {}, most {}",
            counts[counts.len() / 2],
            counts[counts.len() - 1]
        );
        assert!(counts[counts.len() - 1] <= 16, "{counts:?}");
    }
}
