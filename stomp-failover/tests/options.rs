//! Options from and to configuration files, and their documentation.

use std::time::Duration;

use stomp_failover::{CountBy, FailoverUri, Options};

fn read(json: &str) -> Options {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn typed_values_and_strings_read_the_same() {
    let typed = read(
        r#"{"initialReconnectDelay": 10, "backOffMultiplier": 3, "randomize": false, "countBy": "broker",
            "maxReconnectAttempts": -1, "timeout": 500, "priorityBackup": true, "priorityURIs": ["tcp://a", "tcp://b"]}"#,
    );
    let text = read(
        r#"{"initialReconnectDelay": "10", "backOffMultiplier": "3", "randomize": "false", "countBy": "broker",
            "maxReconnectAttempts": "-1", "timeout": "500", "priorityBackup": "true", "priorityURIs": "tcp://a,tcp://b"}"#,
    );
    let uri: FailoverUri = "failover:(tcp://a)?initialReconnectDelay=10&backOffMultiplier=3&randomize=false&\
        countBy=broker&maxReconnectAttempts=-1&timeout=500&priorityBackup=true&priorityURIs=tcp://a,tcp://b"
        .parse()
        .unwrap();
    assert_eq!(typed, text);
    assert_eq!(typed, *uri.options());
    assert_eq!(
        (typed.count_by, typed.timeout),
        (CountBy::Broker, Some(Duration::from_millis(500)))
    );
}

#[test]
fn what_is_written_can_be_read() {
    let uris = [
        "tcp://a",
        "tcp://a?reconnectDelayJitter=7",
        "tcp://a?initialReconnectDelay=7&jitter=full&priorityURIs=tcp://a,wss://b&timeout=4&countBy=broker",
        "tcp://a?startupMaxReconnectAttempts=-1&maxReconnectAttempts=4&warnAfterReconnectAttempts=0",
    ];
    for uri in uris {
        let options = uri.parse::<FailoverUri>().unwrap().options().clone();
        assert_eq!(
            read(&serde_json::to_string(&options).unwrap()),
            options,
            "{uri}"
        );
    }
}

#[test]
fn what_cannot_be_says_so() {
    let check = |json: &str, expected: &str| {
        let error = serde_json::from_str::<Options>(json)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    check(
        r#"{"jiter": "full"}"#,
        "unknown option `jiter`; did you mean `jitter`?",
    );
    check(
        r#"{"timeout": 1.5}"#,
        "option `timeout` must be a whole number of milliseconds, or -1 for none",
    );
    check(
        r#"{"timeout": true}"#,
        "option `timeout` must be a whole number of milliseconds, or -1 for none",
    );
    check(
        r#"{"maxReconnectAttempts": -3}"#,
        "option `maxReconnectAttempts` must be a whole number",
    );
    check(
        r#"{"maxReconnectAttempts": 18446744073709551615}"#,
        "option `maxReconnectAttempts` must be a whole number",
    );
    check(
        r#"{"randomize": 0}"#,
        "option `randomize` must be `true` or `false`",
    );
    check(
        r#"{"backOffMultiplier": false}"#,
        "option `backOffMultiplier` must be a number of at least 1",
    );
    check(
        r#"{"priorityURIs": 1}"#,
        "option `priorityURIs` must be a list of broker URIs",
    );
    check(
        r#"{"priorityURIs": [1]}"#,
        "invalid type: integer `1`, expected a string",
    );
    check(
        r#"{"randomize": null}"#,
        "invalid type: null, expected a string, a boolean, a number or a list of strings",
    );
    check(
        "[]",
        "invalid type: sequence, expected a map of failover options",
    );
}

#[test]
fn warnings_survive_configuration_files() {
    let options = read(r#"{"backup": true, "randomize": true}"#);
    assert_eq!(options.warnings().len(), 1);
    assert_eq!(options, Options::default());
}

#[test]
fn a_uri_can_stand_in_a_configuration_file() {
    let uri: FailoverUri = serde_json::from_str(r#""failover:(tcp://a,tcp://b)""#).unwrap();
    assert_eq!(uri.brokers().len(), 2);
    let error = serde_json::from_str::<FailoverUri>(r#""tcp://""#).unwrap_err();
    assert_eq!(error.to_string(), "broker 1: the host is missing");
}

/// The tables of the documentation and of the README name every option with its true default.
#[test]
fn every_option_is_documented_with_its_default() {
    let defaults = serde_json::to_value(Options::default()).unwrap();
    for text in [
        include_str!("../src/options.rs"),
        include_str!("../README.md"),
    ] {
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.trim_start_matches("/// "))
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.split(" | ").collect())
            .collect();
        for (name, default) in defaults.as_object().unwrap() {
            let row = rows
                .iter()
                .find(|row| row[0].starts_with(&format!("| `{name}`")))
                .unwrap_or_else(|| panic!("{name} is not documented"));
            let documented = row[2].split(", ").next().unwrap().replace('`', "");
            let default = match default {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Array(_) => String::from("none"),
                other => other.to_string(),
            };
            assert_eq!(documented, default, "{name}");
        }
    }
}
