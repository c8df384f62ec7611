//! What the sequence does beyond its ancestors: stable time, going back to a preferred broker,
//! changing lists.

use std::time::Duration;

use stomp_failover::{Attempt, Broker, Count, Failover, FailoverUri, Limit, Scheme};

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(9_999);

fn failover(uri: &str) -> Failover {
    failover_seeded(uri, 0)
}

fn failover_seeded(uri: &str, seed: u64) -> Failover {
    Failover::new(
        uri.parse::<FailoverUri>()
            .unwrap_or_else(|error| panic!("{uri}: {error}")),
        seed,
    )
}

fn connect(failover: &mut Failover) -> Attempt {
    let attempt = failover.next().expect("an attempt");
    failover.succeeded(&attempt);
    attempt
}

/// Delay in ms and host.
fn brief(attempt: &Attempt) -> (u128, &str) {
    (attempt.delay.as_millis(), attempt.broker.host())
}

#[test]
fn the_default_fails_fast_at_start_and_never_gives_up_later() {
    let mut failover = failover("stomp://a");
    assert_eq!(failover.next().unwrap().delay, Duration::ZERO);
    assert_eq!(
        failover.next().unwrap_err().limit,
        Limit::Startup(Count::Rounds(1))
    );

    let mut failover = self::failover("stomp://a");
    connect(&mut failover);
    failover.lost(HOUR, "connection reset");
    for n in 0..100 {
        let attempt = failover.next().expect("no limit");
        let longest = Duration::from_millis(500 << n.min(10)).min(Duration::from_secs(30));
        assert!(attempt.delay < longest, "{n}: {attempt:?}");
        assert_eq!((attempt.number, attempt.round), (n + 1, n + 1));
    }
}

#[test]
fn the_same_seed_gives_the_same_sequence() {
    let delays = |seed| {
        let mut failover = failover_seeded(
            "failover:(stomp://a,stomp://b)?startupMaxReconnectAttempts=-1",
            seed,
        );
        (0..50)
            .map(|_| failover.next().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(delays(1), delays(1));
    assert_ne!(delays(1), delays(2));
}

/// Schedules must not change from version to version, or nobody can compare their logs with them.
#[test]
fn the_sequence_of_a_seed_is_for_ever() {
    let mut failover = failover_seeded(
        "failover:(stomp://a,stomp://b)?startupMaxReconnectAttempts=-1",
        1,
    );
    let attempts: Vec<_> = (0..6).map(|_| failover.next().unwrap()).collect();
    let brief: Vec<_> = attempts.iter().map(brief).collect();
    assert_eq!(
        brief,
        [
            (0, "a"),
            (0, "b"),
            (485, "a"),
            (0, "b"),
            (444, "b"),
            (0, "a")
        ]
    );
}

const FLAPPING: &str = "failover:(tcp://a,tcp://b)?randomize=false&initialReconnectDelay=10";

#[test]
fn a_stable_connection_resets_the_delay() {
    let mut failover = failover(FLAPPING);
    connect(&mut failover);
    for stable_for in [Duration::from_secs(10), HOUR] {
        failover.lost(stable_for, "connection reset");
        let attempt = connect(&mut failover);
        assert_eq!(
            (attempt.delay.as_millis(), attempt.number, attempt.round),
            (10, 1, 1)
        );
    }
}

#[test]
fn an_unstable_connection_does_not() {
    let mut failover = failover(FLAPPING);
    assert_eq!(brief(&connect(&mut failover)), (0, "a"));
    // Whoever was lost last is tried last, so both get their chance.
    for expected in [(10, "b"), (20, "a"), (40, "b"), (80, "a")] {
        failover.lost(MOMENT, "connection reset");
        assert_eq!(brief(&connect(&mut failover)), expected);
    }
    failover.lost(HOUR, "connection reset");
    assert_eq!(brief(&connect(&mut failover)), (10, "b"));
}

#[test]
fn an_unstable_connection_counted_by_broker_goes_on_with_the_next_one() {
    let mut failover = failover(&format!("{FLAPPING}&countBy=broker&maxReconnectAttempts=2"));
    assert_eq!(brief(&connect(&mut failover)), (0, "a"));
    for expected in [(10, "b"), (20, "a"), (40, "b")] {
        failover.lost(MOMENT, "connection reset");
        assert_eq!(brief(&connect(&mut failover)), expected);
    }
    failover.lost(MOMENT, "connection reset");
    assert_eq!(
        failover.next().unwrap_err().limit,
        Limit::Reconnect(Count::Brokers(3))
    );
}

#[test]
fn unstable_connections_use_up_the_attempts() {
    let mut failover = failover(&format!("{FLAPPING}&maxReconnectAttempts=2"));
    connect(&mut failover);
    for _ in 0..2 {
        failover.lost(MOMENT, "connection reset");
        connect(&mut failover);
    }
    failover.lost(MOMENT, "hung up");
    let exhausted = failover.next().unwrap_err();
    assert_eq!(exhausted.limit, Limit::Reconnect(Count::Rounds(2)));
    assert_eq!(
        exhausted.to_string(),
        "tcp://a:61613: hung up (tried 2 times); \
         tcp://b:61613: connection reset (tried once); \
         maxReconnectAttempts allows 2 rounds",
    );
}

#[test]
fn how_long_is_stable_can_be_said() {
    let mut failover = failover(&format!("{FLAPPING}&stableAfter=1000"));
    connect(&mut failover);
    failover.lost(Duration::from_millis(999), "connection reset");
    assert_eq!(connect(&mut failover).number, 2);
    failover.lost(Duration::from_millis(1_000), "connection reset");
    assert_eq!(connect(&mut failover).number, 1);
}

#[test]
fn startup_ends_with_the_first_connection_however_short() {
    let mut failover = failover("stomp://a?startupMaxReconnectAttempts=1&maxReconnectAttempts=-1");
    assert!(!failover.has_ever_connected());
    connect(&mut failover);
    failover.lost(Duration::ZERO, "hung up");
    assert!(failover.has_ever_connected());
    for _ in 0..10 {
        failover.next().expect("no limit any more");
    }
}

#[test]
fn one_life_is_enough_if_the_uri_says_so() {
    let mut failover = failover("stomp://a?reconnectSupported=false");
    connect(&mut failover);
    failover.lost(HOUR, "connection reset");
    let exhausted = failover.next().unwrap_err();
    assert_eq!(
        exhausted.to_string(),
        "stomp://a:61613: connection reset \
         (not tried again; reconnectSupported=false allows no reconnection)",
    );
}

#[test]
fn what_is_not_reported_has_failed() {
    let mut failover = failover("stomp://a?countBy=broker&startupMaxReconnectAttempts=1");
    failover.next().unwrap();
    failover.next().unwrap();
    assert_eq!(
        failover.next().unwrap_err().to_string(),
        "stomp://a:61613: result not reported \
         (tried 2 times; startupMaxReconnectAttempts allows 2 attempts)",
    );

    let mut failover = self::failover("stomp://a?maxReconnectAttempts=0");
    connect(&mut failover);
    assert_eq!(failover.connected().map(Broker::host), Some("a"));
    assert_eq!(
        failover.next().unwrap_err().to_string(),
        "stomp://a:61613: not reported (tried once; maxReconnectAttempts allows 0 rounds)",
    );
    assert_eq!(failover.connected(), None);
}

#[test]
fn a_loss_without_a_connection_is_nothing() {
    let mut failover = failover("stomp://a");
    failover.lost(HOUR, "connection reset");
    assert_eq!(failover.next().unwrap().delay, Duration::ZERO);
    failover.lost(HOUR, "connection reset");
    failover.next().expect_err("still one round at start");
}

#[test]
fn warnings_counted_by_broker() {
    let mut failover = failover(
        "failover:(tcp://a,tcp://b)?countBy=broker&startupMaxReconnectAttempts=-1&warnAfterReconnectAttempts=3",
    );
    let warned: Vec<u32> = (0..10)
        .map(|_| failover.next().unwrap())
        .filter(|a| a.warn)
        .map(|a| a.number)
        .collect();
    assert_eq!(warned, [4, 7, 10]);

    let mut failover =
        self::failover("tcp://a?startupMaxReconnectAttempts=-1&warnAfterReconnectAttempts=0");
    assert!((0..30).all(|_| !failover.next().unwrap().warn));
}

const PREFERRED: &str = "failover:(tcp://a,tcp://b,tcp://c)?randomize=false&initialReconnectDelay=10&\
     priorityBackup=true&priorityURIs=tcp://a,tcp://b&startupMaxReconnectAttempts=-1";

/// Connects to `c` at last, which nobody prefers.
fn connected_to_the_backup(uri: &str) -> Failover {
    let mut failover = failover(uri);
    for _ in 0..2 {
        let attempt = failover.next().expect("an attempt");
        failover.failed(&attempt, "connection refused");
    }
    assert_eq!(connect(&mut failover).broker.host(), "c");
    failover
}

#[test]
fn preferred_brokers_are_tried_while_connected_to_another() {
    let mut failover = connected_to_the_backup(PREFERRED);
    for expected in [(10, "a"), (20, "b"), (40, "a"), (80, "b")] {
        let attempt = failover.fail_back().expect("an attempt to go back");
        assert_eq!(brief(&attempt), expected);
        failover.failed(&attempt, "connection refused");
        assert_eq!(failover.connected().map(Broker::host), Some("c"));
    }
    let attempt = failover.fail_back().expect("an attempt to go back");
    assert_eq!((attempt.number, attempt.round, attempt.warn), (5, 3, false));
    failover.succeeded(&attempt);
    assert_eq!(failover.connected().map(Broker::host), Some("a"));
    assert_eq!(failover.fail_back(), None);
    // The attempts to go back left no mark on the sequence.
    failover.lost(HOUR, "connection reset");
    assert_eq!(brief(&failover.next().unwrap()), (10, "b"));
}

#[test]
fn attempts_to_go_back_start_over_with_each_connection() {
    let mut failover = connected_to_the_backup(PREFERRED);
    for _ in 0..5 {
        failover.fail_back().expect("an attempt to go back");
    }
    failover.lost(HOUR, "connection reset");
    assert_eq!(
        failover.fail_back(),
        None,
        "there is no connection to go back from"
    );
    for _ in 0..2 {
        failover.next().unwrap();
    }
    connect(&mut failover);
    assert_eq!(
        brief(&failover.fail_back().expect("an attempt to go back")),
        (10, "a")
    );
}

#[test]
fn there_is_nothing_to_go_back_to() {
    // No priority.
    let mut failover =
        connected_to_the_backup(&PREFERRED.replace("priorityBackup=true", "priorityBackup=false"));
    assert_eq!(failover.fail_back(), None);
    // No preferred broker in the list.
    let mut failover = connected_to_the_backup(
        &PREFERRED.replace("priorityURIs=tcp://a,tcp://b", "priorityURIs=tcp://d"),
    );
    assert_eq!(failover.fail_back(), None);
    // Connected to a preferred one.
    let mut failover = self::failover(PREFERRED);
    connect(&mut failover);
    assert_eq!(failover.fail_back(), None);
}

#[test]
fn local_brokers_are_preferred_when_counted_by_broker() {
    let uri = "failover:(tcp://far,tcp://LOCALHOST,tcp://127.8.9.10,tcp://[::1],tcp://Me)?\
               randomize=false&priorityBackup=true&countBy=broker&startupMaxReconnectAttempts=-1";
    let mut failover = failover(uri).with_local_hosts(["ME"]);
    let hosts: Vec<_> = (0..5)
        .map(|_| failover.next().unwrap().broker.host().to_owned())
        .collect();
    assert_eq!(hosts, ["localhost", "127.8.9.10", "::1", "me", "far"]);
}

#[test]
fn a_source_is_asked_before_each_round() {
    let mut lists = vec![vec!["c"], vec![], vec!["a", "b"]];
    let mut failover =
        failover("failover:(stomp://seed)?randomize=false&startupMaxReconnectAttempts=-1")
            .with_source(move || {
                let hosts = lists.pop().unwrap_or_default();
                hosts
                    .into_iter()
                    .map(|host| Broker::new(Scheme::Stomp, host, 61613))
                    .collect()
            });
    let hosts: Vec<_> = (0..6)
        .map(|_| failover.next().unwrap().broker.host().to_owned())
        .collect();
    // The second list is empty: the first one stands.
    assert_eq!(hosts, ["a", "b", "a", "b", "c", "c"]);
}

#[test]
fn an_update_takes_effect_with_the_next_round() {
    let mut failover =
        failover("failover:(stomp://a,stomp://b)?randomize=false&startupMaxReconnectAttempts=-1");
    assert_eq!(failover.next().unwrap().broker.host(), "a");
    failover.update(vec![Broker::new(Scheme::StompTls, "c", 61614)]);
    assert_eq!(failover.brokers().len(), 1);
    assert_eq!(failover.next().unwrap().broker.host(), "b");
    let attempt = failover.next().unwrap();
    assert_eq!((attempt.broker.host(), attempt.round), ("c", 2));
    failover.update(Vec::new());
    assert_eq!(failover.next().unwrap().broker.host(), "c");
}

#[test]
fn no_options_however_odd_make_it_panic() {
    let mut uri: FailoverUri = "stomp://a".parse().unwrap();
    let options = uri.options_mut();
    options.initial_reconnect_delay = Duration::MAX;
    options.max_reconnect_delay = Duration::MAX;
    options.reconnect_delay_jitter = Duration::MAX;
    options.startup_max_reconnect_attempts = None;
    options.warn_after_reconnect_attempts = Some(0);
    for factor in [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        -1.0,
        0.0,
    ] {
        uri.options_mut().back_off_multiplier = factor;
        let mut failover = Failover::new(uri.clone(), 0);
        for _ in 0..100 {
            failover.next().expect("no limit");
        }
        let _ = uri.to_string().parse::<FailoverUri>();
    }
}

#[test]
fn a_sequence_can_be_sent_to_a_task_of_its_own() {
    fn check<T: Send + 'static>() {}
    check::<Failover>();
    check::<stomp_failover::Exhausted>();
    check::<FailoverUri>();
}
