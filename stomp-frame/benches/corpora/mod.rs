//! The streams that every decoder gets. All are made here, from fixed seeds.

use bytes::Bytes;

/// A stream, and how it arrives.
pub(crate) struct Corpus {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Client frames, as a broker reads them; all others are server frames.
    pub(crate) from_client: bool,
    pub(crate) frames: usize,
    /// Octets a read; `None` if all stand in one buffer.
    pub(crate) read: Option<usize>,
    write: fn(&Corpus) -> Vec<u8>,
}

impl Corpus {
    /// Makes the stream.
    pub(crate) fn wire(&self) -> Bytes {
        (self.write)(self).into()
    }
}

pub(crate) const ALL: &[Corpus] = &[
    Corpus {
        name: "a1",
        about: "10,000 MESSAGE of 6 headers and 100 octets, in one buffer",
        from_client: false,
        frames: 10_000,
        read: None,
        write: |corpus| repeat(corpus, message),
    },
    Corpus {
        name: "a2",
        about: "the same in reads of 4 KiB",
        from_client: false,
        frames: 10_000,
        read: Some(4 << 10),
        write: |corpus| repeat(corpus, message),
    },
    Corpus {
        name: "a3",
        about: "500 of them, octet by octet",
        from_client: false,
        frames: 500,
        read: Some(1),
        write: |corpus| repeat(corpus, message),
    },
    Corpus {
        name: "r1",
        about: "10,000 MESSAGE of 4 to 8 random headers and 20 to 320 octets",
        from_client: false,
        frames: 10_000,
        read: None,
        write: random_messages,
    },
    Corpus {
        name: "d",
        about: "20,000 ACK of 2 headers",
        from_client: true,
        frames: 20_000,
        read: None,
        write: |corpus| repeat(corpus, ack),
    },
    Corpus {
        name: "e",
        about: "as a1, with escapes in 3 headers",
        from_client: false,
        frames: 10_000,
        read: None,
        write: |corpus| repeat(corpus, escaped),
    },
    Corpus {
        name: "h",
        about: "one MESSAGE of 4,099 headers, in reads of 4 KiB",
        from_client: false,
        frames: 1,
        read: Some(4 << 10),
        write: |_| many_headers(),
    },
    Corpus {
        name: "o1",
        about: "one MESSAGE of 32 KiB without content-length, octet by octet",
        from_client: false,
        frames: 1,
        read: Some(1),
        write: |_| until_nul(32 << 10),
    },
    Corpus {
        name: "o2",
        about: "one of 64 KiB",
        from_client: false,
        frames: 1,
        read: Some(1),
        write: |_| until_nul(64 << 10),
    },
    Corpus {
        name: "b4",
        about: "one MESSAGE of 8 MiB with content-length, in reads of 4 KiB",
        from_client: false,
        frames: 1,
        read: Some(4 << 10),
        write: |_| counted(8 << 20),
    },
    Corpus {
        name: "b64",
        about: "the same in reads of 64 KiB",
        from_client: false,
        frames: 1,
        read: Some(64 << 10),
        write: |_| counted(8 << 20),
    },
    Corpus {
        name: "c4",
        about: "one MESSAGE of 8 MiB without content-length, in reads of 4 KiB",
        from_client: false,
        frames: 1,
        read: Some(4 << 10),
        write: |_| until_nul(8 << 20),
    },
    Corpus {
        name: "c64",
        about: "the same in reads of 64 KiB",
        from_client: false,
        frames: 1,
        read: Some(64 << 10),
        write: |_| until_nul(8 << 20),
    },
];

fn repeat(corpus: &Corpus, write: fn(&mut Vec<u8>, usize)) -> Vec<u8> {
    let mut wire = Vec::new();
    (0..corpus.frames).for_each(|n| write(&mut wire, n));
    wire
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

fn counted(length: usize) -> Vec<u8> {
    large(&format!("content-length:{length}\n"), length)
}

fn until_nul(length: usize) -> Vec<u8> {
    large("", length)
}

fn large(last_header: &str, length: usize) -> Vec<u8> {
    let head =
        format!("MESSAGE\nsubscription:0\nmessage-id:1\ndestination:/queue/big\n{last_header}\n");
    let mut wire = head.into_bytes();
    wire.extend(std::iter::repeat_n(b'y', length));
    wire.push(0);
    wire
}

fn many_headers() -> Vec<u8> {
    let mut wire = b"MESSAGE\nsubscription:0\nmessage-id:1\ndestination:/queue/a\n".to_vec();
    (0..4096).for_each(|n| wire.extend(format!("header-{n:05}:{}\n", "v".repeat(50)).bytes()));
    wire.extend(b"\nbody\0");
    wire
}

/// Names, order and lengths at random: what a branch predictor cannot learn by heart.
fn random_messages(corpus: &Corpus) -> Vec<u8> {
    let mut random = Random(0x5eed);
    let mut wire = Vec::new();
    for n in 0..corpus.frames {
        let length = random.between(20, 320);
        let mut headers = vec![
            format!("subscription:{}\n", random.word(1, 12)),
            format!("message-id:{}-{n}\n", random.word(4, 40)),
            format!("destination:/queue/{}\n", random.word(3, 40)),
            format!("content-length:{length}\n"),
        ];
        for _ in 0..random.between(0, 4) {
            headers.push(format!("{}:{}\n", random.word(2, 24), random.word(1, 60)));
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
    wire
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
