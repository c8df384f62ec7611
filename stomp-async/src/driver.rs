//! The task behind a client: one link after another, and the desk in between.

use stomp_commands::Disconnect;
use stomp_session::CloseReason;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::timeout;

use crate::call::{Call, Reply};
use crate::desk::Desk;
use crate::dialer::Dialer;
use crate::handle::Handle;
use crate::link::{Link, now};
use crate::{Cause, Error, Event};

pub(crate) struct Driver {
    dialer: Dialer,
    calls: mpsc::UnboundedReceiver<Call>,
    desk: Desk,
    events: broadcast::Sender<Event>,
    end: watch::Sender<Option<Cause>>,
}

impl Driver {
    pub(crate) fn new(
        dialer: Dialer,
        calls: mpsc::UnboundedReceiver<Call>,
        handle: &Handle,
        events: broadcast::Sender<Event>,
        end: watch::Sender<Option<Cause>>,
    ) -> Self {
        let desk = Desk::new(handle, events.clone());
        Self {
            dialer,
            calls,
            desk,
            events,
            end,
        }
    }

    pub(crate) async fn run(mut self, first: Link) {
        let mut link = first;
        let cause = loop {
            let reason = match self.serve(&mut link).await {
                Served::Lost(reason) => reason,
                Served::Done(reply) => {
                    let result = self.disconnect(&mut link).await;
                    self.close(Cause::Disconnected);
                    if let Some(reply) = reply {
                        let _ = reply.send(result);
                    }
                    return;
                }
            };
            tracing::info!(%reason, "disconnected");
            let _ = self.events.send(Event::Disconnected {
                reason: reason.clone(),
            });
            self.dialer.lost(link.stable_for(), &reason);
            match self.reconnect(link).await {
                Ok(next) => link = next,
                Err(cause) => break cause,
            }
        };
        self.close(cause);
    }

    /// Works on a link until it ends, or until nobody wants it any more.
    async fn serve(&mut self, link: &mut Link) -> Served {
        self.desk.begin(link);
        let common = self.desk.common();
        loop {
            if let Some(reason) = self.desk.work(link) {
                return Served::Lost(reason);
            }
            tokio::select! {
                () = link.step() => {}
                call = self.calls.recv() => {
                    if let Some(served) = self.take(call) {
                        return served;
                    }
                }
                () = common.back_pressure.changed.notified() => self.desk.relieve(link),
            }
        }
    }

    /// Takes a call, and all that wait behind it, so that their frames go out in one write.
    fn take(&mut self, first: Option<Call>) -> Option<Served> {
        let mut next = first;
        loop {
            match next {
                None => return Some(Served::Done(None)),
                Some(Call::Disconnect { reply }) => return Some(Served::Done(Some(reply))),
                Some(call) => self.desk.accept(call),
            }
            next = match self.calls.try_recv() {
                Ok(call) => Some(call),
                Err(_) => break,
            };
        }
        None
    }

    /// Looks for the next link, while calls are kept or answered.
    async fn reconnect(&mut self, lost: Link) -> Result<Link, Cause> {
        let mut last = lost.session;
        let subscriptions = std::mem::take(last.subscriptions_mut());
        let dialling = self.dialer.dial(subscriptions);
        tokio::pin!(dialling);
        loop {
            tokio::select! {
                result = &mut dialling => {
                    return result.map_err(|error| match error {
                        Error::Connect(exhausted) => {
                            tracing::error!(%exhausted, "gave up");
                            let event = Event::GaveUp { exhausted: exhausted.clone() };
                            let _ = self.events.send(event);
                            Cause::Exhausted(exhausted)
                        }
                        _ => Cause::ConnectionLost,
                    });
                }
                call = self.calls.recv() => match call {
                    None => return Err(Cause::Disconnected),
                    Some(Call::Disconnect { reply }) => {
                        // There is nobody to say it to.
                        let _ = reply.send(Ok(()));
                        return Err(Cause::Disconnected);
                    }
                    Some(call) => self.desk.accept_offline(call, &mut last),
                },
            }
        }
    }

    /// Sends what is held, waits for what is outstanding, and says DISCONNECT. RabbitMQ never
    /// sends receipts that are still missing then.
    async fn disconnect(&mut self, link: &mut Link) -> Result<(), Error> {
        let patience = link.session.config().disconnect_timeout;
        self.desk.leave();
        let goodbye = async {
            loop {
                if let Some(reason) = self.desk.work(link) {
                    return reason;
                }
                if self.desk.is_idle(link) {
                    let receipt = link.session.new_receipt();
                    // Refused only when the session is over already, which `work` will report.
                    let _ = link
                        .session
                        .disconnect(Disconnect::new().receipt(receipt), now());
                }
                link.step().await;
            }
        };
        let reason = timeout(patience, goodbye).await;
        link.close().await;
        match reason {
            Ok(CloseReason::Disconnected { .. }) => Ok(()),
            Ok(reason) => Err(Error::Closed(reason.into())),
            Err(_) => Err(Error::Closed(Cause::Deadline(patience))),
        }
    }

    fn close(&mut self, cause: Cause) {
        // First the reason, then the answers: whoever is answered finds the reason there.
        self.end.send_replace(Some(cause.clone()));
        self.calls.close();
        self.desk.close(&cause);
        while let Ok(call) = self.calls.try_recv() {
            self.desk.refuse(call, &cause);
        }
    }
}

enum Served {
    Lost(CloseReason),
    /// Someone called `disconnect`, or the last handle is gone.
    Done(Option<Reply<()>>),
}
