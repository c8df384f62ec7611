//! What a client leaves behind: nothing; and what one does that has nothing to do: beat.
//!
//! The process is watched from outside, through `/proc/self`, and each test has it for itself.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What there is to be counted of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn now() -> Self {
        let count = |directory| fs::read_dir(directory).map_or(0, Iterator::count);
        Self {
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
        }
    }
}

/// Octets of memory in use, as the system counts them: what the allocator keeps is in it, too.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * 4096
}

/// How often each thread has gone to sleep by itself.
fn sleeps() -> BTreeMap<String, u64> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let of = |directory: fs::DirEntry| {
        let status = fs::read_to_string(directory.path().join("status")).ok()?;
        let value = |name| status.lines().find_map(|line| line.strip_prefix(name));
        let name = value("Name:")?.trim();
        let task = format!("{} {name}", directory.file_name().to_string_lossy());
        let sleeps = value("voluntary_ctxt_switches:")?.trim().parse().ok()?;
        Some((task, sleeps))
    };
    tasks.flatten().filter_map(of).collect()
}

/// One test at a time, since each looks at the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often: few times in the gate, and as often as the environment says.
fn times(variable: &str, usual: usize) -> usize {
    let said = std::env::var(variable).ok().and_then(|n| n.parse().ok());
    said.unwrap_or(usual)
}

/// A broker with one connection at a time, in one thread. It beats every second.
struct Peer {
    address: SocketAddr,
    /// How many connections it ends, each behind the answer to a SUBSCRIBE, and a message.
    hang_ups: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Peer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let hang_ups = Arc::new(AtomicUsize::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let (wanted, ends) = (hang_ups.clone(), over.clone());
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                // The other side has gone by itself, perhaps.
                let _ = converse(stream, &wanted);
            }
        });
        Self {
            address,
            hang_ups,
            over,
            thread: Some(thread),
        }
    }

    fn uri(&self) -> String {
        let delays = "initialReconnectDelay=1&maxReconnectDelay=1&useExponentialBackOff=false";
        format!("failover:(stomp://{})?{delays}", self.address)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn converse(mut stream: TcpStream, hang_ups: &AtomicUsize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    let mut octets = Vec::new();
    let mut buffer = [0; 4096];
    let mut beat = Instant::now();
    let mut subscription = None;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => octets.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if beat.elapsed() >= Duration::from_secs(1) {
            beat = Instant::now();
            stream.write_all(b"\n")?;
        }
        while let Some(end) = octets.iter().position(|octet| *octet == 0) {
            let frame = String::from_utf8_lossy(&octets[..end]).trim().to_owned();
            octets.drain(..=end);
            let header = |name| frame.lines().find_map(|line| line.strip_prefix(name));
            if frame.starts_with("CONNECT") {
                stream.write_all(b"CONNECTED\nversion:1.2\nheart-beat:1000,1000\n\n\0")?;
            }
            if let Some(receipt) = header("receipt:") {
                write!(stream, "RECEIPT\nreceipt-id:{receipt}\n\n\0")?;
            }
            if frame.starts_with("SUBSCRIBE") {
                subscription = header("id:").map(str::to_owned);
            }
        }
        if let Some(id) = &subscription
            && hang_ups.load(Ordering::Relaxed) > 0
        {
            let message = "message-id:1\nack:1\ndestination:/queue/a";
            write!(stream, "MESSAGE\nsubscription:{id}\n{message}\n\nhello\0")?;
            hang_ups.fetch_sub(1, Ordering::Relaxed);
            return Ok(());
        }
    }
}

/// Does it so many times, a tenth of them before the first look, so that what is made once is there
/// by then. What is held afterwards is what was held before, and no more memory than 1 MiB.
fn leaves_nothing(what: &str, times: usize, mut go: impl FnMut(usize)) {
    go(times / 10);
    let (before, memory) = (settled(None), resident());
    let begin = Instant::now();
    go(times);
    let after = settled(Some(before));
    let growth = resident().saturating_sub(memory);
    let elapsed = begin.elapsed();
    println!(
        "{what}: {times} in {elapsed:.1?}, {after:?}, {} KiB more",
        growth >> 10
    );
    assert_eq!(after, before, "{what}: held before and after");
    assert!(growth < 1 << 20, "{what}: {growth} octets more");
}

/// What is held when that does not change any more, or is what it should be.
fn settled(wanted: Option<Held>) -> Held {
    let mut last = Held::now();
    for _ in 0..50 {
        thread::sleep(Duration::from_millis(100));
        let now = Held::now();
        if wanted.map_or(now == last, |wanted| now == wanted) {
            return now;
        }
        last = now;
    }
    last
}

mod asynchronous {
    use super::*;
    use stomp_async::Client;
    use tokio::runtime::{Builder, Runtime};

    fn runtime() -> Runtime {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.unwrap()
    }

    #[test]
    #[ignore = "looks at the whole process, and takes its time"]
    fn reconnects_leave_nothing() {
        let _alone = alone();
        let peer = Peer::start();
        let runtime = runtime();
        let (client, inbox) = runtime.block_on(async {
            let client = Client::connect(peer.uri()).await.unwrap();
            let inbox = client.subscribe("/queue/a").await.unwrap();
            (client, inbox)
        });
        let tasks = || runtime.metrics().num_alive_tasks();
        let before = tasks();
        leaves_nothing("async, reconnects", times("RECONNECTS", 1_000), |more| {
            peer.hang_ups.store(more, Ordering::Relaxed);
            runtime.block_on(async {
                while peer.hang_ups.load(Ordering::Relaxed) > 0 || client.connection().is_none() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                // Until what is the last one's has been put away, too.
                tokio::time::sleep(Duration::from_millis(200)).await;
            });
        });
        assert_eq!(tasks(), before, "tasks");
        drop((client, inbox));
    }

    #[test]
    #[ignore = "looks at the whole process, and takes its time"]
    fn clients_leave_nothing() {
        let _alone = alone();
        let peer = Peer::start();
        let runtime = runtime();
        leaves_nothing("async, clients", times("CLIENTS", 100), |more| {
            runtime.block_on(async {
                for _ in 0..more {
                    let client = Client::connect(peer.uri()).await.unwrap();
                    let inbox = client.subscribe("/queue/a").await.unwrap();
                    client.send("/queue/a").text("hello").await.unwrap();
                    drop((client, inbox));
                }
                while runtime.metrics().num_alive_tasks() > 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            });
        });
    }

    #[test]
    #[ignore = "looks at the whole process, and takes its time"]
    fn an_idle_client_only_beats() {
        let _alone = alone();
        let peer = Peer::start();
        let uri = peer.uri();
        only_beats("async", 1, move |ready, over| {
            runtime().block_on(async move {
                let builder = Client::builder(uri).heart_beat(Duration::from_secs(1));
                let client = builder.connect().await.unwrap();
                let mut inboxes = Vec::new();
                for _ in 0..SUBSCRIPTIONS {
                    inboxes.push(client.subscribe("/queue/a").await.unwrap());
                }
                ready();
                over.await.unwrap();
                drop((client, inboxes));
            });
        });
    }
}

mod blocking {
    use super::*;
    use stomp_sync::Client;

    #[test]
    #[ignore = "looks at the whole process, and takes its time"]
    fn reconnects_leave_nothing() {
        let _alone = alone();
        let peer = Peer::start();
        let client = Client::connect(peer.uri()).unwrap();
        let inbox = client.subscribe("/queue/a").open().unwrap();
        leaves_nothing("sync, reconnects", times("RECONNECTS", 1_000), |more| {
            peer.hang_ups.store(more, Ordering::Relaxed);
            while peer.hang_ups.load(Ordering::Relaxed) > 0 || client.connection().is_none() {
                thread::sleep(Duration::from_millis(10));
            }
        });
        drop((client, inbox));
    }

    #[test]
    #[ignore = "looks at the whole process, and takes its time"]
    fn clients_leave_nothing() {
        let _alone = alone();
        let peer = Peer::start();
        leaves_nothing("sync, clients", times("CLIENTS", 100), |more| {
            for _ in 0..more {
                let client = Client::connect(peer.uri()).unwrap();
                let inbox = client.subscribe("/queue/a").open().unwrap();
                client.send("/queue/a").text("hello").fire().unwrap();
                drop((client, inbox));
            }
        });
    }

    #[test]
    #[ignore = "looks at the whole process, and takes its time"]
    fn an_idle_client_only_beats() {
        let _alone = alone();
        let peer = Peer::start();
        let uri = peer.uri();
        only_beats("sync", 2, move |ready, over| {
            let builder = Client::builder(uri).heart_beat(Duration::from_secs(1));
            let client = builder.connect().unwrap();
            let inboxes: Vec<_> = (0..SUBSCRIPTIONS)
                .map(|_| client.subscribe("/queue/a").open().unwrap())
                .collect();
            ready();
            over.blocking_recv().unwrap();
            drop((client, inboxes));
        });
    }
}

const SUBSCRIPTIONS: usize = 1_000;

/// How long an idle client is watched.
const WATCHED: u64 = 6;

/// Watches a client that has nothing to do, and counts how often its threads go to sleep: after each
/// beat that came, and each that was sent.
fn only_beats(
    what: &str,
    threads: usize,
    client: impl FnOnce(Box<dyn FnOnce()>, tokio::sync::oneshot::Receiver<()>) + Send + 'static,
) {
    let others = sleeps();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let (end, over) = tokio::sync::oneshot::channel();
    let owner = thread::spawn(move || {
        let ready = Box::new(move || ready.send(()).unwrap());
        client(ready, over);
    });
    is_ready.recv().unwrap();
    thread::sleep(Duration::from_millis(500));
    let before = sleeps();
    thread::sleep(Duration::from_secs(WATCHED));
    let after = sleeps();
    let own = after.iter().filter(|(task, _)| !others.contains_key(*task));
    let slept: BTreeMap<_, _> = own
        .map(|(task, count)| (task, count - before.get(task).unwrap_or(&0)))
        .collect();
    let total: u64 = slept.values().sum();
    println!("{what}: {total} times in {WATCHED} s: {slept:?}");
    end.send(()).unwrap();
    owner.join().unwrap();
    assert!(slept.len() > threads - 1, "{slept:?}");
    // Each second a beat comes and one goes, with a look at the clock before and after it.
    let expected = 4 * WATCHED;
    assert!(total <= expected + expected / 4, "{total} times: {slept:?}");
}
