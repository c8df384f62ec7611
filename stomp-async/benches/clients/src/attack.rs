//! Brokers that mean no good, or cannot help it: how long calls take then, and how much memory. One
//! attack for each process, since the peak of its memory is what is looked at.

use std::fmt::Display;
use std::future::IntoFuture;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::work::Mode;

type Script = fn(&mut Conversation);

/// Their names, and how the broker behaves.
pub const ALL: [(&str, Script); 12] = [
    ("slow-reader-calls", slow_reader),
    ("slow-reader-drop", slow_reader),
    ("line-ends", |peer| peer.flood(&[b'\n'; 4096])),
    ("tls-octets", tls_octets),
    ("websocket-pings", |peer| websocket(peer, &[0x89, 0], false)),
    ("websocket-empty", |peer| websocket(peer, &[0x81, 0], false)),
    ("websocket-deaf", |peer| {
        websocket(peer, &[0x89, 4, 1, 2, 3, 4], true)
    }),
    ("headers", |peer| {
        let line = "x".repeat(15_000);
        let head: String = (0..4).map(|n| format!("h{n}:{line}\n")).collect();
        peer.messages("1", &head, 0);
    }),
    ("ack-ids", |peer| peer.messages(&"i".repeat(16_000), "", 0)),
    ("ack-ids-dropped", |peer| {
        peer.messages(&"i".repeat(16_000), "", 0)
    }),
    ("looked-once", |peer| peer.messages("1", "", 100 << 10)),
    ("bodies", |peer| peer.messages("1", "", 8 << 20)),
];

static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Prints how long each step took, what the broker got rid of, and the peak of the memory.
pub fn run(name: &str, mode: Mode) {
    let (_, script) = ALL.iter().find(|(n, _)| *n == name).expect("an attack");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let script = *script;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || script(&mut Conversation(stream)));
        }
    });
    let scheme = match name {
        "tls-octets" => "stomp+tls",
        name if name.starts_with("websocket") => "ws",
        _ => "stomp",
    };
    let uri = format!("failover:({scheme}://{address})?startupMaxReconnectAttempts=0");
    let connecting = Instant::now();
    let client = match Any::connect(mode, &uri) {
        Ok(client) => Arc::new(client),
        Err(error) => {
            said("connect", connecting, Err::<(), _>(error));
            return memory();
        }
    };
    match name {
        "slow-reader-calls" => {
            let large = Bytes::from(vec![b'x'; 15 << 20]);
            step("15 MiB, confirmed in 2 s", || client.confirm(large, 2));
            let small = Bytes::from_static(b"x");
            step("small, confirmed in 2 s", || client.confirm(small, 2));
            if mode == Mode::Manual {
                step("poll for 0.1 s", || client.poll());
            }
            step("disconnect in 1 s", || client.disconnect());
        }
        "slow-reader-drop" => {
            let large = Bytes::from(vec![b'x'; 15 << 20]);
            step("15 MiB, fired", || client.fire(large));
            if mode == Mode::Manual {
                step("poll for 0.1 s", || client.poll());
            }
            step("drop", || -> Result<(), String> {
                drop(Arc::into_inner(client));
                Ok(())
            });
        }
        "websocket-deaf" => {
            client.pass(Duration::from_secs(4));
            step("disconnect in 1 s", || client.disconnect());
        }
        "looked-once" | "bodies" | "headers" | "ack-ids" | "ack-ids-dropped" => {
            let capacity = if name == "looked-once" { 1 } else { 100 };
            let mut inbox = client.subscribe(capacity);
            let waits = client.clone();
            match name {
                "looked-once" => {
                    inbox.take(&client);
                    inbox.look(&client);
                }
                "bodies" => {}
                "ack-ids-dropped" => {
                    let end = Instant::now() + Duration::from_secs(3);
                    while Instant::now() < end {
                        inbox.take(&client);
                    }
                }
                // Somebody waits for an answer behind the messages.
                _ => drop(thread::spawn(move || waits.confirm(Bytes::new(), 60))),
            }
            until_it_stands(&client);
            std::mem::forget(inbox);
            println!("  taken: {} MiB", TAKEN.load(Ordering::Relaxed) >> 20);
            if name != "headers" && name != "ack-ids" {
                step("disconnect in 1 s", || client.disconnect());
            }
        }
        _ => {}
    }
    memory();
}

fn step<E: Display>(what: &str, call: impl FnOnce() -> Result<(), E>) {
    let begin = Instant::now();
    let result = call();
    said(what, begin, result);
}

fn said<E: Display>(what: &str, begin: Instant, result: Result<(), E>) {
    let elapsed = begin.elapsed().as_secs_f64();
    let result = result.err().map_or("ok".to_owned(), |error| {
        error.to_string().chars().take(90).collect()
    });
    println!("  {what}: {elapsed:.2} s, {result}");
}

fn memory() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = peak
        .and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0);
    println!("  peak: {} MiB", kib >> 10);
    std::process::exit(0);
}

/// Until the broker gets rid of nothing more, for 20 s at most.
fn until_it_stands(client: &Any) {
    let begin = Instant::now();
    let mut last = 0;
    while begin.elapsed() < Duration::from_secs(20) {
        client.pass(Duration::from_millis(700));
        let taken = TAKEN.load(Ordering::Relaxed);
        if taken == last {
            return println!("  stands after: {:.1} s", begin.elapsed().as_secs_f64());
        }
        last = taken;
    }
    println!("  goes on after 20 s");
}

/// A broker's end of a connection.
pub struct Conversation(TcpStream);

impl Conversation {
    fn say(&mut self, octets: &[u8]) -> bool {
        self.0.write_all(octets).is_ok()
    }

    fn flood(&mut self, octets: &[u8]) {
        while self.say(octets) {
            TAKEN.fetch_add(octets.len() as u64, Ordering::Relaxed);
        }
    }

    /// Waits for a frame that begins with this.
    fn hear(&mut self, command: &str) -> Option<String> {
        let mut frame = Vec::new();
        let mut octet = [0];
        loop {
            self.0.read_exact(&mut octet).ok()?;
            match octet[0] {
                0 => {
                    let said = String::from_utf8_lossy(&frame).trim_start().to_owned();
                    if said.starts_with(command) {
                        return Some(said);
                    }
                    frame.clear();
                }
                octet => frame.push(octet),
            }
        }
    }

    fn welcome(&mut self, headers: &str) -> bool {
        let connected = format!("CONNECTED\nversion:1.2\n{headers}\n\0");
        self.hear("CONNECT").is_some() && self.say(connected.as_bytes())
    }

    /// Sends the same message for ever to whoever subscribes.
    fn messages(&mut self, id: &str, head: &str, body: usize) {
        if !self.welcome("") {
            return;
        }
        let Some(subscribe) = self.hear("SUBSCRIBE") else {
            return;
        };
        let header = |name: &str| {
            let found = subscribe.lines().find_map(|line| line.strip_prefix(name));
            found.unwrap_or_default().to_owned()
        };
        let receipt = format!("RECEIPT\nreceipt-id:{}\n\n\0", header("receipt:"));
        self.say(receipt.as_bytes());
        let start = format!(
            "MESSAGE\nsubscription:{}\nmessage-id:1\nack:{id}",
            header("id:")
        );
        let start = format!("{start}\ndestination:/queue/a\ncontent-length:{body}\n{head}\n");
        let piece = [b'x'; 64 << 10];
        loop {
            let mut left = body;
            let mut whole = self.counted(start.as_bytes());
            while whole && left > 0 {
                let now = left.min(piece.len());
                whole = self.counted(&piece[..now]);
                left -= now;
            }
            if !whole || !self.counted(&[0]) {
                return;
            }
        }
    }

    fn counted(&mut self, octets: &[u8]) -> bool {
        TAKEN.fetch_add(octets.len() as u64, Ordering::Relaxed);
        self.say(octets)
    }
}

/// 320 KB a second, and a beat every half one.
fn slow_reader(peer: &mut Conversation) {
    if !peer.welcome("heart-beat:500,0\n") {
        return;
    }
    let mut buffer = [0; 16_000];
    for round in 1.. {
        thread::sleep(Duration::from_millis(50));
        if peer.0.read_exact(&mut buffer).is_err() || round % 10 == 0 && !peer.say(b"\n") {
            return;
        }
    }
}

/// A record of TLS that comes octet by octet.
fn tls_octets(peer: &mut Conversation) {
    let mut octets = [0x16, 3, 3, 0x3f, 0xff, 2, 0, 0x3f, 0].iter().copied();
    while peer.say(&[octets.next().unwrap_or(0)]) {
        thread::sleep(Duration::from_millis(50));
    }
}

/// The same frame of a WebSocket again and again, without reading; before CONNECTED or after it.
fn websocket(peer: &mut Conversation, frame: &[u8], welcome: bool) {
    use tungstenite::handshake::derive_accept_key;
    let mut request = Vec::new();
    let mut octet = [0];
    while !request.ends_with(b"\r\n\r\n") {
        if peer.0.read_exact(&mut octet).is_err() {
            return;
        }
        request.push(octet[0]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let key = request.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("sec-websocket-key");
        is_it.then(|| value.trim().to_owned())
    });
    let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade";
    let answer = format!(
        "{answer}\r\nSec-WebSocket-Protocol: v12.stomp\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    if !peer.say(answer.as_bytes()) {
        return;
    }
    if welcome {
        // As long as CONNECT is, which is masked.
        let _ = peer.0.read(&mut [0; 4096]);
        let connected = b"CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0";
        let mut message = vec![0x81, connected.len() as u8];
        message.extend_from_slice(connected);
        peer.say(&message);
    }
    let many = frame.repeat(4096 / frame.len());
    peer.flood(&many);
}

/// Either client.
enum Any {
    Async(tokio::runtime::Runtime, stomp_async::Client),
    Sync(stomp_sync::Client),
}

enum Inbox {
    Async(stomp_async::Subscription),
    Sync(stomp_sync::Subscription),
}

const ALLOWED: Duration = Duration::from_secs(2);
const GOODBYE: Duration = Duration::from_secs(1);

impl Any {
    fn connect(mode: Mode, uri: &str) -> Result<Self, String> {
        let words = |error: &dyn Display| error.to_string();
        if matches!(mode, Mode::Current | Mode::Multi) {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = runtime.worker_threads(2).enable_all().build();
            let runtime = runtime.map_err(|error| words(&error))?;
            let builder = stomp_async::Client::builder(uri)
                .connect_timeout(ALLOWED)
                .session(|config| config.connected_timeout(ALLOWED))
                .disconnect_timeout(GOODBYE);
            let client = runtime.block_on(builder.connect());
            return match client {
                Ok(client) => Ok(Self::Async(runtime, client)),
                Err(error) => Err(words(&error)),
            };
        }
        let builder = stomp_sync::Client::builder(uri)
            .connect_timeout(ALLOWED)
            .session(|config| config.connected_timeout(ALLOWED))
            .disconnect_timeout(GOODBYE);
        let builder = match mode {
            Mode::Manual => builder.manual(),
            _ => builder,
        };
        let client = builder.connect().map_err(|error| words(&error))?;
        Ok(Self::Sync(client))
    }

    fn fire(&self, body: Bytes) -> Result<(), String> {
        match self {
            Self::Async(runtime, client) => {
                let sent = async { client.send("/queue/a").body(body).await };
                runtime.block_on(sent).map_err(|error| error.to_string())
            }
            Self::Sync(client) => {
                let sent = client.send("/queue/a").body(body).fire();
                sent.map_err(|error| error.to_string())
            }
        }
    }

    fn confirm(&self, body: Bytes, seconds: u64) -> Result<(), String> {
        let patience = Duration::from_secs(seconds);
        match self {
            Self::Async(runtime, client) => {
                let send = client.send("/queue/a").body(body).timeout(patience);
                let sent = async { send.confirmed().await };
                runtime.block_on(sent).map_err(|error| error.to_string())
            }
            Self::Sync(client) => {
                let send = client.send("/queue/a").body(body).timeout(patience);
                send.confirmed().map_err(|error| error.to_string())
            }
        }
    }

    fn poll(&self) -> Result<(), String> {
        self.pass(Duration::from_millis(100));
        Ok(())
    }

    fn pass(&self, time: Duration) {
        match self {
            Self::Sync(client) => {
                let begin = Instant::now();
                // Where threads of its own do the work, there is nothing to be polled.
                let _ = client.poll(begin + time);
                let is_manual = begin.elapsed() >= time / 2;
                if !is_manual {
                    thread::sleep(time.saturating_sub(begin.elapsed()));
                }
            }
            Self::Async(..) => thread::sleep(time),
        }
    }

    fn disconnect(&self) -> Result<(), String> {
        match self {
            Self::Async(runtime, client) => {
                let end = client.clone().disconnect();
                runtime.block_on(end).map_err(|error| error.to_string())
            }
            Self::Sync(client) => {
                let end = client.clone().disconnect();
                end.map_err(|error| error.to_string())
            }
        }
    }

    fn subscribe(&self, capacity: usize) -> Inbox {
        match self {
            Self::Async(runtime, client) => {
                let subscribe = client.subscribe("/queue/a").capacity(capacity);
                let inbox = runtime.block_on(subscribe.into_future());
                Inbox::Async(inbox.expect("a RECEIPT"))
            }
            Self::Sync(client) => {
                let inbox = client.subscribe("/queue/a").capacity(capacity).open();
                Inbox::Sync(inbox.expect("a RECEIPT"))
            }
        }
    }
}

impl Inbox {
    /// Takes a message, and drops it unsettled. Does not wait for ever.
    fn take(&mut self, client: &Any) {
        match (self, client) {
            (Self::Async(inbox), Any::Async(runtime, _)) => {
                let taken = async { tokio::time::timeout(GOODBYE, inbox.next()).await };
                drop(runtime.block_on(taken));
            }
            (Self::Sync(inbox), _) => drop(inbox.next_timeout(GOODBYE)),
            _ => {}
        }
    }

    fn look(&mut self, client: &Any) {
        match (self, client) {
            (Self::Async(inbox), Any::Async(runtime, _)) => runtime.block_on(async {
                let next = inbox.next();
                let mut next = std::pin::pin!(next);
                std::future::poll_fn(|cx| {
                    let _ = next.as_mut().poll(cx);
                    std::task::Poll::Ready(())
                })
                .await;
            }),
            (Self::Sync(inbox), _) => drop(inbox.next_timeout(Duration::ZERO)),
            _ => {}
        }
    }
}
