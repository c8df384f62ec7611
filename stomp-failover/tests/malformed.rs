//! Malformed URIs, each with the message a user sees.

use stomp_failover::FailoverUri;

const CASES: &[(&str, &str)] = &[
    // The list.
    ("", "the URI names no broker"),
    ("failover:", "the URI names no broker"),
    ("failover://", "the URI names no broker"),
    ("failover:()", "the URI names no broker"),
    ("?randomize=false", "the URI names no broker"),
    (
        "failover:(tcp://a,tcp://b",
        "the parentheses do not match: write `failover:(uri1,uri2)?option=value`",
    ),
    (
        "failover:tcp://a,tcp://b)",
        "the parentheses do not match: write `failover:(uri1,uri2)?option=value`",
    ),
    (
        "failover:(tcp://a))",
        "the parentheses do not match: write `failover:(uri1,uri2)?option=value`",
    ),
    (
        "failover:((tcp://a),tcp://b)",
        "the parentheses do not match: write `failover:(uri1,uri2)?option=value`",
    ),
    (
        "failover:(tcp://a)randomize=false",
        "only `?` and options may follow `)`",
    ),
    (
        "failover:(tcp://a)&randomize=false",
        "only `?` and options may follow `)`",
    ),
    ("failover:(tcp://a,)", "broker 2: is empty"),
    ("failover:(,tcp://a)", "broker 1: is empty"),
    (
        "failover:(tcp://a, tcp://b)",
        "broker 2: blanks and control characters are not allowed: remove them, or write `%20` and \
         the like",
    ),
    (
        "tcp://a\n",
        "broker 1: blanks and control characters are not allowed: remove them, or write `%20` and \
         the like",
    ),
    (
        "failover:failover:tcp://a",
        "broker 1: a failover URI cannot hold another one",
    ),
    (
        "tcp://a,failover:tcp://b",
        "broker 2: a failover URI cannot hold another one",
    ),
    (
        "ws://a/queue(1)",
        "broker 1: `,`, `(` and `)` within a broker must be written `%2C`, `%28` and `%29`",
    ),
    // The scheme.
    (
        "localhost",
        "broker 1: has no scheme: write `stomp://host` or `stomp+tls://host`",
    ),
    (
        "localhost:61613",
        "broker 1: has no scheme: write `stomp://host` or `stomp+tls://host`",
    ),
    (
        "//localhost",
        "broker 1: has no scheme: write `stomp://host` or `stomp+tls://host`",
    ),
    (
        "://localhost",
        "broker 1: has no scheme: write `stomp://host` or `stomp+tls://host`",
    ),
    (
        "guest:guest@localhost",
        "broker 1: has no scheme: write `stomp://host` or `stomp+tls://host`",
    ),
    (
        "amqp://localhost",
        "broker 1: unknown scheme `amqp`: use stomp, tcp, stomp+tls, stomp+ssl, tls, ssl, ws or wss",
    ),
    (
        "tcp:localhost:61613",
        "broker 1: `//` is missing after `tcp:`",
    ),
    (
        "STOMP+SSL:/localhost",
        "broker 1: `//` is missing after `stomp+ssl:`",
    ),
    ("ws:localhost", "broker 1: `//` is missing after `ws:`"),
    // Host and port.
    ("tcp://", "broker 1: the host is missing"),
    ("tcp://:61613", "broker 1: the host is missing"),
    ("tcp://guest:guest@", "broker 1: the host is missing"),
    ("tcp://guest:guest@:61613", "broker 1: the host is missing"),
    ("ws:///ws", "broker 1: the host is missing"),
    (
        "tcp://61613",
        "broker 1: the host is a mere number: is it a port without a host?",
    ),
    (
        "tcp://a<b",
        "broker 1: the host is not a valid name or address",
    ),
    (
        "tcp://㈀a",
        "broker 1: the host is not a valid name or address",
    ),
    (
        "tcp://a*b",
        "broker 1: the host is not a valid name or address",
    ),
    (
        "tcp://a%20b",
        "broker 1: the host is not a valid name or address",
    ),
    (
        "tcp://::1:61613",
        "broker 1: an IPv6 address must be written in brackets, as in `[::1]:61613`",
    ),
    (
        "tcp://[::1",
        "broker 1: the host is not a valid name or address",
    ),
    (
        "tcp://[::g]:61613",
        "broker 1: the host is not a valid name or address",
    ),
    (
        "ws://1.2.3.456/",
        "broker 1: the host is not a valid name or address",
    ),
    (
        "tcp://localhost:",
        "broker 1: the port is missing after `:`",
    ),
    (
        "ws://localhost:/ws",
        "broker 1: the port is missing after `:`",
    ),
    (
        "tcp://localhost:a",
        "broker 1: the port is not a number from 1 to 65535",
    ),
    (
        "tcp://localhost:0",
        "broker 1: the port is not a number from 1 to 65535",
    ),
    (
        "tcp://localhost:65536",
        "broker 1: the port is not a number from 1 to 65535",
    ),
    (
        "tcp://localhost:-1",
        "broker 1: the port is not a number from 1 to 65535",
    ),
    // The rest of a broker.
    (
        "tcp://localhost/queue",
        "broker 1: only ws and wss can have a path",
    ),
    (
        "ws://localhost/#top",
        "broker 1: `#` has no meaning here: within a login or passcode write `%23`",
    ),
    ("tcp://a\\b", "broker 1: `\\` must be written `%5C`"),
    // Logins and passcodes that were not percent-encoded. None of it is quoted.
    (
        "tcp://u:p,w@a",
        "broker 1: the port is not a number from 1 to 65535",
    ),
    (
        "tcp://u:p/w@a",
        "broker 1: `@` after `/` or `?`: in a login or passcode write `%2F` and `%3F` for those, else `%40` for it",
    ),
    (
        "ws://u:1?w@a",
        "broker 1: `@` after `/` or `?`: in a login or passcode write `%2F` and `%3F` for those, else `%40` for it",
    ),
    (
        "tcp://u:1?w@a",
        "`@` among the options: a `?` in a login or passcode must be written `%3F`",
    ),
    (
        "tcp://u:p#w@a",
        "broker 1: `#` has no meaning here: within a login or passcode write `%23`",
    ),
    (
        "tcp://u:p%w@a",
        "broker 1: `%` must be followed by two hexadecimal digits: for a `%` write `%25`",
    ),
    (
        "tcp://u%ff:p@a",
        "broker 1: the percent-encoded bytes are not UTF-8",
    ),
    (
        "failover:(tcp://a?x=%4)",
        "broker 1: `%` must be followed by two hexadecimal digits: for a `%` write `%25`",
    ),
    // The options.
    (
        "tcp://a?randomise=false",
        "unknown option `randomise`; did you mean `randomize`?",
    ),
    (
        "tcp://a?maxReconectAtempts=3",
        "unknown option `maxReconectAtempts`; did you mean `maxReconnectAttempts`?",
    ),
    (
        "tcp://a?backoffmultiplier=2",
        "unknown option `backoffmultiplier`; did you mean `backOffMultiplier`?",
    ),
    ("tcp://a?Nested.x=2", "unknown option `Nested.x`"),
    ("tcp://a?colour=red", "unknown option `colour`"),
    ("tcp://a??=False", "unknown option `?`"),
    ("tcp://a?p%40ss/w=x", "unknown option `p?40ss?w`"),
    (
        "tcp://a?randomize",
        "option `randomize` has no value: write `randomize=…`",
    ),
    (
        "tcp://a?randomize=1",
        "option `randomize` must be `true` or `false`",
    ),
    (
        "tcp://a?priorityBackup=True",
        "option `priorityBackup` must be `true` or `false`",
    ),
    (
        "tcp://a?trackMessages=",
        "option `trackMessages` must be `true` or `false`",
    ),
    (
        "tcp://a?maxReconnectDelay=1s",
        "option `maxReconnectDelay` must be a whole number of milliseconds, 0 or more",
    ),
    (
        "tcp://a?initialReconnectDelay=-1",
        "option `initialReconnectDelay` must be a whole number of milliseconds, 0 or more",
    ),
    (
        "tcp://a?reconnectDelayJitter=0.2",
        "option `reconnectDelayJitter` must be a whole number of milliseconds, 0 or more",
    ),
    (
        "tcp://a?stableAfter=",
        "option `stableAfter` must be a whole number of milliseconds, 0 or more",
    ),
    (
        "tcp://a?timeout=-2",
        "option `timeout` must be a whole number of milliseconds, or -1 for none",
    ),
    (
        "tcp://a?maxReconnectAttempts=-2",
        "option `maxReconnectAttempts` must be a whole number, 0 or more, or -1 for no limit",
    ),
    (
        "tcp://a?startupMaxReconnectAttempts=4294967296",
        "option `startupMaxReconnectAttempts` must be a whole number, 0 or more, or -1 for no limit",
    ),
    (
        "tcp://a?warnAfterReconnectAttempts=+1",
        "option `warnAfterReconnectAttempts` must be a whole number, 0 or more, or -1 for no limit",
    ),
    (
        "tcp://a?maxCacheSize=-1",
        "option `maxCacheSize` must be a whole number of bytes, 0 or more",
    ),
    (
        "tcp://a?backOffMultiplier=0.5",
        "option `backOffMultiplier` must be a number of at least 1",
    ),
    (
        "tcp://a?reconnectDelayExponent=inf",
        "option `backOffMultiplier` must be a number of at least 1",
    ),
    (
        "tcp://a?jitter=0.2",
        "option `jitter` must be `full` or `none`",
    ),
    (
        "tcp://a?countBy=server",
        "option `countBy` must be `round` or `broker`",
    ),
    (
        "tcp://a?priorityURIs=",
        "option `priorityURIs`, broker 1: is empty",
    ),
    (
        "tcp://a?priorityURIs=tcp://a,tcp://",
        "option `priorityURIs`, broker 2: the host is missing",
    ),
    (
        "tcp://a?countBy=%zz",
        "option `countBy` is not percent-encoded UTF-8: for a `%` write `%25`",
    ),
    (
        "tcp://a?nested.x=%ff",
        "option `nested.x` is not percent-encoded UTF-8: for a `%` write `%25`",
    ),
];

#[test]
fn every_malformed_uri_says_what_is_wrong() {
    let mut wrong = String::new();
    for (uri, expected) in CASES {
        let said = match uri.parse::<FailoverUri>() {
            Ok(parsed) => format!("nothing, it was read as {parsed}"),
            Err(error) => error.to_string(),
        };
        if said != *expected {
            wrong.push_str(&format!(
                "{uri:?}\n  expected: {expected}\n  said:     {said}\n"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
