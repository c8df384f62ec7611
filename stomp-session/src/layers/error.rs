use std::io;

#[cfg(feature = "tls")]
use crate::TlsError;
use crate::TransportError;

/// TLS or WebSocket could not be set up, or the other side broke them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// The scheme demands TLS.
    #[error("TLS is not built in (feature `tls`)")]
    NoTls,
    /// The scheme demands WebSocket.
    #[error("WebSocket is not built in (feature `websocket`)")]
    NoWebSocket,
    /// The scheme demands TLS, and [`LayerConfig`](super::LayerConfig) has none.
    #[error("TLS is not set up")]
    TlsNotSetUp,
    /// The name of the server cannot be one.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The host or the path of the URI cannot stand in an HTTP request.
    #[error("no WebSocket can be asked for at {0}")]
    WebSocketUri(String),
    /// What came first is no TLS.
    #[error("the other side does not speak TLS")]
    NotTls,
    /// The transport ended instead of an answer in TLS.
    #[error("the connection was closed without an answer in TLS: does the other side speak it?")]
    NoAnswerInTls,
    /// TLS failed: a certificate that is not believed, an alert, broken records.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
    /// The transport ended before everything was open.
    #[error("the connection was closed during the handshake")]
    EndedEarly,
    /// What came first is no HTTP, so no answer to the wish for a WebSocket.
    #[error("the other side does not speak WebSocket")]
    NotWebSocket,
    /// The server answered the wish for a WebSocket by something else.
    #[error("the upgrade was refused with {status}{}", hint(*status))]
    Refused {
        /// The status of HTTP.
        status: u16,
    },
    /// The server answered the wish for a WebSocket, but not as RFC 6455 demands.
    #[error("the upgrade failed: {0}")]
    Upgrade(&'static str),
    /// The server broke the WebSocket protocol.
    #[error("the server broke the WebSocket protocol: {0}")]
    WebSocket(&'static str),
    /// Nothing can be written yet, or any more.
    #[error("the connection is not open")]
    NotOpen,
}

/// What most often lies behind a status.
fn hint(status: u16) -> &'static str {
    match status {
        400 => ": is this a SockJS endpoint? Its raw path is …/websocket",
        401 | 403 => ": is a header or cookie missing?",
        404 => ": is the path right?",
        _ => "",
    }
}

impl From<LayerError> for io::Error {
    fn from(error: LayerError) -> Self {
        let kind = match &error {
            LayerError::NoTls | LayerError::NoWebSocket => io::ErrorKind::Unsupported,
            LayerError::TlsNotSetUp | LayerError::WebSocketUri(_) => io::ErrorKind::InvalidInput,
            #[cfg(feature = "tls")]
            LayerError::Tls(_) => io::ErrorKind::InvalidInput,
            // Not `UnexpectedEof`, which counts as an end like any other once a link is open.
            LayerError::NoAnswerInTls | LayerError::EndedEarly => io::ErrorKind::ConnectionAborted,
            LayerError::Refused { .. } => io::ErrorKind::ConnectionRefused,
            LayerError::NotOpen => io::ErrorKind::NotConnected,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

impl From<&LayerError> for TransportError {
    fn from(error: &LayerError) -> Self {
        Self::from(&io::Error::from(error.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_tells_what_is_to_be_done_and_the_text_stays() {
        let refused = LayerError::Refused { status: 403 };
        let text = "the upgrade was refused with 403: is a header or cookie missing?";
        assert_eq!(TransportError::from(&refused).to_string(), text);
        let error = io::Error::from(refused);
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string(), text);
        let early = io::Error::from(LayerError::EndedEarly);
        assert_eq!(early.kind(), io::ErrorKind::ConnectionAborted);
    }
}
