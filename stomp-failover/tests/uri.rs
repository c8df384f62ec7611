//! What well-formed URIs mean.

use std::time::Duration;

use stomp_failover::{Broker, CountBy, FailoverUri, Jitter, Options, Scheme, UriError, Warning};

fn uri(text: &str) -> FailoverUri {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn broker(text: &str) -> Broker {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn all_forms_mean_the_same() {
    let expected = uri("failover:(tcp://a:1,tcp://b:2)?randomize=false&maxReconnectAttempts=3");
    assert_eq!(
        expected.brokers(),
        [broker("tcp://a:1"), broker("tcp://b:2")]
    );
    for text in [
        "failover:(tcp://a:1,tcp://b:2)?randomize=false,maxReconnectAttempts=3",
        "failover://(tcp://a:1,tcp://b:2)?randomize=false&maxReconnectAttempts=3",
        "failover:tcp://a:1,tcp://b:2?randomize=false&maxReconnectAttempts=3",
        "failover://tcp://a:1,tcp://b:2?randomize=false,maxReconnects=3",
        "FAILOVER:(TCP://A:1,tcp://b:2)?maxReconnectAttempts=3&randomize=false&",
        "(tcp://a:1,tcp://b:2)?&&randomize=false,,maxReconnectAttempts=3",
        "tcp://a:1,tcp://b:2?randomize=false&maxReconnectAttempts=%33",
        "tcp://a:1/,tcp://b:2/?randomize=true&randomize=false&maxReconnectAttempts=3",
    ] {
        assert_eq!(uri(text), expected, "{text}");
    }
}

#[test]
fn without_options_all_are_default() {
    for text in [
        "stomp://a",
        "stomp://a?",
        "failover:(stomp://a)",
        "failover:(stomp://a)?",
        "ws://a/?randomize=false",
    ] {
        assert_eq!(*uri(text).options(), Options::default(), "{text}");
    }
}

#[test]
fn schemes_and_their_ports() {
    for (text, scheme, port, tls, websocket) in [
        ("stomp", Scheme::Stomp, 61613, false, false),
        ("tcp", Scheme::Tcp, 61613, false, false),
        ("stomp+tls", Scheme::StompTls, 61614, true, false),
        ("stomp+ssl", Scheme::StompSsl, 61614, true, false),
        ("tls", Scheme::Tls, 61614, true, false),
        ("ssl", Scheme::Ssl, 61614, true, false),
        ("ws", Scheme::Ws, 80, false, true),
        ("wss", Scheme::Wss, 443, true, true),
    ] {
        let broker = broker(&format!("{text}://mq.example"));
        assert_eq!(
            (broker.scheme(), broker.port(), broker.host()),
            (scheme, port, "mq.example")
        );
        assert_eq!(
            (broker.uses_tls(), broker.uses_websocket()),
            (tls, websocket),
            "{text}"
        );
        assert_eq!(
            self::broker(&format!("{}://mq.example", text.to_uppercase())),
            broker
        );
        assert_eq!(self::broker(&format!("{text}://mq.example:7")).port(), 7);
        assert_eq!(scheme.to_string(), text);
    }
}

#[test]
fn hosts() {
    for (text, host) in [
        ("tcp://MQ.Example", "mq.example"),
        ("tcp://10.0.0.1", "10.0.0.1"),
        ("tcp://[::1]", "::1"),
        ("tcp://[2001:DB8:0::1]:61613", "2001:db8::1"),
        ("ws://[::1]:15674/ws", "::1"),
        ("tcp://mq_1.internal.", "mq_1.internal."),
        ("tcp://münchen.example", "xn--mnchen-3ya.example"),
        ("ws://münchen.example", "xn--mnchen-3ya.example"),
    ] {
        assert_eq!(broker(text).host(), host, "{text}");
    }
    assert_eq!(broker("tcp://[::1]").to_string(), "tcp://[::1]:61613");
    assert_eq!(
        Broker::new(Scheme::Tcp, "[::1]", 61613),
        broker("tcp://[::1]")
    );
    assert_eq!(Broker::new(Scheme::Ws, "A", 80), broker("ws://a"));
}

#[test]
fn logins_are_percent_decoded() {
    for (text, login, passcode) in [
        ("tcp://a", None, None),
        ("tcp://@a", None, None),
        ("tcp://guest@a", Some("guest"), None),
        ("tcp://guest:@a", Some("guest"), None),
        ("tcp://guest:guest@a", Some("guest"), Some("guest")),
        ("tcp://:token@a", Some(""), Some("token")),
        (
            "tcp://us%3Aer:p%40%2F%3Fss%25@a",
            Some("us:er"),
            Some("p@/?ss%"),
        ),
        ("tcp://a:%2C%28%29@a", Some("a"), Some(",()")),
        ("tcp://u:p@ss@a", Some("u"), Some("p@ss")),
        ("wss://u:p%20s+s@a/ws", Some("u"), Some("p s+s")),
    ] {
        let broker = broker(text);
        assert_eq!(
            (broker.login(), broker.passcode()),
            (login, passcode),
            "{text}"
        );
        assert_eq!(self::broker(&broker.reveal().to_string()), broker);
    }
    let built = Broker::new(Scheme::Tcp, "a", 61613).with_credentials("us:er", "p@/?ss%");
    assert_eq!(built, broker("tcp://us%3Aer:p%40%2F%3Fss%25@a"));
}

#[test]
fn each_broker_has_its_own_login() {
    let uri = uri("failover:(tcp://u1:p1@a,tcp://u2:p2@b)");
    let logins: Vec<_> = uri
        .brokers()
        .iter()
        .map(|broker| (broker.login(), broker.passcode()))
        .collect();
    assert_eq!(logins, [(Some("u1"), Some("p1")), (Some("u2"), Some("p2"))]);
}

#[test]
fn websockets_keep_path_and_query() {
    let broker = |text| self::broker(text).resource_name();
    assert_eq!(broker("ws://a"), Some("/".into()));
    assert_eq!(broker("ws://a:15674/ws"), Some("/ws".into()));
    assert_eq!(
        broker("wss://a/x/y?token=a%2Cb&z"),
        Some("/x/y?token=a%2Cb&z".into())
    );
    assert_eq!(broker("wss://a?token=t"), Some("/?token=t".into()));
    assert_eq!(broker("stomp://a"), None);

    let uri = uri("failover:(ws://a/ws?token=t,stomp://b)?randomize=false&nested.x=y");
    assert_eq!(
        uri.brokers()[0].resource_name().as_deref(),
        Some("/ws?token=t")
    );
    assert_eq!(uri.brokers()[0].options().collect::<Vec<_>>(), [("x", "y")]);
    assert!(!uri.options().randomize);
}

#[test]
fn brokers_have_options_of_their_own_and_nested_ones() {
    let uri = uri("failover:(tcp://a?x=1&y=%262&z,tcp://b)?nested.x=9&nested.w=a%2Cb");
    let options = |index: usize| uri.brokers()[index].options().collect::<Vec<_>>();
    assert_eq!(
        options(0),
        [("x", "1"), ("y", "&2"), ("z", ""), ("w", "a,b")]
    );
    assert_eq!(options(1), [("x", "9"), ("w", "a,b")]);
    assert_eq!(uri.brokers()[0].option("x"), Some("1"));
    assert_eq!(uri.brokers()[1].option("x"), Some("9"));
    assert_eq!(uri.brokers()[1].option("y"), None);
}

#[test]
fn every_option_is_read() {
    let uri = uri(
        "failover:(tcp://a)?initialReconnectDelay=1&maxReconnectDelay=2&useExponentialBackOff=false&\
         reconnectDelayExponent=3.5&jitter=full&reconnectDelayJitter=4&stableAfter=5&countBy=broker&\
         startupMaxReconnectAttempts=6&maxReconnects=7&reconnectSupported=false&randomize=false&priorityBackup=true&\
         priorityURIs=tcp://u:p@a,ssl://b&warnAfterReconnectAttempts=8&timeout=9&trackMessages=true&maxCacheSize=10",
    );
    let options = uri.options();
    assert_eq!(options.initial_reconnect_delay, Duration::from_millis(1));
    assert_eq!(options.max_reconnect_delay, Duration::from_millis(2));
    assert!(!options.use_exponential_back_off);
    assert_eq!(options.back_off_multiplier, 3.5);
    assert_eq!(options.jitter, Jitter::Full);
    assert_eq!(options.reconnect_delay_jitter, Duration::from_millis(4));
    assert_eq!(options.stable_after, Duration::from_millis(5));
    assert_eq!(options.count_by, CountBy::Broker);
    assert_eq!(options.startup_max_reconnect_attempts, Some(6));
    assert_eq!(options.max_reconnect_attempts, Some(7));
    assert!(!options.reconnect_supported);
    assert!(!options.randomize);
    assert!(options.priority_backup);
    assert_eq!(
        options.priority_uris,
        [broker("tcp://a"), broker("ssl://b")]
    );
    assert_eq!(options.warn_after_reconnect_attempts, Some(8));
    assert_eq!(options.timeout, Some(Duration::from_millis(9)));
    assert!(options.track_messages);
    assert_eq!(options.max_cache_size, 10);
    assert_eq!(uri.warnings(), []);
    assert_eq!(self::uri(&uri.to_string()), uri);
}

#[test]
fn minus_one_and_zero() {
    let options = |text: &str| uri(&format!("tcp://a?{text}")).options().clone();
    assert_eq!(
        options("maxReconnectAttempts=-1").max_reconnect_attempts,
        None
    );
    assert_eq!(
        options("maxReconnectAttempts=0").max_reconnect_attempts,
        Some(0)
    );
    assert_eq!(
        options("startupMaxReconnectAttempts=-1").startup_max_reconnect_attempts,
        None
    );
    assert_eq!(
        options("startupMaxReconnectAttempts=0").startup_max_reconnect_attempts,
        Some(0)
    );
    assert_eq!(options("timeout=-1").timeout, None);
    assert_eq!(options("timeout=0").timeout, None);
    assert_eq!(
        options("warnAfterReconnectAttempts=-1").warn_after_reconnect_attempts,
        None
    );
    assert_eq!(
        options("warnAfterReconnectAttempts=0").warn_after_reconnect_attempts,
        None
    );
}

#[test]
fn who_names_an_ancestors_delay_gets_its_delays() {
    let delays = |text: &str| {
        let options = uri(&format!("tcp://a?{text}")).options().clone();
        (options.initial_reconnect_delay.as_millis(), options.jitter)
    };
    assert_eq!(delays(""), (500, Jitter::Full));
    assert_eq!(
        delays("maxReconnectDelay=1000&backOffMultiplier=3"),
        (500, Jitter::Full)
    );
    assert_eq!(delays("initialReconnectDelay=500"), (500, Jitter::None));
    assert_eq!(
        delays("initialReconnectDelay=50&jitter=full"),
        (50, Jitter::Full)
    );
    assert_eq!(delays("reconnectDelayJitter=5"), (10, Jitter::None));
    assert_eq!(
        delays("jitter=full&reconnectDelayJitter=5"),
        (10, Jitter::Full)
    );
    assert_eq!(delays("jitter=none"), (500, Jitter::None));
}

#[test]
fn priority_uris_end_where_the_next_option_starts() {
    for text in [
        "failover:(tcp://a)?priorityBackup=true,priorityURIs=tcp://a,ws://b/?x=y,randomize=false",
        "failover:(tcp://a)?priorityBackup=true&priorityURIs=tcp://a,ws://b/&randomize=false",
        "failover:(tcp://a)?priorityBackup=true&priorityURIs=tcp%3A%2F%2Fa%2Cws%3A%2F%2Fb&randomize=false",
    ] {
        let uri = uri(text);
        assert_eq!(
            uri.options().priority_uris,
            [broker("tcp://a"), broker("ws://b")],
            "{text}"
        );
        assert!(!uri.options().randomize);
    }
}

#[test]
fn warnings_say_what_is_ignored_and_why() {
    let warnings = |text: &str| -> Vec<String> {
        uri(&format!("failover:(tcp://a)?{text}"))
            .warnings()
            .iter()
            .map(Warning::to_string)
            .collect()
    };
    assert_eq!(warnings("randomize=false"), [""; 0]);
    assert_eq!(
        warnings("backup=true&trackTransactionProducers=false"),
        [
            "option `backup` is ignored: no second connection is kept open; `priorityBackup` goes back to a \
             preferred broker",
            "option `trackTransactionProducers` is ignored: it belongs to OpenWire",
        ],
    );
    for name in [
        "backupPoolSize",
        "rebalanceUpdateURIs",
        "reconnectDelay",
        "updateURIsSupported",
        "updateURIsURL",
    ] {
        let [warning] = &warnings(&format!("{name}=1"))[..] else {
            panic!("{name}")
        };
        assert!(
            warning.starts_with(&format!("option `{name}` is ignored: ")),
            "{warning}"
        );
    }
    assert_eq!(
        warnings("randomize=true&maxReconnects=1&randomize=false&maxReconnectAttempts=2"),
        [
            "option `randomize` is repeated: the last one holds",
            "option `maxReconnectAttempts` is repeated: the last one holds",
        ],
    );
    assert_eq!(
        warnings("initialReconnectDelay=0"),
        [
            "option `initialReconnectDelay` is 0: a broker that is down is tried again without any delay"
        ],
    );
    assert_eq!(
        warnings("initialReconnectDelay=0&reconnectDelayJitter=5"),
        [""; 0]
    );
    assert_eq!(
        warnings("maxReconnectDelay=0"),
        ["option `maxReconnectDelay` is 0: a broker that is down is tried again without any delay"],
    );
    assert_eq!(
        warnings("priorityURIs=tcp://a"),
        ["option `priorityURIs` does nothing without `priorityBackup=true`"],
    );
}

#[test]
fn it_is_written_as_it_is_read() {
    for (text, written) in [
        ("stomp://A", "stomp://a:61613"),
        ("failover:(stomp://a)", "stomp://a:61613"),
        ("ws://a/ws", "ws://a:80/ws"),
        ("failover:(ws://a)", "ws://a:80/"),
        (
            "stomp://a?randomize=false",
            "failover:(stomp://a:61613)?randomize=false",
        ),
        (
            "stomp://a,stomp://b",
            "failover:(stomp://a:61613,stomp://b:61613)",
        ),
        (
            "stomp://a?initialReconnectDelay=50",
            "failover:(stomp://a:61613)?initialReconnectDelay=50&jitter=none&reconnectDelayJitter=0",
        ),
        (
            "stomp://a?timeout=5&backOffMultiplier=2.50&priorityBackup=true&priorityURIs=stomp://u:p@a",
            "failover:(stomp://a:61613)?backOffMultiplier=2.5&priorityBackup=true&\
             priorityURIs=stomp://a:61613&timeout=5",
        ),
    ] {
        assert_eq!(uri(text).to_string(), written);
        assert_eq!(uri(written), uri(text));
    }
}

#[test]
fn brokers_make_a_uri() {
    let (a, b) = (broker("stomp://a"), broker("stomp://b"));
    assert_eq!(FailoverUri::from(a.clone()), uri("stomp://a"));
    assert_eq!(
        FailoverUri::try_from(vec![a, b]),
        Ok(uri("stomp://a,stomp://b"))
    );
    assert_eq!(FailoverUri::try_from(vec![]), Err(UriError::NoBroker));
}
