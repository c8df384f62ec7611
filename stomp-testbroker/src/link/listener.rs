use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::endpoint::Transport;
use crate::shared::Shared;

/// A port.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The member of the cluster it leads to.
    pub(crate) node: usize,
    pub(crate) transport: Transport,
    pub(crate) address: SocketAddr,
}

impl Endpoint {
    pub(crate) fn new(node: usize, transport: Transport, address: SocketAddr) -> Self {
        Self {
            node,
            transport,
            address,
        }
    }
}

/// The thread that serves all sockets of a broker.
///
/// Dropping it ends the thread, and with it all its connections.
#[derive(Debug)]
pub(crate) struct Listener {
    /// With the addresses that were free.
    pub(crate) endpoints: Vec<Endpoint>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Binds the addresses at once, so that clients can connect when this returns.
    pub(crate) fn start(shared: &Arc<Shared>, mut endpoints: Vec<Endpoint>) -> io::Result<Self> {
        let mut sockets = Vec::new();
        for endpoint in &mut endpoints {
            let socket = bind(endpoint.address)?;
            endpoint.address = socket.local_addr()?;
            sockets.push((endpoint.clone(), socket));
        }
        let serving = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name("stomp-testbroker".into())
            .spawn(move || run(&serving, sockets))?;
        Ok(Self {
            endpoints,
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

fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let bound = std::net::TcpListener::bind(address).and_then(|socket| {
        socket.set_nonblocking(true)?;
        Ok(socket)
    });
    bound.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}

fn run(shared: &Arc<Shared>, sockets: Vec<(Endpoint, std::net::TcpListener)>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .expect("a thread of its own can have a runtime");
    // Dropping the runtime closes all sockets.
    runtime.block_on(async {
        for (number, (endpoint, socket)) in sockets.into_iter().enumerate() {
            tokio::spawn(listen(Arc::clone(shared), number, endpoint, socket));
        }
        poll_fn(|cx| shared.poll_stopped(cx)).await;
    });
}

/// Accepts connections to one port. While its node refuses them the port is closed.
async fn listen(
    shared: Arc<Shared>,
    number: usize,
    endpoint: Endpoint,
    mut socket: std::net::TcpListener,
) -> io::Result<()> {
    let node = endpoint.node;
    loop {
        let listener = TcpListener::from_std(socket)?;
        shared.set_port(number, node, true);
        while let Some(stream) = accept(&shared, node, &listener).await {
            // Fails when the client has left already, as the driver will find out.
            let _ = stream.set_nodelay(true);
            let transport = endpoint.transport.clone();
            tokio::spawn(transport.serve(Arc::clone(&shared), node, stream));
        }
        drop(listener);
        shared.set_port(number, node, false);
        poll_fn(|cx| shared.poll_refusal(node, false, cx)).await;
        if shared.is_stopped() {
            return Ok(());
        }
        socket = bind(endpoint.address)?;
    }
}

/// Accepts a connection; `None` when connections are to be refused.
async fn accept(shared: &Shared, node: usize, listener: &TcpListener) -> Option<TcpStream> {
    loop {
        let accepted = poll_fn(|cx| {
            if shared.poll_refusal(node, true, cx).is_ready() {
                return Poll::Ready(None);
            }
            listener.poll_accept(cx).map(Some)
        })
        .await?;
        match accepted {
            Ok((stream, _)) => return Some(stream),
            // Out of file descriptors, most likely: some may come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
