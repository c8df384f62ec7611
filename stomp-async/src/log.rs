//! What is logged, by `tracing`.

use stomp_session::engine::Event;
use tracing::{debug, error, info, warn};

/// Logs what happens to the connection: one line, without secrets.
pub(crate) fn event(event: &Event) {
    match event {
        Event::Connected { .. } | Event::Replayed => info!("{event}"),
        Event::Disconnected { reason } if reason.is_orderly() => info!("{event}"),
        Event::Disconnected { .. }
        | Event::SubscriptionRefused { .. }
        | Event::FiredLost { .. }
        | Event::ReadingStopped { .. }
        | Event::ServerError { .. } => warn!("{event}"),
        Event::StaleDropped { .. } | Event::SubscribeUnanswered { .. } => info!("{event}"),
        Event::GaveUp { .. } => error!("{event}"),
        _ => debug!("{event}"),
    }
}
