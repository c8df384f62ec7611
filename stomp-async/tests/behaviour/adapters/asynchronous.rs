//! `stomp-async`, on both kinds of runtimes.

use std::future::{Future, IntoFuture, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use stomp_async::{Acker, Content, Error};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle as Spawner, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::words::{configured, outgoing, translations, wanted};
use crate::client::{
    Adapter, Client, Event, Events, Inbox, Next, Options, Outgoing, Received, Settled, Transport,
    Verdict, Wanted,
};

translations!(stomp_async);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    CurrentThread,
    MultiThread,
}

const WORKERS: usize = 2;

impl Adapter for Flavour {
    fn name(&self) -> &'static str {
        match self {
            Self::CurrentThread => "async_current_thread",
            Self::MultiThread => "async_multi_thread",
        }
    }

    fn connect(&self, options: &Options) -> Result<Box<dyn Client>, Verdict> {
        let runtime = Arc::new(Running::start(*self));
        let mut builder = configured!(stomp_async, options);
        builder = match options.transport.clone() {
            Transport::Network => builder,
            Transport::Memory(connector) => builder.transport(move |_| {
                let connector = connector.clone();
                async move { connector.connect_async() }
            }),
            Transport::Users(panics) => builder.transport(move |broker| {
                let panics = panics.clone();
                async move {
                    let stream = TcpStream::connect((broker.host(), broker.port())).await?;
                    Ok(Users { stream, panics })
                }
            }),
        };
        match runtime.block_on(builder.connect()) {
            Ok(client) => Ok(Box::new(Handle { client, runtime })),
            Err(error) => Err(failure(&error)),
        }
    }
}

/// A runtime in a thread of its own, so that its tasks run also between the calls.
struct Running {
    spawner: Spawner,
    flavour: Flavour,
    end: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl Running {
    fn start(flavour: Flavour) -> Self {
        let mut builder = match flavour {
            Flavour::CurrentThread => Builder::new_current_thread(),
            Flavour::MultiThread => Builder::new_multi_thread(),
        };
        let runtime = builder.worker_threads(WORKERS).enable_all().build();
        let runtime: Runtime = runtime.expect("a runtime");
        let spawner = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let _ = runtime.block_on(ended);
            runtime.shutdown_background();
        });
        Self {
            spawner,
            flavour,
            end: Mutex::new(Some((end, thread))),
        }
    }

    /// Polls on the caller's thread; the client's task runs on the runtime's.
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.spawner.block_on(future)
    }

    fn stop(&self) -> Option<JoinHandle<()>> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let (end, thread) = end.take()?;
        let _ = end.send(());
        Some(thread)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What the last handle leaves behind is given time, as a program does that goes on.
        let spawner = self.spawner.clone();
        if let Some((end, _)) = self.end.get_mut().ok().and_then(Option::take) {
            spawner.spawn(async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                let _ = end.send(());
            });
        }
    }
}

struct Handle {
    client: stomp_async::Client,
    runtime: Arc<Running>,
}

impl Client for Handle {
    fn another(&self) -> Box<dyn Client> {
        Box::new(Self {
            client: self.client.clone(),
            runtime: self.runtime.clone(),
        })
    }

    fn send(&self, message: Outgoing) -> Verdict {
        let confirmed = message.confirmed;
        self.runtime.block_on(async {
            let send = outgoing!(self.client, message);
            verdict(match confirmed {
                true => send.confirmed().await,
                false => send.await,
            })
        })
    }

    fn subscribe(&self, wanted: Wanted) -> Result<Box<dyn Inbox>, Verdict> {
        let opening = async { wanted!(stomp_async, self.client, wanted).await };
        match self.runtime.block_on(opening) {
            Ok(subscription) => Ok(Box::new(Subscription {
                subscription,
                runtime: self.runtime.clone(),
            })),
            Err(error) => Err(failure(&error)),
        }
    }

    fn subscribe_and_leave(&self, wanted: Wanted, begun: &dyn Fn() -> bool) -> bool {
        self.runtime.block_on(async {
            let mut opening = wanted!(stomp_async, self.client, wanted).into_future();
            while !begun() {
                poll_once(&mut opening).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        true
    }

    fn events(&self) -> Box<dyn Events> {
        Box::new(Told {
            events: self.client.events(),
            runtime: self.runtime.clone(),
        })
    }

    fn disconnect(self: Box<Self>) -> Verdict {
        let Self { client, runtime } = *self;
        verdict(runtime.block_on(client.disconnect()))
    }

    fn pass(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn stand_still(&self, time: Duration) -> bool {
        let sleepers = match self.runtime.flavour {
            Flavour::CurrentThread => 1,
            Flavour::MultiThread => WORKERS,
        };
        for _ in 0..sleepers {
            self.runtime
                .spawner
                .spawn(async move { std::thread::sleep(time) });
        }
        std::thread::sleep(time);
        true
    }

    fn kill(&self) -> bool {
        if let Some(thread) = self.runtime.stop() {
            thread.join().expect("no panic");
        }
        true
    }
}

/// Polls a future once, and drops it.
async fn poll_once(future: impl Future) {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

struct Subscription {
    subscription: stomp_async::Subscription,
    runtime: Arc<Running>,
}

impl Inbox for Subscription {
    fn next(&mut self, patience: Duration) -> Next {
        let next = self.subscription.next();
        let next = self
            .runtime
            .block_on(async { timeout(patience, next).await });
        match next {
            Err(_) => Next::Nothing,
            Ok(None) => Next::Ended,
            Ok(Some(Ok(message))) => Next::Message(Delivery::boxed(message.split())),
            Ok(Some(Err(Error::Unreadable(unreadable)))) => {
                let text = unreadable.to_string();
                Next::TooLarge(Delivery::boxed(unreadable.split()), text)
            }
            Ok(Some(Err(error))) => Next::Failed(failure(&error)),
        }
    }

    fn look_and_leave(&mut self) -> bool {
        let next = self.subscription.next();
        self.runtime.block_on(poll_once(next));
        true
    }
}

struct Delivery {
    content: Content,
    acker: Acker,
}

impl Delivery {
    fn boxed((content, acker): (Content, Acker)) -> Box<dyn Received> {
        Box::new(Self { content, acker })
    }
}

impl Received for Delivery {
    fn body(&self) -> Bytes {
        self.content.body().clone()
    }

    fn epoch(&self) -> u64 {
        self.acker.epoch().number()
    }

    fn ack(self: Box<Self>) -> Settled {
        settled(self.acker.ack())
    }

    fn nack(self: Box<Self>) -> Settled {
        settled(self.acker.nack())
    }
}

struct Told {
    events: stomp_async::Events,
    runtime: Arc<Running>,
}

impl Events for Told {
    fn next(&mut self, patience: Duration) -> Option<Event> {
        let next = self.events.next();
        let next = self
            .runtime
            .block_on(async { timeout(patience, next).await });
        next.ok().flatten().map(event)
    }
}

/// TCP as a user might open it, with a fault in it.
struct Users {
    stream: TcpStream,
    panics: Arc<AtomicBool>,
}

impl AsyncRead for Users {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        assert!(
            !self.panics.load(Ordering::Relaxed),
            "the user's transport panics"
        );
        Poll::Ready(read)
    }
}

impl AsyncWrite for Users {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
