use thiserror::Error;

/// Why a failover URI was refused.
///
/// No message quotes what could be part of a login or passcode; brokers are named by their place in
/// the list, from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UriError {
    /// There is no broker in the URI.
    #[error("the URI names no broker")]
    NoBroker,
    /// The list opens with `(` and has no `)`, or the other way round, or has parentheses inside
    /// parentheses.
    #[error("the parentheses do not match: write `failover:(uri1,uri2)?option=value`")]
    Parentheses,
    /// Something other than `?options` follows the list.
    #[error("only `?` and options may follow `)`")]
    AfterList,
    /// One of the brokers is not well-formed.
    #[error("broker {position}: {source}")]
    Broker {
        /// The place of the broker in the list, from 1.
        position: usize,
        /// What is wrong with it.
        source: BrokerError,
    },
    /// One of the options is unknown or has an impossible value.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// An `@` among the options, although no broker has a login: most likely a `?` in a passcode.
    #[error("`@` among the options: a `?` in a login or passcode must be written `%3F`")]
    LoginAmongOptions,
}

/// Why the URI of one broker was refused.
///
/// No message quotes what could be part of a login or passcode.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// There is nothing between two commas.
    #[error("is empty")]
    Empty,
    /// A space or control character.
    #[error(
        "blanks and control characters are not allowed: remove them, or write `%20` and the like"
    )]
    Blank,
    /// One of the characters that structure a list of brokers.
    #[error("`,`, `(` and `)` within a broker must be written `%2C`, `%28` and `%29`")]
    ListMark,
    /// The text does not start with a scheme.
    #[error("has no scheme: write `stomp://host` or `stomp+tls://host`")]
    NoScheme,
    /// The scheme is none of ours.
    #[error("unknown scheme `{scheme}`: use stomp, tcp, stomp+tls, stomp+ssl, tls, ssl, ws or wss")]
    UnknownScheme {
        /// The scheme found.
        scheme: String,
    },
    /// A `failover:` within a `failover:`.
    #[error("a failover URI cannot hold another one")]
    Nested,
    /// No `//` after the scheme.
    #[error("`//` is missing after `{scheme}:`")]
    NoSlashes {
        /// The scheme found.
        scheme: String,
    },
    /// There is no host.
    #[error("the host is missing")]
    NoHost,
    /// The host consists of digits: it must be a port whose host was forgotten.
    #[error("the host is a mere number: is it a port without a host?")]
    NumericHost,
    /// The host is no name and no address.
    #[error("the host is not a valid name or address")]
    InvalidHost,
    /// An IPv6 address without brackets: where it ends and the port starts is anyone's guess.
    #[error("an IPv6 address must be written in brackets, as in `[::1]:61613`")]
    NoBrackets,
    /// A `:` without a port behind it.
    #[error("the port is missing after `:`")]
    NoPort,
    /// The port is out of range, or no number.
    #[error("the port is not a number from 1 to 65535")]
    InvalidPort,
    /// A path where there can be none.
    #[error("only ws and wss can have a path")]
    UnexpectedPath,
    /// A `\\`.
    #[error("`\\` must be written `%5C`")]
    Backslash,
    /// An `@` behind a `/` or `?`: most likely a login or passcode that was not percent-encoded.
    #[error(
        "`@` after `/` or `?`: in a login or passcode write `%2F` and `%3F` for those, else `%40` for it"
    )]
    LateAt,
    /// A `#`.
    #[error("`#` has no meaning here: within a login or passcode write `%23`")]
    Fragment,
    /// A `%` that is not followed by two hexadecimal digits.
    #[error("`%` must be followed by two hexadecimal digits: for a `%` write `%25`")]
    Escape,
    /// A percent-encoded text that is not UTF-8.
    #[error("the percent-encoded bytes are not UTF-8")]
    NotUtf8,
}

/// Why an option was refused. The value is never quoted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OptionError {
    /// There is no such option.
    #[error("unknown option `{name}`{}", did_you_mean(*suggestion))]
    Unknown {
        /// The name found; characters that occur in no option are replaced.
        name: String,
        /// The option that was probably meant.
        suggestion: Option<&'static str>,
    },
    /// An option without `=`.
    #[error("option `{name}` has no value: write `{name}=…`")]
    NoValue {
        /// The option, as far as it is known.
        name: String,
    },
    /// The value is of the wrong kind or out of range.
    #[error("option `{name}` must be {expected}")]
    Invalid {
        /// The option.
        name: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// A URI in `priorityURIs` is not well-formed.
    #[error("option `priorityURIs`, broker {position}: {source}")]
    Priority {
        /// The place of the broker in the option's list, from 1.
        position: usize,
        /// What is wrong with it.
        source: BrokerError,
    },
    /// The value holds a `%` that is not followed by two hexadecimal digits, or bytes that are not
    /// UTF-8.
    #[error("option `{name}` is not percent-encoded UTF-8: for a `%` write `%25`")]
    Escape {
        /// The option, as far as it is known.
        name: String,
    },
}

fn did_you_mean(suggestion: Option<&'static str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
