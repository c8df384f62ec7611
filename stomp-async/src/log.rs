//! What is logged, by `tracing`.

use stomp_session::engine::{Event, Level};
use tracing::{debug, error, info, warn};

/// Logs what happens to the connection: one line, without secrets.
pub(crate) fn event(event: &Event) {
    match event.level() {
        Level::Error => error!("{event}"),
        Level::Warn => warn!("{event}"),
        Level::Info => info!("{event}"),
        Level::Debug => debug!("{event}"),
    }
}
