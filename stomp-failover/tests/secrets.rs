//! A canary in every place a secret can be in, searched for in everything that may end in a log.

use std::error::Error;
use std::fmt::Debug;

use stomp_failover::{Broker, Failover, FailoverUri, Options};

const CANARY: &str = "CANARY";

#[track_caller]
fn silent(shown: &dyn Debug, text: &str) {
    assert!(
        !format!("{shown:?} {shown:#?} {text}").contains(CANARY),
        "{shown:?} {text}"
    );
}

const WELL_FORMED: [&str; 8] = [
    "stomp://user:CANARY@a",
    "stomp://:CANARY@a",
    "failover:(stomp://user:CANARY@a,ssl://user:CANARY@b)?randomize=false",
    "wss://user:CANARY@a/ws?token=CANARY",
    "failover:(wss://a/ws?CANARY)",
    "failover:(tcp://a?passcode=CANARY)",
    "failover:(tcp://a)?nested.passcode=CANARY",
    "failover:(tcp://a)?priorityBackup=true&priorityURIs=tcp://user:CANARY@a",
];

#[test]
fn what_was_read_shows_no_secret() {
    for text in WELL_FORMED {
        let uri: FailoverUri = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        silent(&uri, &uri.to_string());
        silent(
            uri.options(),
            &serde_json::to_string(uri.options()).expect("JSON"),
        );
        for broker in uri.brokers() {
            silent(broker, &broker.to_string());
        }

        let mut failover = Failover::new(uri, 0);
        let attempt = failover.next().expect("an attempt");
        silent(&attempt, "");
        failover.failed(&attempt, "connection refused");
        while failover.next().is_ok() {}
        let exhausted = failover.next().expect_err("no further attempt");
        silent(&exhausted, &exhausted.to_string());
        silent(&failover, "");
    }
}

#[test]
fn everything_else_is_shown() {
    let uri: FailoverUri = "failover:(stomp://user:CANARY@a)?randomize=false"
        .parse()
        .expect("well-formed");
    assert_eq!(
        format!("{uri:?}"),
        "FailoverUri(failover:(stomp://user:***@a:61613)?randomize=false)"
    );
}

#[test]
fn it_is_there_where_it_is_asked_for() {
    for text in WELL_FORMED {
        let uri: FailoverUri = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        // Of preferred brokers only the place is kept.
        assert_eq!(
            uri.reveal().to_string().contains(CANARY),
            !text.contains("priority"),
            "{text}"
        );
        let revealed = uri.reveal().to_string();
        assert_eq!(revealed.parse(), Ok(uri));
    }
}

/// A passcode with each character that has a meaning in a URI, not percent-encoded as it should be.
#[test]
fn errors_quote_no_secret() {
    let mut errors = 0;
    for mark in "/?#[]@!$&'()*+,;=:%\\ \t\"<>^`{|}\0é".chars() {
        for passcode in [
            format!("CANARY{mark}x"),
            format!("1{mark}CANARY"),
            format!("CANARY{mark}CANARY=CANARY"),
            format!("1{mark}CANARY=CANARY"),
        ] {
            for text in [
                format!("stomp://u:{passcode}@a"),
                format!("ws://u:{passcode}@a/ws"),
                format!("failover:(stomp://u:{passcode}@a,stomp://b)?randomize=false"),
                format!("u:{passcode}@a"),
                format!("stomp://a?priorityURIs=stomp://u:{passcode}@a"),
            ] {
                match text.parse::<FailoverUri>() {
                    Ok(uri) => silent(&uri, &uri.to_string()),
                    Err(error) => {
                        errors += 1;
                        let source = error.source().map(ToString::to_string).unwrap_or_default();
                        silent(&error, &format!("{error} {source}"));
                    }
                }
                if let Err(error) = text.parse::<Broker>() {
                    silent(&error, &error.to_string());
                }
            }
        }
    }
    assert!(errors > 200, "{errors}");
}

#[test]
fn values_of_options_are_not_quoted() {
    for name in [
        "randomize",
        "timeout",
        "jitter",
        "countBy",
        "priorityURIs",
        "backOffMultiplier",
        "maxCacheSize",
    ] {
        let error = format!("stomp://a?{name}=CANARY")
            .parse::<FailoverUri>()
            .expect_err(name);
        silent(&error, &error.to_string());
        let error =
            serde_json::from_str::<Options>(&format!(r#"{{"{name}": "CANARY"}}"#)).expect_err(name);
        silent(&error, &error.to_string());
    }
}
