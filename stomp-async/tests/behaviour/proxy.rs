//! A proxy between a client and a broker that cuts the connection after a given octet.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// Which way the octets go that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Towards {
    Broker,
    Client,
}

/// Where to cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) towards: Towards,
    /// So many octets still get through.
    pub(crate) after: usize,
}

/// Carries one connection, and refuses any other.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    carried: JoinHandle<Carried>,
}

/// What went over the connection.
pub(crate) struct Carried {
    /// All that the client has ever offered, whether it came through or not.
    pub(crate) offered: Vec<u8>,
    /// How many octets the broker said, as far as the proxy heard it.
    pub(crate) answered: usize,
}

impl Proxy {
    pub(crate) fn start(broker: SocketAddr, cut: Option<Cut>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let carried = std::thread::spawn(move || {
            let (client, _) = listener.accept().expect("a client");
            drop(listener);
            let broker = TcpStream::connect(broker).expect("the broker");
            carry(client, broker, cut)
        });
        Self { address, carried }
    }

    /// Waits until both ends are closed.
    pub(crate) fn carried(self) -> Carried {
        self.carried.join().expect("no panic")
    }
}

fn carry(client: TcpStream, broker: TcpStream, cut: Option<Cut>) -> Carried {
    let limit = |towards| match cut {
        Some(cut) if cut.towards == towards => cut.after,
        _ => usize::MAX,
    };
    // Nobody may wait for an end that never writes: a client that was cut off closes in a while.
    let _ = client.set_read_timeout(Some(Duration::from_secs(10)));
    let forth = Way {
        from: client.try_clone().expect("a handle"),
        to: broker.try_clone().expect("a handle"),
        limit: limit(Towards::Broker),
    };
    let back = Way {
        from: broker.try_clone().expect("a handle"),
        to: client.try_clone().expect("a handle"),
        limit: limit(Towards::Client),
    };
    let backwards = std::thread::spawn(move || back.carry(Drain::No).len());
    // What the client offers is read to its end, also after the cut: then nothing of it is missed.
    let offered = forth.carry(Drain::Yes);
    let _ = broker.shutdown(Shutdown::Both);
    let answered = backwards.join().expect("no panic");
    Carried { offered, answered }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Drain {
    Yes,
    No,
}

struct Way {
    from: TcpStream,
    to: TcpStream,
    limit: usize,
}

impl Way {
    /// Carries octets until the end, or the limit; returns all that were read.
    fn carry(mut self, drain: Drain) -> Vec<u8> {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        let mut open = true;
        if self.limit == 0 {
            self.cut();
            open = false;
        }
        while open || drain == Drain::Yes {
            let Ok(read @ 1..) = self.from.read(&mut buffer) else {
                break;
            };
            let room = self.limit - all.len().min(self.limit);
            all.extend_from_slice(&buffer[..read]);
            if open && self.to.write_all(&buffer[..read.min(room)]).is_err() {
                open = false;
            }
            if open && all.len() >= self.limit {
                self.cut();
                open = false;
            }
        }
        if open {
            let _ = self.to.shutdown(Shutdown::Write);
        }
        all
    }

    /// Ends the connection on both sides; what the client still says can be read.
    fn cut(&self) {
        let _ = self.to.shutdown(Shutdown::Write);
        let _ = self.from.shutdown(Shutdown::Write);
    }
}
