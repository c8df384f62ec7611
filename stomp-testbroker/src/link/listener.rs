use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;

use super::stream::serve;
use crate::shared::Shared;

/// The thread that serves all sockets of a broker.
///
/// Dropping it ends the thread, and with it all its connections.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Binds the address at once, so that clients can connect when this returns.
    pub(crate) fn start(shared: &Arc<Shared>, address: SocketAddr) -> io::Result<Self> {
        let socket = std::net::TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let serving = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name("stomp-testbroker".into())
            .spawn(move || run(&serving, socket))?;
        Ok(Self {
            address,
            shared: Arc::clone(shared),
            thread: Some(thread),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            // It panicked, if it did, with a message of its own.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Arc<Shared>, socket: std::net::TcpListener) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .expect("a thread of its own can have a runtime");
    // Dropping the runtime closes all sockets.
    runtime.block_on(async {
        let accepting = tokio::spawn(accept(Arc::clone(shared), socket));
        poll_fn(|cx| shared.poll_stopped(cx)).await;
        accepting.abort();
    });
}

async fn accept(shared: Arc<Shared>, socket: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(socket)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                stream.set_nodelay(true)?;
                tokio::spawn(serve(Arc::clone(&shared), stream));
            }
            // Out of file descriptors, most likely: some may come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
