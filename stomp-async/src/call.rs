use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use stomp_session::engine::{Engine, OpId, Outcome, Sent, Wake};

use crate::Error;
use crate::shared::{Handle, Look};

/// Something that was asked of the engine, or will be: its place in the line, then the answer.
/// Dropping it says that nobody wants to know any more.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) handle: Arc<Handle>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    InLine(OpId),
    Asked(OpId),
    Over,
}

/// How a call ended. Without an outcome nothing more was waited for.
pub(crate) type Answer = Result<Option<Outcome>, Error>;

impl Call {
    /// A call of which the engine knows nothing yet.
    pub(crate) fn new(handle: Arc<Handle>) -> Self {
        let stage = Stage::New;
        Self { handle, stage }
    }

    /// A call that the engine works on already.
    pub(crate) fn asked(handle: Arc<Handle>, op: OpId) -> Self {
        let stage = Stage::Asked(op);
        Self { handle, stage }
    }

    /// Asks, by `ask`, as often as it needs to be asked, and waits for the answer.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut ask: impl FnMut(&mut Engine, Option<OpId>, Instant) -> Result<Sent, Error>,
    ) -> Poll<Answer> {
        assert!(self.stage != Stage::Over, "polled although it is over");
        let Self { handle, stage } = self;
        let answer = handle.shared.poll(cx, |engine, now| {
            let ask = |place| ask(engine, place, now);
            match stage.proceed(ask) {
                Ok(Some(op)) => match engine.outcome(op) {
                    Some(outcome) => Look::Found(outcome.map(Some)),
                    None => Look::Later(Wake::Operation(op)),
                },
                Ok(None) => match stage {
                    Stage::InLine(op) => Look::Later(Wake::Operation(*op)),
                    _ => Look::Found(Ok(None)),
                },
                Err(error) => Look::Found(Err(error)),
            }
        });
        if answer.is_ready() {
            *stage = Stage::Over;
        }
        answer
    }

    /// Waits for the answer to what was asked before.
    pub(crate) async fn answer(mut self) -> Answer {
        std::future::poll_fn(|cx| self.poll(cx, |_, _, _| Ok(Sent::Done))).await
    }
}

impl Stage {
    /// Goes on to being asked, if that is possible, and then returns what to ask the outcome of.
    fn proceed(
        &mut self,
        ask: impl FnOnce(Option<OpId>) -> Result<Sent, Error>,
    ) -> Result<Option<OpId>, Error> {
        let place = match *self {
            Self::Asked(op) => return Ok(Some(op)),
            Self::InLine(op) => Some(op),
            Self::New | Self::Over => None,
        };
        *self = Self::Over;
        *self = match ask(place)? {
            Sent::Done => Self::Over,
            Sent::Wait(op) => Self::InLine(op),
            Sent::Asked(op) => Self::Asked(op),
        };
        Ok(match *self {
            Self::Asked(op) => Some(op),
            _ => None,
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Stage::InLine(op) | Stage::Asked(op) = self.stage {
            let wake = Wake::Operation(op);
            let shared = &self.handle.shared;
            shared.leave(wake, |engine, now| engine.abandon(op, now));
        }
    }
}
