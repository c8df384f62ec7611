mod peer;
mod plain;
#[cfg(feature = "tls")]
mod secure;
#[cfg(feature = "websocket")]
mod websocket;
