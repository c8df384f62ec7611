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
        refuse_empty_port(rest)?;
        let url = Url::parse(&format!("{scheme}:{rest}")).map_err(from_url_error)?;
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

/// Refuses what `url` would silently remove (blanks), drop (a fragment), or what cannot stand in a list.
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
    Ok(())
}

/// Splits off the scheme; what remains starts with `//`.
fn split_scheme(text: &str) -> Result<(Scheme, &str), BrokerError> {
    let (name, rest) = text.split_once(':').ok_or(BrokerError::NoScheme)?;
    if name.eq_ignore_ascii_case("failover") {
        return Err(BrokerError::Nested);
    }
    let has_slashes = rest.starts_with("//");
    match Scheme::find(name) {
        Some(scheme) if has_slashes => Ok((scheme, rest)),
        Some(scheme) => Err(BrokerError::NoSlashes {
            scheme: scheme.to_string(),
        }),
        // `host:61613` and `login:passcode@host` look as if they had a scheme; only `//` makes it one worth quoting.
        None if has_slashes && is_scheme(name) => Err(BrokerError::UnknownScheme {
            scheme: name.to_owned(),
        }),
        None => Err(BrokerError::NoScheme),
    }
}

/// Tells whether a text has the form of a scheme (RFC 3986, section 3.1), of a length worth quoting.
fn is_scheme(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Refuses `host:`, which `url` takes as the default port.
fn refuse_empty_port(rest: &str) -> Result<(), BrokerError> {
    let authority = rest[2..].split(['/', '?']).next().unwrap_or_default();
    match authority.strip_suffix(':') {
        Some("") => Err(BrokerError::NoHost),
        Some(host) if host.ends_with('@') => Err(BrokerError::NoHost),
        Some(_) => Err(BrokerError::NoPort),
        None => Ok(()),
    }
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
        Host::Ipv6(address) => address.to_string(),
        // Schemes `url` does not know leave the host percent-encoded; an international name becomes ASCII as in `ws`.
        Host::Domain(name) if name.contains('%') => {
            let name = percent::decode(name).map_err(|_| BrokerError::InvalidHost)?;
            Host::parse(&name).map_err(from_url_error)?.to_string()
        }
        Host::Domain(name) => name.to_ascii_lowercase(),
    };
    match host {
        empty if empty.is_empty() => Err(BrokerError::NoHost),
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => Err(BrokerError::NumericHost),
        host => Ok(host),
    }
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
