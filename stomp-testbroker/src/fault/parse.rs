use std::str::FromStr;
use std::time::Duration;

use stomp_frame::Command;

use super::rule::{Rule, on};
use super::{Fault, any_received, any_sent};

/// The text is not a rule; says what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRule {
    /// There is not even a command and a fault.
    #[error("expected `COMMAND [DESTINATION] [#N] FAULT`, as in `SEND /queue/a #1 close`")]
    TooShort,
    /// The first word is no command.
    #[error("{0:?} is not a STOMP command, in capitals, nor `RECEIVED` or `SENT`, for all")]
    Command(String),
    /// The last word is no fault.
    #[error(
        "{0:?} is not a fault (expected drop, delay=MS, duplicate, slice=N, error=TEXT, \
         error-and-stay=TEXT, close, truncate=N, process-then-close, withhold-receipt, delay-receipt=MS, \
         stop-beating, black-hole, stop-reading or crash)"
    )]
    Fault(String),
    /// Something in the middle is neither a destination, nor `#N`, nor `NAME:VALUE`.
    #[error("{0:?} is neither a /destination, nor #N or #N+, nor a header NAME:VALUE")]
    Condition(String),
    /// Something follows the fault.
    #[error("the fault has to come last, and something follows {0:?}")]
    NotLast(String),
}

/// Reads a rule as the program takes it: `SEND /queue/a #2 process-then-close`. The text of
/// `error=TEXT` may have blanks.
///
/// ```
/// use stomp_testbroker::Rule;
///
/// let rule: Rule = "SEND /queue/a persistent:true #2 delay-receipt=500".parse()?;
/// assert_eq!(rule.to_string(), "SEND to /queue/a with persistent:true, number 2");
/// # Ok::<_, stomp_testbroker::BadRule>(())
/// ```
impl FromStr for Rule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        let (conditions, fault) = split_fault(text).ok_or(BadRule::TooShort)?;
        let mut words = conditions.split_whitespace();
        let command = words.next().ok_or(BadRule::TooShort)?;
        let mut rule = match command {
            "RECEIVED" => any_received(),
            "SENT" => any_sent(),
            name => on(name
                .parse::<Command>()
                .map_err(|_| BadRule::Command(name.to_owned()))?),
        };
        for word in words {
            rule = condition(rule, word).ok_or_else(|| match parse_fault(word) {
                Some(_) => BadRule::NotLast(word.to_owned()),
                None => BadRule::Condition(word.to_owned()),
            })?;
        }
        let fault = parse_fault(fault).ok_or_else(|| BadRule::Fault(fault.to_owned()))?;
        Ok(rule.then(fault))
    }
}

/// Cuts a rule in front of its fault: the last word, or all that follows `error=`.
fn split_fault(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let errors = [" error=", " error-and-stay="];
    let error = errors
        .into_iter()
        .filter_map(|error| text.find(error))
        .min();
    let at = error.or_else(|| text.rfind(char::is_whitespace))?;
    Some((&text[..at], text[at..].trim_start()))
}

fn condition(rule: Rule, word: &str) -> Option<Rule> {
    if let Some(number) = word.strip_prefix('#') {
        return Some(match number.strip_suffix('+') {
            Some(first) => rule.from_nth(first.parse().ok()?),
            None => rule.nth(number.parse().ok()?),
        });
    }
    if word.starts_with('/') {
        return Some(rule.to(word));
    }
    let (name, value) = word.split_once(':')?;
    Some(rule.header(name, value))
}

fn parse_fault(word: &str) -> Option<Fault> {
    let (name, argument) = match word.split_once('=') {
        Some((name, argument)) => (name, Some(argument)),
        None => (word, None),
    };
    let millis = || Some(Duration::from_millis(argument?.parse().ok()?));
    Some(match (name, argument) {
        ("delay", Some(_)) => Fault::Delay(millis()?),
        ("delay-receipt", Some(_)) => Fault::DelayReceipt(millis()?),
        ("slice", Some(octets)) => Fault::Slice(octets.parse().ok().filter(|n| *n > 0)?),
        ("error", Some(text)) => Fault::Error(text.to_owned()),
        ("error-and-stay", Some(text)) => Fault::ErrorAndStay(text.to_owned()),
        ("truncate", Some(octets)) => Fault::Truncate(octets.parse().ok()?),
        ("drop", None) => Fault::Drop,
        ("duplicate", None) => Fault::Duplicate,
        ("close", None) => Fault::Close,
        ("process-then-close", None) => Fault::ProcessThenClose,
        ("withhold-receipt", None) => Fault::WithholdReceipt,
        ("stop-beating", None) => Fault::StopBeating,
        ("black-hole", None) => Fault::BlackHole,
        ("stop-reading", None) => Fault::StopReading,
        ("crash", None) => Fault::Crash,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_word() {
        for (word, fault) in [
            ("drop", Fault::Drop),
            ("delay=5", Fault::Delay(Duration::from_millis(5))),
            ("duplicate", Fault::Duplicate),
            ("slice=1", Fault::Slice(1)),
            ("error=no", Fault::Error("no".into())),
            ("error-and-stay=no", Fault::ErrorAndStay("no".into())),
            ("error=queue is full", Fault::Error("queue is full".into())),
            ("close", Fault::Close),
            ("truncate=9", Fault::Truncate(9)),
            ("process-then-close", Fault::ProcessThenClose),
            ("withhold-receipt", Fault::WithholdReceipt),
            (
                "delay-receipt=7",
                Fault::DelayReceipt(Duration::from_millis(7)),
            ),
            ("stop-beating", Fault::StopBeating),
            ("black-hole", Fault::BlackHole),
            ("stop-reading", Fault::StopReading),
            ("crash", Fault::Crash),
        ] {
            let rule: Rule = format!("SEND {word}").parse().unwrap();
            assert_eq!(rule.fault, fault);
        }
    }

    #[test]
    fn nonsense_is_named() {
        let bad = |text: &str| text.parse::<Rule>().unwrap_err();
        assert_eq!(bad(""), BadRule::TooShort);
        assert_eq!(bad("SEND"), BadRule::TooShort);
        assert_eq!(bad("send close"), BadRule::Command("send".into()));
        assert_eq!(bad("SEND explode"), BadRule::Fault("explode".into()));
        assert_eq!(bad("SEND slice=0"), BadRule::Fault("slice=0".into()));
        assert_eq!(bad("SEND #x close"), BadRule::Condition("#x".into()));
        assert_eq!(bad("SEND what close"), BadRule::Condition("what".into()));
        assert_eq!(bad("SEND close /queue/a"), BadRule::NotLast("close".into()));
    }
}
