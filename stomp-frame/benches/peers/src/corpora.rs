//! The streams that every decoder gets. All are made here, from fixed seeds.

use bytes::Bytes;

/// A stream, and how it arrives.
pub struct Corpus {
    pub name: &'static str,
    pub about: &'static str,
    /// Client frames, as a broker reads them; all others are server frames.
    pub from_client: bool,
    pub frames: usize,
    pub wire: Bytes,
    /// Octets a read; `None` if all stand in one buffer.
    pub read: Option<usize>,
}

pub fn all() -> Vec<Corpus> {
    let mut a3 = Vec::new();
    (0..500).for_each(|n| message(&mut a3, n));
    let (plain, random) = (repeat(10_000, message), random_messages(10_000));
    let (counted, until_nul) = (repeat(32, counted_mebibyte), repeat(32, mebibyte_until_nul));
    let server = |name, about, frames, wire: &Bytes, read| Corpus {
        name,
        about,
        from_client: false,
        frames,
        wire: wire.clone(),
        read,
    };
    let in_buffer = None;
    let (k4, k64) = (Some(4 << 10), Some(64 << 10));
    vec![
        server(
            "a1",
            "10,000 MESSAGE, 6 headers, 100 B body",
            10_000,
            &plain,
            in_buffer,
        ),
        server("a2", "the same in 4 KiB reads", 10_000, &plain, k4),
        server(
            "a3",
            "500 of them, octet by octet",
            500,
            &a3.into(),
            Some(1),
        ),
        server(
            "r1",
            "10,000 MESSAGE, 4-8 random headers, 20-320 B",
            10_000,
            &random,
            in_buffer,
        ),
        server("r2", "the same in 4 KiB reads", 10_000, &random, k4),
        server(
            "b0",
            "32 x 1 MiB with content-length",
            32,
            &counted,
            in_buffer,
        ),
        server("b", "the same in 64 KiB reads", 32, &counted, k64),
        server("c", "32 x 1 MiB without, 64 KiB reads", 32, &until_nul, k64),
        server(
            "c8",
            "8 MiB without, 8 KiB reads",
            1,
            &big(false),
            Some(8 << 10),
        ),
        server("c4", "8 MiB without, 4 KiB reads", 1, &big(false), k4),
        server("c64", "8 MiB without, 64 KiB reads", 1, &big(false), k64),
        server(
            "b4",
            "8 MiB with content-length, 4 KiB reads",
            1,
            &big(true),
            k4,
        ),
        server(
            "b64",
            "8 MiB with content-length, 64 KiB reads",
            1,
            &big(true),
            k64,
        ),
        Corpus {
            from_client: true,
            ..server(
                "d",
                "20,000 ACK, 2 headers",
                20_000,
                &repeat(20_000, ack),
                in_buffer,
            )
        },
        server(
            "d2",
            "20,000 RECEIPT, 2 headers",
            20_000,
            &repeat(20_000, receipt),
            in_buffer,
        ),
        server(
            "e",
            "a1 with escapes in 3 headers",
            10_000,
            &repeat(10_000, escaped),
            in_buffer,
        ),
        server(
            "h",
            "one MESSAGE, 4,099 headers, 4 KiB reads",
            1,
            &many_headers(),
            k4,
        ),
    ]
}

fn repeat(times: usize, write: fn(&mut Vec<u8>, usize)) -> Bytes {
    let mut wire = Vec::new();
    (0..times).for_each(|n| write(&mut wire, n));
    wire.into()
}

fn message(out: &mut Vec<u8>, n: usize) {
    let body = "x".repeat(100);
    out.extend(
        format!(
            "MESSAGE\nsubscription:sub-0\nmessage-id:ID-host-4711-{n:08}\n\
             destination:/queue/orders.incoming\ncontent-type:text/plain\n\
             content-length:100\ntimestamp:17000{n:08}\n\n{body}\0"
        )
        .bytes(),
    );
}

fn escaped(out: &mut Vec<u8>, n: usize) {
    let body = "x".repeat(100);
    out.extend(
        format!(
            "MESSAGE\nsubscription:sub\\c0\nmessage-id:ID\\chost-4711\\c1\\c{n:08}\n\
             destination:/queue/orders\\\\incoming\ncontent-type:text/plain\n\
             content-length:100\ntimestamp:17000{n:08}\n\n{body}\0"
        )
        .bytes(),
    );
}

fn ack(out: &mut Vec<u8>, n: usize) {
    out.extend(format!("ACK\nid:sub-0-{n:08}\ntransaction:tx-{n:06}\n\n\0").bytes());
}

fn receipt(out: &mut Vec<u8>, n: usize) {
    out.extend(format!("RECEIPT\nreceipt-id:receipt-{n:06}\nserver-time:{n:06}\n\n\0").bytes());
}

fn counted_mebibyte(out: &mut Vec<u8>, n: usize) {
    head_and_body(out, n, 1 << 20, true);
}

fn mebibyte_until_nul(out: &mut Vec<u8>, n: usize) {
    head_and_body(out, n, 1 << 20, false);
}

fn big(counted: bool) -> Bytes {
    let mut wire = Vec::new();
    head_and_body(&mut wire, 0, 8 << 20, counted);
    wire.into()
}

fn head_and_body(out: &mut Vec<u8>, n: usize, length: usize, counted: bool) {
    let head = format!("MESSAGE\nsubscription:0\nmessage-id:{n}\ndestination:/queue/big\n");
    out.extend(head.bytes());
    if counted {
        out.extend(format!("content-length:{length}\n").bytes());
    }
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b'y', length));
    out.push(0);
}

fn many_headers() -> Bytes {
    let mut wire = b"MESSAGE\nsubscription:0\nmessage-id:1\ndestination:/queue/a\n".to_vec();
    (0..4096).for_each(|n| wire.extend(format!("header-{n:05}:{}\n", "v".repeat(50)).bytes()));
    wire.extend(b"\nbody\0");
    wire.into()
}

/// Names, order and lengths at random: what a branch predictor cannot learn by heart.
fn random_messages(times: usize) -> Bytes {
    let mut random = Random(0x5eed);
    let mut wire = Vec::new();
    for n in 0..times {
        let length = random.between(20, 320);
        let mut headers = vec![
            format!("subscription:{}\n", random.word(1, 12)),
            format!("message-id:{}-{n}\n", random.word(4, 40)),
            format!("destination:/queue/{}\n", random.word(3, 40)),
            format!("content-length:{length}\n"),
        ];
        for _ in 0..random.between(0, 4) {
            headers.push(format!("{}:{}\n", random.word(2, 24), random.word(0, 60)));
        }
        for last in (1..headers.len()).rev() {
            headers.swap(last, random.between(0, last));
        }
        wire.extend(b"MESSAGE\n");
        headers.iter().for_each(|line| wire.extend(line.bytes()));
        wire.push(b'\n');
        wire.extend(std::iter::repeat_n(b'z', length));
        wire.push(0);
    }
    wire.into()
}

/// xorshift64*: enough for test data.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    }

    fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.next() as usize % (high - low + 1)
    }

    fn word(&mut self, low: usize, high: usize) -> String {
        let length = self.between(low, high);
        (0..length)
            .map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz-._/0123456789"[self.between(0, 39)]))
            .collect()
    }
}
