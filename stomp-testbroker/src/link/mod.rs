mod blocking;
mod endpoint;
mod listener;
mod memory;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "websocket")]
mod websocket;

pub use blocking::MemoryStream;
pub use memory::{AsyncMemoryStream, Connector};
#[cfg(feature = "tls")]
pub use tls::Certificate;

pub(crate) use endpoint::Transport;
pub(crate) use listener::{Endpoint, Listener};
pub(crate) use memory::now;
#[cfg(feature = "tls")]
pub(crate) use tls::Authority;
