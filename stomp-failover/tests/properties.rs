//! Properties of all URIs, well-formed or not.

use proptest::prelude::*;
use stomp_failover::{Broker, Failover, FailoverUri, Options};

/// A URI of anything that can be in one.
fn well_formed() -> impl Strategy<Value = String> {
    let brokers = proptest::collection::vec(broker(), 1..4);
    let options = proptest::collection::vec(option(), 0..6);
    let prefix = prop_oneof![Just("failover:"), Just("failover://"), Just("")];
    (prefix, brokers, options, prop_oneof![Just("&"), Just(",")]).prop_map(
        |(prefix, brokers, options, separator)| {
            format!(
                "{prefix}({})?{}",
                brokers.join(","),
                options.join(separator)
            )
        },
    )
}

fn broker() -> impl Strategy<Value = String> {
    let scheme = prop_oneof!["stomp|tcp|stomp\\+tls|stomp\\+ssl|tls|ssl", "ws|wss"];
    let login = "(%[0-7][0-9A-F]|[a-z!$&'*+;=~@]){0,5}(:(%[0-7][0-9A-F]|[a-z!$&'*+;=~:]){0,5})?@|";
    let host = prop_oneof![
        // Never `--`: what follows `xn--` must be punycode.
        "[a-zA-Z][a-z0-9_]{0,4}(-[a-z0-9]{1,3})?(\\.[a-z]{1,3})?",
        "[a-z]é[a-z]{1,3}",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]")),
    ];
    let port = prop_oneof![
        (1..=u16::MAX).prop_map(|port| format!(":{port}")),
        Just(String::new())
    ];
    let path = "(/[a-z%.~é'\"]{0,4}){0,3}".prop_map(|path| path.replace('%', "%2C"));
    let query = "|\\?|\\?([a-z.]{1,4}=?(%2C|%26|[a-z+=é])?&?){0,3}";
    (scheme, login, host, port, path, query).prop_map(|(scheme, login, host, port, path, query)| {
        let path = if scheme.starts_with("ws") {
            path
        } else {
            String::new()
        };
        format!("{scheme}://{login}{host}{port}{path}{query}")
    })
}

fn option() -> impl Strategy<Value = String> {
    prop_oneof![
        "(initialReconnectDelay|maxReconnectDelay|reconnectDelayJitter|stableAfter|maxCacheSize)=[0-9]{1,15}",
        "(startupMaxReconnectAttempts|maxReconnect(Attempt)?s|warnAfterReconnectAttempts|timeout)=(-1|[0-9]{1,9})",
        "(useExponentialBackOff|randomize|priorityBackup|reconnectSupported|trackMessages)=(true|false)",
        "(backOffMultiplier|reconnectDelayExponent)=[1-9]{1,4}(\\.[0-9]{1,6})?(e[0-9])?",
        "jitter=(full|none)",
        "countBy=(round|broker)",
        "priorityURIs=tcp://a(,wss://u:p@b/ws)?(,tcp://\\[::1\\])?",
        "nested\\.[a-z%]{0,5}=[a-z%=:/é]{0,5}".prop_map(|option| option.replace('%', "%25")),
        "(backup|backupPoolSize|updateURIsURL)=[a-z]{0,3}",
    ]
}

/// A URI with a few characters inserted, removed or doubled: one in six is still well-formed.
fn mangled() -> impl Strategy<Value = String> {
    let edits = proptest::collection::vec(
        (
            any::<prop::sample::Index>(),
            "[?&,()@:/%#\\[\\]=\\\\. 0-9]|\\PC|",
            0..2_usize,
        ),
        1..4,
    );
    (well_formed(), edits).prop_map(|(text, edits)| {
        let mut characters: Vec<char> = text.chars().collect();
        for (index, inserted, removed) in edits {
            let at = index.index(characters.len() + 1);
            let end = (at + removed).min(characters.len());
            characters.splice(at..end, inserted.chars());
        }
        characters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_and_back_again(text in well_formed()) {
        let uri: FailoverUri = text.parse().map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let revealed = uri.reveal().to_string();
        prop_assert_eq!(&revealed.parse::<FailoverUri>(), &Ok(uri.clone()), "{}", revealed);
        prop_assert_eq!(revealed.parse::<FailoverUri>().unwrap().reveal().to_string(), revealed);
        for broker in uri.brokers() {
            // `nested.` options belong to the list, not to what is written of one broker.
            let revealed = broker.reveal().to_string();
            let parsed: Broker = revealed.parse().map_err(|error| TestCaseError::fail(format!("{revealed}: {error}")))?;
            prop_assert_eq!(parsed.reveal().to_string(), revealed);
        }
    }

    #[test]
    fn what_hides_its_secrets_can_be_parsed_too(text in well_formed()) {
        let uri: FailoverUri = text.parse().map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let shown = uri.to_string();
        let parsed: FailoverUri = shown.parse().map_err(|error| TestCaseError::fail(format!("{shown}: {error}")))?;
        prop_assert_eq!(parsed.to_string(), shown);
        prop_assert_eq!(parsed.options(), uri.options());
        prop_assert_eq!(parsed.brokers().len(), uri.brokers().len());
    }

    #[test]
    fn options_survive_json(text in well_formed()) {
        let uri: FailoverUri = text.parse().map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let json = serde_json::to_string(uri.options()).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Options>(&json).unwrap(), uri.options());
    }

    /// And whatever is read, however odd, can be written and read again.
    #[test]
    fn nothing_makes_it_panic(text in prop_oneof![3 => mangled(), 1 => "\\PC{0,40}"]) {
        if let Ok(uri) = text.parse::<FailoverUri>() {
            let revealed = uri.reveal().to_string();
            prop_assert_eq!(revealed.parse::<FailoverUri>(), Ok(uri), "{}", revealed);
        }
        if let Ok(broker) = text.parse::<Broker>() {
            let revealed = broker.reveal().to_string();
            prop_assert_eq!(revealed.parse::<Broker>(), Ok(broker), "{}", revealed);
        }
    }

    #[test]
    fn delays_keep_their_bounds(text in well_formed(), seed: u64, outcomes in proptest::collection::vec(0..4, 1..60)) {
        let uri: FailoverUri = text.parse().map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let longest = uri.options().max_reconnect_delay;
        let mut failover = Failover::new(uri.clone(), seed);
        for outcome in outcomes {
            let Ok(attempt) = failover.next() else { break };
            prop_assert!(attempt.delay <= longest);
            prop_assert!(uri.brokers().contains(&attempt.broker));
            if outcome == 0 {
                failover.failed(&attempt, "refused");
                continue;
            }
            failover.succeeded(&attempt);
            if let Some(attempt) = failover.fail_back() {
                prop_assert!(attempt.delay <= longest);
                prop_assert!(uri.brokers().contains(&attempt.broker));
                failover.failed(&attempt, "refused");
            }
            failover.lost(uri.options().stable_after * u32::from(outcome == 1), "lost");
        }
    }
}
