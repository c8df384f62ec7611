use std::fmt;

use crate::TransportError;

/// What a server said when it closed a WebSocket (RFC 6455, 5.5.1).
///
/// ActiveMQ, Tomcat and others say here, and nowhere else, that a message was too large.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebSocketClose {
    /// The code: 1000 for a normal end, 1009 where a message was too large, and so on (RFC 6455,
    /// 7.4.1). `None` if there was none.
    pub code: Option<u16>,
    /// The reason, in one line: empty if there was none.
    pub reason: String,
}

/// How long a reason may be, in characters. RFC 6455 allows for 123 octets, some of which may have
/// to be made visible.
#[cfg(feature = "websocket")]
const LONGEST: usize = 120;

impl WebSocketClose {
    /// Reads the payload of a Close frame. `None` where it holds half a code.
    #[cfg(feature = "websocket")]
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let (code, reason) = match payload {
            [] => (None, &[][..]),
            [_] => return None,
            [high, low, reason @ ..] => (Some(u16::from_be_bytes([*high, *low])), reason),
        };
        Some(Self {
            code,
            reason: shown(&String::from_utf8_lossy(reason)),
        })
    }
}

/// Makes one line of a text that somebody else wrote.
#[cfg(feature = "websocket")]
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.trim().chars() {
        match character.is_control() {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    if let Some((cut, _)) = shown.char_indices().nth(LONGEST) {
        shown.truncate(cut);
        shown.push('…');
    }
    shown
}

impl fmt::Display for WebSocketClose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server closed the WebSocket")?;
        if let Some(code) = self.code {
            write!(f, " with {code}")?;
        }
        match self.reason.as_str() {
            "" => Ok(()),
            reason => write!(f, ": {reason}"),
        }
    }
}

impl From<&WebSocketClose> for TransportError {
    fn from(close: &WebSocketClose) -> Self {
        Self::from(&std::io::Error::other(close.to_string()))
    }
}
