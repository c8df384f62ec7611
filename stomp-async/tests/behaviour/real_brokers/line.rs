//! A line to a broker that can be cut.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

pub(super) struct Line {
    pub(super) port: u16,
    /// Both ends of each connection.
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Line {
    pub(super) fn to(broker: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let open = Arc::new(Mutex::new(Vec::new()));
        let streams = open.clone();
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let broker = TcpStream::connect(broker).expect("the broker");
                let mut ends = streams.lock().unwrap_or_else(PoisonError::into_inner);
                for (from, to) in [(&client, &broker), (&broker, &client)] {
                    ends.push(handle(from));
                    carry(handle(from), handle(to));
                }
            }
        });
        Self { port, open }
    }

    /// Ends all connections that there are. Others can be made at once.
    pub(super) fn cut(&self) {
        let mut ends = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for end in ends.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn handle(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a handle")
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}
