//! ActiveMQ's way of counting (`countBy=round`), as its failover transport is documented: a round
//! through all brokers without waiting, then one delay; limits count rounds; the broker that was
//! lost is tried last.

use std::time::Duration;

use stomp_failover::{Count, Failover, FailoverUri, Limit};

fn failover(options: &str) -> Failover {
    let uri = format!("failover:(tcp://a:61616,tcp://b:61616,tcp://c:61616)?{options}");
    Failover::new(
        uri.parse::<FailoverUri>()
            .unwrap_or_else(|error| panic!("{uri}: {error}")),
        0,
    )
}

/// Lets all attempts fail; each is written as its delay in ms, if it has one, and its host.
fn attempts(failover: &mut Failover, count: usize) -> String {
    let mut seen = String::new();
    for _ in 0..count {
        let Ok(attempt) = failover.next() else {
            seen.push_str(" end");
            break;
        };
        match attempt.delay.as_millis() {
            0 => {}
            delay => seen.push_str(&format!(" {delay}:")),
        }
        seen.push_str(&format!(" {}", attempt.broker.host()));
        failover.failed(&attempt, "connection refused");
    }
    seen
}

fn connect_and_lose(failover: &mut Failover, host: &str) {
    loop {
        let attempt = failover.next().expect("an attempt");
        if attempt.broker.host() == host {
            failover.succeeded(&attempt);
            break;
        }
        failover.failed(&attempt, "connection refused");
    }
    failover.lost(Duration::from_secs(3600), "connection reset");
}

/// The list in its order, and ActiveMQ's defaults where ours differ.
const DEFAULTS: &str = "randomize=false&initialReconnectDelay=10&startupMaxReconnectAttempts=-1";

#[test]
fn a_round_without_waiting_then_one_delay() {
    let seen = attempts(&mut failover(DEFAULTS), 13);
    assert_eq!(seen, " a b c 10: a b c 20: a b c 40: a b c 80: a");
}

#[test]
fn the_longest_delay_is_thirty_seconds() {
    let seen = attempts(&mut failover(DEFAULTS), 43);
    assert!(
        seen.ends_with(" 10240: a b c 20480: a b c 30000: a b c 30000: a"),
        "{seen}"
    );
}

#[test]
fn a_reconnect_waits_and_tries_the_lost_broker_last() {
    let mut failover = failover(DEFAULTS);
    connect_and_lose(&mut failover, "a");
    assert_eq!(attempts(&mut failover, 7), " 10: b c a 20: b c a 40: b");
    connect_and_lose(&mut failover, "b");
    assert_eq!(attempts(&mut failover, 4), " 10: a c b 20: a");
}

#[test]
fn limits_count_rounds() {
    let of = |options: &str| attempts(&mut failover(&format!("{DEFAULTS}&{options}")), 20);
    assert_eq!(of("startupMaxReconnectAttempts=2"), " a b c 10: a b c end");
    assert_eq!(of("startupMaxReconnectAttempts=1"), " a b c end");
    // 0 is no retry, not no attempt.
    assert_eq!(of("startupMaxReconnectAttempts=0"), " a b c end");
    // Without a limit of its own the start-up has that of reconnections.
    assert_eq!(of("maxReconnectAttempts=2"), " a b c 10: a b c end");
    assert_eq!(of("maxReconnectAttempts=0"), " a b c end");
    assert_eq!(
        of("maxReconnectAttempts=1&startupMaxReconnectAttempts=2"),
        " a b c 10: a b c end"
    );
}

#[test]
fn limits_after_a_loss() {
    let of = |options: &str| {
        let mut failover = failover(&format!("{DEFAULTS}&{options}"));
        connect_and_lose(&mut failover, "c");
        attempts(&mut failover, 20)
    };
    assert_eq!(of("maxReconnectAttempts=2"), " 10: a b c 20: a b c end");
    assert_eq!(of("maxReconnectAttempts=1"), " 10: a b c end");
    assert_eq!(of("maxReconnectAttempts=0"), " end");
    assert_eq!(of("reconnectSupported=false"), " end");
    assert_eq!(
        of("startupMaxReconnectAttempts=1&maxReconnectAttempts=2"),
        " 10: a b c 20: a b c end"
    );
}

#[test]
fn the_delay_need_not_grow() {
    let seen = attempts(
        &mut failover(&format!("{DEFAULTS}&useExponentialBackOff=false")),
        7,
    );
    assert_eq!(seen, " a b c 10: a b c 10: a");
}

#[test]
fn the_delay_grows_by_the_exponent() {
    let seen = attempts(
        &mut failover(&format!("{DEFAULTS}&reconnectDelayExponent=3")),
        10,
    );
    assert_eq!(seen, " a b c 10: a b c 30: a b c 90: a");
}

#[test]
fn each_round_is_shuffled_but_for_the_lost_broker() {
    let mut failover = failover(&DEFAULTS.replace("randomize=false", "randomize=true"));
    connect_and_lose(&mut failover, "b");
    let mut firsts = std::collections::BTreeMap::new();
    for _ in 0..400 {
        let round: Vec<_> = (0..3)
            .map(|_| failover.next().expect("an attempt"))
            .collect();
        *firsts.entry(round[0].broker.host().to_owned()).or_insert(0) += 1;
        assert_eq!(round[2].broker.host(), "b");
    }
    assert_eq!(firsts.len(), 2);
    assert!(
        firsts.values().all(|count| (150..250).contains(count)),
        "{firsts:?}"
    );
}

#[test]
fn the_first_broker_has_priority() {
    let options =
        "priorityBackup=true&randomize=true&initialReconnectDelay=10&startupMaxReconnectAttempts=0";
    for seed in 0..20 {
        let uri = format!("failover:(tcp://a,tcp://b,tcp://c)?{options}");
        let mut failover = Failover::new(uri.parse::<FailoverUri>().unwrap(), seed);
        assert_eq!(failover.next().unwrap().broker.host(), "a");
    }
}

#[test]
fn named_brokers_have_priority() {
    for seed in 0..20 {
        let mut failover = Failover::new(
            "failover:(tcp://a,tcp://u:p@b,tcp://c)?priorityBackup=true&priorityURIs=tcp://b:61613,tcp://c:61613"
                .parse::<FailoverUri>()
                .unwrap(),
            seed,
        );
        let hosts: Vec<_> = (0..3)
            .map(|_| failover.next().unwrap().broker.host().to_owned())
            .collect();
        assert_eq!(hosts[2], "a");
    }
}

#[test]
fn each_tenth_failed_round_warns() {
    let mut failover = failover(&format!("{DEFAULTS}&warnAfterReconnectAttempts=10"));
    let warned: Vec<u32> = (0..93)
        .map(|_| failover.next().expect("an attempt"))
        .filter(|attempt| attempt.warn)
        .map(|attempt| attempt.round)
        .collect();
    assert_eq!(warned, [11, 21, 31]);
}

#[test]
fn exhausted_says_who_was_tried_how_often_and_why_not() {
    let mut failover = failover(&format!("{DEFAULTS}&startupMaxReconnectAttempts=2"));
    attempts(&mut failover, 6);
    let exhausted = failover.next().expect_err("two rounds are over");
    assert_eq!(exhausted.limit, Limit::Startup(Count::Rounds(2)));
    assert_eq!(
        exhausted.to_string(),
        "tcp://a:61616: connection refused (tried 2 times); \
         tcp://b:61616: connection refused (tried 2 times); \
         tcp://c:61616: connection refused (tried 2 times); \
         startupMaxReconnectAttempts allows 2 rounds",
    );
    assert_eq!(failover.next().expect_err("still over"), exhausted);
}
