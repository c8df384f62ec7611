use std::borrow::Cow;
use std::str::FromStr;

use super::FailoverUri;
use crate::broker::Broker;
use crate::error::{OptionError, UriError};
use crate::options::{Draft, Value, quotable};
use crate::percent;

impl FromStr for FailoverUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let Split { list, options } = split(text)?;
        let brokers = parse_brokers(list)?;
        let has_login = brokers.iter().any(|broker| broker.login().is_some());
        match read_options(options) {
            Err(_) if options.contains('@') && !has_login => Err(UriError::LoginAmongOptions),
            Err(error) => Err(error.into()),
            Ok((draft, nested)) => Ok(Self::assemble(brokers, draft, nested)),
        }
    }
}

impl FailoverUri {
    fn assemble(mut brokers: Vec<Broker>, draft: Draft, nested: Vec<(String, String)>) -> Self {
        for broker in &mut brokers {
            broker.set_nested(&nested);
        }
        Self {
            brokers,
            options: draft.finish(),
            nested,
        }
    }
}

/// The two parts of a failover URI.
struct Split<'a> {
    list: &'a str,
    options: &'a str,
}

fn split(text: &str) -> Result<Split<'_>, UriError> {
    let rest = match strip_scheme(text, "failover:") {
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
        None if is_plain_websocket(text) => {
            return Ok(Split {
                list: text,
                options: "",
            });
        }
        None => text,
    };
    let Some(rest) = rest.strip_prefix('(') else {
        let (list, options) = rest.split_once('?').unwrap_or((rest, ""));
        return match list.contains(['(', ')']) {
            true => Err(UriError::Parentheses),
            false => Ok(Split { list, options }),
        };
    };
    let (list, rest) = rest.split_once(')').ok_or(UriError::Parentheses)?;
    if list.contains('(') {
        return Err(UriError::Parentheses);
    }
    match rest.strip_prefix('?') {
        Some(options) => Ok(Split { list, options }),
        None if rest.is_empty() => Ok(Split { list, options: "" }),
        None if rest.starts_with(')') => Err(UriError::Parentheses),
        None => Err(UriError::AfterList),
    }
}

fn is_plain_websocket(text: &str) -> bool {
    ["ws:", "wss:"]
        .iter()
        .any(|scheme| strip_scheme(text, scheme).is_some())
}

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn parse_brokers(list: &str) -> Result<Vec<Broker>, UriError> {
    if list.is_empty() {
        return Err(UriError::NoBroker);
    }
    list.split(',')
        .enumerate()
        .map(|(index, uri)| {
            uri.parse().map_err(|source| UriError::Broker {
                position: index + 1,
                source,
            })
        })
        .collect()
}

type Nested = Vec<(String, String)>;

fn read_options(text: &str) -> Result<(Draft, Nested), OptionError> {
    let mut draft = Draft::default();
    let mut nested = Nested::new();
    for (name, value) in split_options(text)? {
        match name.strip_prefix("nested.") {
            Some(member) => nested.push((
                decode(name, member)?.into_owned(),
                decode(name, &value)?.into_owned(),
            )),
            // Brokers are decoded one by one, so that a `%2C` in one of them does not become a
            // separator.
            None if value.contains("://") => draft.set(name, Value::Text(value))?,
            None => draft.set(name, Value::Text(decode(name, &value)?))?,
        }
    }
    Ok((draft, nested))
}

/// Splits at `&` and `,`, but not at the commas within a list of URIs.
fn split_options(text: &str) -> Result<Vec<(&str, Cow<'_, str>)>, OptionError> {
    let mut options: Vec<(&str, Cow<'_, str>)> = Vec::new();
    for piece in text.split(['&', ',']).filter(|piece| !piece.is_empty()) {
        match (piece.split_once('='), options.last_mut()) {
            (split, Some((_, uris))) if uris.contains("://") && starts_as_uri(piece, split) => {
                uris.to_mut().push(',');
                uris.to_mut().push_str(piece);
            }
            (Some((name, value)), _) => options.push((name, Cow::Borrowed(value))),
            (None, _) => {
                return Err(OptionError::NoValue {
                    name: quotable(piece),
                });
            }
        }
    }
    Ok(options)
}

fn starts_as_uri(piece: &str, split: Option<(&str, &str)>) -> bool {
    split.map_or(piece, |(before, _)| before).contains("://")
}

fn decode<'a>(name: &str, value: &'a str) -> Result<Cow<'a, str>, OptionError> {
    if !value.contains('%') {
        return Ok(Cow::Borrowed(value));
    }
    percent::decode(value)
        .map(Cow::Owned)
        .map_err(|_| OptionError::Escape {
            name: quotable(name),
        })
}
