use std::fmt;
use std::sync::Arc;

use stomp_session::engine::{Error, Settle, Verdict};
use stomp_session::{AckToken, Settled};

use crate::shared::Shared;
use crate::sync::now;

/// What all handles of a client share: when it is dropped, nobody has one any more.
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Settle for Handle {
    fn settle(&self, verdict: Verdict, token: &AckToken) -> Result<Settled, Error> {
        self.shared
            .call(|engine| engine.settle(verdict, token, now()))
    }

    fn release(&self, token: &AckToken) {
        self.shared.call(|engine| engine.release(token, now()));
    }

    fn is_stale(&self, token: &AckToken) -> bool {
        self.shared.lock().engine.is_stale(token)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let shared = &self.shared;
        shared.call(|engine| engine.handle_abandoned(now()));
        // What was fired is still to go out. The engine ends it when its linger is over.
        shared.wait_for_end();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}
