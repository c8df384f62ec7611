use std::str::FromStr;

use url::{Host, ParseError, Url};

use super::{Broker, Scheme};
use crate::error::BrokerError;
use crate::percent::{self, Undecodable};

impl FromStr for Broker {
    type Err = BrokerError;

    fn from_str(text: &str) -> Result<Self, BrokerError> {
        refuse_marks(text)?;
        let (scheme, rest) = split_scheme(text)?;
        check_authority(rest)?;
        let url = Url::parse(&format!("{scheme}://{rest}")).map_err(from_url_error)?;
        let mut broker = Self::new(scheme, host(&url)?, port(&url, scheme)?);
        (broker.login, broker.passcode) = credentials(&url)?;
        if scheme.is_websocket() {
            url.path().clone_into(&mut broker.path);
            broker.query = url.query().map(str::to_owned);
        } else if matches!(url.path(), "" | "/") {
            broker.own = url.query().map_or_else(|| Ok(Vec::new()), own_options)?;
        } else {
            return Err(BrokerError::UnexpectedPath);
        }
        Ok(broker)
    }
}

/// Refuses what `url` would silently remove (blanks), drop (a fragment), or what cannot stand in a
/// list.
fn refuse_marks(text: &str) -> Result<(), BrokerError> {
    if text.is_empty() {
        return Err(BrokerError::Empty);
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(BrokerError::Blank);
    }
    if text.contains([',', '(', ')']) {
        return Err(BrokerError::ListMark);
    }
    if text.contains('#') {
        return Err(BrokerError::Fragment);
    }
    if text.contains('\\') {
        return Err(BrokerError::Backslash);
    }
    Ok(())
}

/// Splits at `://`.
fn split_scheme(text: &str) -> Result<(Scheme, &str), BrokerError> {
    let (name, rest) = text.split_once(':').ok_or(BrokerError::NoScheme)?;
    if name.eq_ignore_ascii_case("failover") {
        return Err(BrokerError::Nested);
    }
    match (Scheme::find(name), rest.strip_prefix("//")) {
        (Some(scheme), Some(rest)) => Ok((scheme, rest)),
        (Some(scheme), None) => Err(BrokerError::NoSlashes {
            scheme: scheme.to_string(),
        }),
        (None, Some(_)) if is_scheme(name) => Err(BrokerError::UnknownScheme {
            scheme: name.to_owned(),
        }),
        // `host:61613` and `login:passcode@host` look as if they had a scheme, and must not be quoted.
        (None, _) => Err(BrokerError::NoScheme),
    }
}

/// Tells whether a text has the form of a scheme (RFC 3986, section 3.1), of a length worth
/// quoting.
fn is_scheme(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Refuses what `url` would forgive (no host, no port after `:`) or not explain, and what looks
/// like the end of a passcode in path or query, where it would be taken for something that may be
/// shown.
fn check_authority(rest: &str) -> Result<(), BrokerError> {
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if tail.contains('@') {
        return Err(BrokerError::LateAt);
    }
    let address = authority
        .rsplit_once('@')
        .map_or(authority, |(_, address)| address);
    if address.is_empty() || address == ":" {
        return Err(BrokerError::NoHost);
    }
    if address.matches(':').count() > 1
        && address.chars().all(|c| c.is_ascii_hexdigit() || c == ':')
    {
        return Err(BrokerError::NoBrackets);
    }
    if address.ends_with(':') {
        return Err(BrokerError::NoPort);
    }
    Ok(())
}

fn from_url_error(error: ParseError) -> BrokerError {
    match error {
        ParseError::EmptyHost => BrokerError::NoHost,
        ParseError::InvalidPort => BrokerError::InvalidPort,
        _ => BrokerError::InvalidHost,
    }
}

fn host(url: &Url) -> Result<String, BrokerError> {
    let host = match url.host().ok_or(BrokerError::NoHost)? {
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => return Ok(address.to_string()),
        // Schemes `url` does not know leave the host percent-encoded; an international name becomes
        // ASCII as in `ws`.
        Host::Domain(name) if name.contains('%') => {
            let name = percent::decode(name).map_err(|_| BrokerError::InvalidHost)?;
            Host::parse(&name).map_err(from_url_error)?.to_string()
        }
        Host::Domain(name) => name.to_ascii_lowercase(),
    };
    if host.is_empty() {
        return Err(BrokerError::NoHost);
    }
    if host.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BrokerError::NumericHost);
    }
    // `url` lets pass more, and IDNA even makes parentheses of `㈀`.
    if !host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    {
        return Err(BrokerError::InvalidHost);
    }
    Ok(host)
}

fn port(url: &Url, scheme: Scheme) -> Result<u16, BrokerError> {
    match url.port() {
        Some(0) => Err(BrokerError::InvalidPort),
        port => Ok(port.unwrap_or(scheme.default_port())),
    }
}

fn credentials(url: &Url) -> Result<(Option<String>, Option<String>), BrokerError> {
    let passcode = url.password().map(decode).transpose()?;
    let login = match url.username() {
        "" if passcode.is_none() => None,
        login => Some(decode(login)?),
    };
    Ok((login, passcode))
}

fn own_options(query: &str) -> Result<Vec<(String, String)>, BrokerError> {
    let options = query.split('&').filter(|option| !option.is_empty());
    options
        .map(|option| {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, BrokerError> {
    percent::decode(text).map_err(|why| match why {
        Undecodable::Escape => BrokerError::Escape,
        Undecodable::Utf8 => BrokerError::NotUtf8,
    })
}
