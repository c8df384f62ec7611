//! How a WebSocket is asked for, over HTTP (RFC 6455, 4).

use stomp_failover::Broker;
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::{Response, generate_request};
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::machine::TryParse;
use tungstenite::http::HeaderValue;

use super::end::shown;
use super::{LayerError, WebSocketOptions};

/// The subprotocols of STOMP, the best first.
const PROTOCOLS: HeaderValue = HeaderValue::from_static("v12.stomp, v11.stomp, v10.stomp");

/// How long the head of an answer may be, in octets.
const LONGEST: usize = 16 << 10;

/// What an answer begins with.
const HTTP: &[u8] = b"HTTP/1.";

pub(super) struct Upgrade {
    /// Taken when it is sent.
    request: Option<Vec<u8>>,
    /// What proves that the answer is one to our request.
    accept: String,
    any_subprotocol: bool,
    /// The head of the answer, as far as it came.
    head: Vec<u8>,
}

impl Upgrade {
    /// Asks for a WebSocket on the path of the broker's URI.
    pub(super) fn new(broker: &Broker, options: WebSocketOptions) -> Result<Self, LayerError> {
        let host = match broker.host() {
            ip if ip.contains(':') => format!("[{ip}]"),
            name => name.to_owned(),
        };
        let resource = broker.resource_name().unwrap_or_default();
        // The scheme is for the reader; TLS is a matter of what is below.
        let uri = format!("ws://{host}:{}{resource}", broker.port());
        let request = uri.as_str().into_client_request().and_then(|mut request| {
            let headers = request.headers_mut();
            headers.insert("sec-websocket-protocol", PROTOCOLS);
            generate_request(request)
        });
        let Ok((request, key)) = request else {
            return Err(LayerError::WebSocketUri(shown(&broker.to_string())));
        };
        Ok(Self {
            request: Some(request),
            accept: derive_accept_key(key.as_bytes()),
            any_subprotocol: options.any_subprotocol,
            head: Vec::new(),
        })
    }

    /// What is to be sent, the first time.
    pub(super) fn request(&mut self) -> Option<Vec<u8>> {
        self.request.take()
    }

    /// Takes octets of the answer, none of what follows it. Says how many, and whether that was all.
    pub(super) fn take(&mut self, octets: &[u8]) -> Result<(usize, bool), LayerError> {
        for (before, &octet) in octets.iter().enumerate() {
            if HTTP.get(self.head.len()).is_some_and(|&want| want != octet) {
                return Err(LayerError::NotWebSocket);
            }
            self.head.push(octet);
            if self.head.ends_with(b"\n\r\n") || self.head.ends_with(b"\n\n") {
                self.verify()?;
                return Ok((before + 1, true));
            }
            if self.head.len() == LONGEST {
                return Err(LayerError::Upgrade("the head of the answer is too long"));
            }
        }
        Ok((octets.len(), false))
    }

    /// Checks what 4.1 demands.
    fn verify(&self) -> Result<(), LayerError> {
        let Ok(Some((_, response))) = Response::try_parse(&self.head) else {
            return Err(LayerError::Upgrade("the answer cannot be read"));
        };
        let status = response.status().as_u16();
        if status != 101 {
            return Err(LayerError::Refused { status });
        }
        let headers = response.headers();
        let has = |name: &str, word: &str| {
            let values = headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok());
            let mut words = values.flat_map(|value| value.split(','));
            words.any(|other| other.trim().eq_ignore_ascii_case(word))
        };
        if !has("upgrade", "websocket") || !has("connection", "upgrade") {
            return Err(LayerError::Upgrade("the answer names another protocol"));
        }
        if headers
            .get("sec-websocket-accept")
            .is_none_or(|key| key != &self.accept)
        {
            return Err(LayerError::Upgrade("the answer is to somebody else's key"));
        }
        if headers.contains_key("sec-websocket-extensions") {
            return Err(LayerError::Upgrade(
                "the answer has an extension that nobody asked for",
            ));
        }
        match headers.get("sec-websocket-protocol") {
            Some(protocol)
                if ["v12.stomp", "v11.stomp", "v10.stomp"]
                    .iter()
                    .any(|ours| protocol == ours) =>
            {
                Ok(())
            }
            Some(_) => Err(LayerError::Upgrade(
                "the answer has a subprotocol that is not STOMP",
            )),
            None if self.any_subprotocol => Ok(()),
            None => Err(LayerError::Upgrade("the answer has no subprotocol")),
        }
    }
}
