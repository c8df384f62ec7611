mod blocking;
mod listener;
mod memory;
mod stream;

pub use blocking::MemoryStream;
pub use memory::{AsyncMemoryStream, Connector};

pub(crate) use listener::Listener;
pub(crate) use memory::now;
