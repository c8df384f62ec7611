//! stompest's own tests of its failover transport, O01 to O13, with its delays to the millisecond.
//!
//! `countBy=broker` asks for stompest's way of counting; where stompest's URI names no delay, its
//! default of 10 ms is named here. A second run follows a connection, since start-up ends with the
//! first connection here, and with the first run there.

use std::time::Duration;

use stomp_failover::{Exhausted, Failover, FailoverUri, Options};

fn uri(text: &str) -> FailoverUri {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn hosts_of(uri: &FailoverUri) -> Vec<(&str, &str, u16)> {
    uri.brokers()
        .iter()
        .map(|broker| (broker.scheme().as_str(), broker.host(), broker.port()))
        .collect()
}

/// One run: all attempts fail, each as expected, and after the last one there is no other.
#[track_caller]
fn check_run(failover: &mut Failover, expected: &[(u64, &str)]) {
    for (delay, host) in expected {
        let attempt = failover.next().expect("an attempt");
        assert_eq!(
            (attempt.delay, attempt.broker.host()),
            (Duration::from_millis(*delay), *host)
        );
        failover.failed(&attempt, "connection refused");
    }
    failover.next().expect_err("no further attempt");
}

/// Connects after all, and loses the connection an hour later.
fn connect_and_lose(text: &str, seed: u64) -> Failover {
    let mut failover = Failover::new(uri(text), seed);
    let attempt = failover.next().expect("a first attempt");
    failover.succeeded(&attempt);
    failover.lost(Duration::from_secs(3600), "connection reset");
    failover
}

#[test]
fn o01_a_single_broker_and_the_defaults() {
    let uri = uri("tcp://localhost:61613");
    assert_eq!(hosts_of(&uri), [("tcp", "localhost", 61613)]);
    assert_eq!(uri.options(), &Options::default());
    // stompest's nine, where ours are the same.
    let options = uri.options();
    assert!(options.randomize && options.use_exponential_back_off && !options.priority_backup);
    assert_eq!(
        (
            options.startup_max_reconnect_attempts,
            options.max_reconnect_attempts
        ),
        (Some(0), None)
    );
    assert_eq!(
        (options.back_off_multiplier, options.max_reconnect_delay),
        (2.0, Duration::from_secs(30))
    );
    assert_eq!(options.reconnect_delay_jitter, Duration::ZERO);
    // And its initial delay, as soon as a URI speaks of jitter as stompest does.
    let stompest = self::uri("tcp://localhost:61613?reconnectDelayJitter=0");
    assert_eq!(
        stompest.options().initial_reconnect_delay,
        Duration::from_millis(10)
    );
}

#[test]
fn o02_options_of_a_single_broker() {
    let uri =
        uri("tcp://123.456.789.0:61616?randomize=true,maxReconnectAttempts=-1,priorityBackup=true");
    assert_eq!(hosts_of(&uri), [("tcp", "123.456.789.0", 61616)]);
    assert!(uri.options().randomize);
    assert!(uri.options().priority_backup);
    assert_eq!(uri.options().max_reconnect_attempts, None);
}

#[test]
fn o03_two_brokers_in_order() {
    let uri = uri(
        "failover:(tcp://primary:61616,tcp://secondary:61616)?randomize=false,maxReconnectAttempts=2,backOffMultiplier=3.0",
    );
    assert_eq!(
        hosts_of(&uri),
        [("tcp", "primary", 61616), ("tcp", "secondary", 61616)]
    );
    assert!(!uri.options().randomize);
    assert_eq!(uri.options().back_off_multiplier, 3.0);
    assert_eq!(uri.options().max_reconnect_attempts, Some(2));
    assert_eq!(
        uri.to_string(),
        "failover:(tcp://primary:61616,tcp://secondary:61616)?backOffMultiplier=3&maxReconnectAttempts=2&randomize=false",
    );
}

#[test]
fn o04_malformed_uris() {
    for text in [
        "tcp://:61613",
        "tcp://61613",
        "tcp:localhost:61613",
        "tcp:/localhost",
        "tcp://localhost:",
        "tcp://localhost:a",
        "tcp://localhost:61613?randomize=1",
        "tcp://localhost:61613?randomize=True",
        "tcp://localhost:61613??=False",
        "tcp://localhost:61613?a=False",
        "tcp://localhost:61613?maxReconnectDelay=False",
        "failover:(tcp://primary:61616, tcp://secondary:61616)",
        "failover:tcp://primary:61616, tcp://secondary:61616",
        "failover:tcp://primary:61616,tcp://secondary:61616)",
        "failover:(tcp://primary:61616,tcp://secondary:61616",
    ] {
        text.parse::<FailoverUri>().expect_err(text);
    }
}

const THREE: &str = "failover:tcp://remote1:61615,tcp://localhost:61616,tcp://remote2:61617?randomize=false,\
    startupMaxReconnectAttempts=3,initialReconnectDelay=7,backOffMultiplier=3.0,maxReconnectAttempts=1,countBy=broker";

#[test]
fn o05_delays_grow_from_broker_to_broker() {
    let mut failover = Failover::new(uri(THREE), 0);
    check_run(
        &mut failover,
        &[
            (0, "remote1"),
            (7, "localhost"),
            (21, "remote2"),
            (63, "remote1"),
        ],
    );
}

#[test]
fn o06_a_later_run_starts_over_with_the_other_limit() {
    let mut failover = connect_and_lose(THREE, 0);
    check_run(&mut failover, &[(0, "remote1"), (7, "localhost")]);
}

const CAPPED: &str = "failover:(tcp://remote1:61615,tcp://localhost:61616)?randomize=false,\
    startupMaxReconnectAttempts=3,initialReconnectDelay=7,maxReconnectDelay=8,maxReconnectAttempts=0,countBy=broker";

#[test]
fn o07_delays_are_capped() {
    let mut failover = Failover::new(uri(CAPPED), 0);
    check_run(
        &mut failover,
        &[
            (0, "remote1"),
            (7, "localhost"),
            (8, "remote1"),
            (8, "localhost"),
        ],
    );
    check_run(&mut connect_and_lose(CAPPED, 0), &[(0, "remote1")]);
}

#[test]
fn o08_delays_need_not_grow() {
    let mut failover = Failover::new(
        uri(
            "failover:(tcp://remote1:61615,tcp://localhost:61616)?randomize=false,startupMaxReconnectAttempts=2,\
             initialReconnectDelay=3,useExponentialBackOff=false,countBy=broker",
        ),
        0,
    );
    check_run(
        &mut failover,
        &[(0, "remote1"), (3, "localhost"), (3, "remote1")],
    );
}

const LOCAL: &str = "failover:tcp://remote1:61616,tcp://localhost:61616,tcp://127.0.0.1:61615,tcp://1.2.3.4:61616?\
    startupMaxReconnectAttempts=3,priorityBackup=true,randomize=false,initialReconnectDelay=10,countBy=broker";

#[test]
fn o09_local_brokers_come_first() {
    let mut failover = Failover::new(uri(&LOCAL.replace("1.2.3.4", "remote2")), 0);
    check_run(
        &mut failover,
        &[
            (0, "localhost"),
            (10, "127.0.0.1"),
            (20, "remote1"),
            (40, "remote2"),
        ],
    );
}

#[test]
fn o10_the_address_of_this_machine_is_local() {
    let mut failover = Failover::new(uri(LOCAL), 0).with_local_hosts(["1.2.3.4"]);
    check_run(
        &mut failover,
        &[
            (0, "localhost"),
            (10, "127.0.0.1"),
            (20, "1.2.3.4"),
            (40, "remote1"),
        ],
    );
}

#[test]
fn o11_without_a_resolver_it_is_remote() {
    let mut failover = Failover::new(uri(LOCAL), 0);
    check_run(
        &mut failover,
        &[
            (0, "localhost"),
            (10, "127.0.0.1"),
            (20, "remote1"),
            (40, "1.2.3.4"),
        ],
    );
}

#[test]
fn o12_both_local_and_remote_brokers_are_shuffled() {
    let text = LOCAL
        .replace("1.2.3.4", "remote2")
        .replace("randomize=false", "randomize=true");
    let (mut local_shuffled, mut remote_shuffled) = (0, 0);
    for seed in 0..200 {
        let mut failover = Failover::new(uri(&text), seed);
        let attempts: Result<Vec<_>, Exhausted> = (0..4).map(|_| failover.next()).collect();
        let attempts = attempts.expect("four attempts");
        let hosts: Vec<&str> = attempts
            .iter()
            .map(|attempt| attempt.broker.host())
            .collect();
        match hosts[..2] {
            ["localhost", "127.0.0.1"] => {}
            ["127.0.0.1", "localhost"] => local_shuffled += 1,
            _ => panic!("{hosts:?}"),
        }
        match hosts[2..] {
            ["remote1", "remote2"] => {}
            ["remote2", "remote1"] => remote_shuffled += 1,
            _ => panic!("{hosts:?}"),
        }
    }
    assert!((60..140).contains(&local_shuffled), "{local_shuffled}");
    assert!((60..140).contains(&remote_shuffled), "{remote_shuffled}");
}

#[test]
fn o13_jitter_is_added() {
    let text = "failover:tcp://remote1:61616?useExponentialBackOff=false,startupMaxReconnectAttempts=1,\
        reconnectDelayJitter=4,countBy=broker";
    let delays: Vec<Duration> = (0..200)
        .map(|seed| {
            let mut failover = Failover::new(uri(text), seed);
            assert_eq!(
                failover.next().expect("a first attempt").delay,
                Duration::ZERO
            );
            failover.next().expect("a second attempt").delay
        })
        .collect();
    let (ten, fourteen) = (Duration::from_millis(10), Duration::from_millis(14));
    assert!(
        delays.iter().all(|delay| (ten..fourteen).contains(delay)),
        "{delays:?}"
    );
    assert!(
        delays
            .iter()
            .any(|delay| *delay > Duration::from_millis(13)),
        "{delays:?}"
    );
}
