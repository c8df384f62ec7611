//! Plays scenarios: what clients say is in the file, what the broker answers is the result.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};

use bytes::BytesMut;
use stomp_frame::{
    Command, ContentLength, Decoder, Encoder, Frame, Item, Limits, Side, Version, header,
};
use stomp_testbroker::{Profile, TestBroker};

/// Where octets come from and go to. A read that finds nothing for a while fails.
pub(crate) trait Line: Read + Write {}

impl<L: Read + Write> Line for L {}

/// Starts a broker with the user that the scenarios have.
pub(crate) fn start(profile: Profile) -> TestBroker {
    TestBroker::builder()
        .profile(profile)
        .login("stomp", "s3cret")
        .in_memory()
}

/// Plays every scenario of some files, each with a broker of its own, and returns what was observed.
pub(crate) fn play_all<B, C>(files: &[impl AsRef<str>], broker: impl Fn() -> (B, C)) -> String
where
    C: Fn() -> Box<dyn Line>,
{
    let mut observed = String::new();
    let scenarios = files.iter().flat_map(|file| {
        let parts = file.as_ref().split("\n== ");
        parts.skip(1) // the comment at the top
    });
    for (number, scenario) in scenarios.enumerate() {
        let (name, lines) = scenario.split_once('\n').unwrap_or((scenario, ""));
        let _ = writeln!(observed, "== {name}");
        let (_broker, connect) = broker();
        let mut play = Play {
            queue: format!("scenario-{}-{number}", std::process::id()),
            connect,
            clients: BTreeMap::new(),
            last: Frame::new(Command::Message),
            observed: &mut observed,
        };
        let lines = lines.lines().filter(|line| !line.is_empty());
        for line in lines {
            play.line(line);
        }
    }
    observed
}

struct Play<'a, C> {
    queue: String,
    connect: C,
    clients: BTreeMap<char, Client>,
    /// The last MESSAGE.
    last: Frame,
    observed: &'a mut String,
}

struct Client {
    line: Box<dyn Line>,
    decoder: Decoder,
    version: Version,
    buffer: BytesMut,
}

impl<C: Fn() -> Box<dyn Line>> Play<'_, C> {
    fn line(&mut self, line: &str) {
        let (quiet, line) = match line.strip_prefix("- ") {
            Some(line) => (true, line),
            None => (false, line),
        };
        let noted = self.observed.len();
        let _ = writeln!(self.observed, "> {line}");
        self.say(line);
        if quiet {
            self.observed.truncate(noted);
        }
    }

    fn say(&mut self, line: &str) {
        let (who, line) = match line.split_once(": ") {
            Some((who, line)) if who.len() == 1 => (who.chars().next().unwrap_or('1'), line),
            _ => ('1', line),
        };
        if line == "close" {
            self.clients.remove(&who);
            return;
        }
        if !self.clients.contains_key(&who) {
            let mut client = Client::new((self.connect)());
            let greets = line.starts_with("CONNECT ") || line.starts_with("STOMP ");
            if !greets && !line.contains("@ ") {
                let login = "CONNECT accept-version:1.2 host:/ login:stomp passcode:s3cret";
                client.say(&wire(&self.frame(login), Version::V1_2));
                let mut greeting = String::new();
                let mut patience = 0..20; // a broker on a busy machine may take longer for this
                while greeting.is_empty() && patience.next().is_some() {
                    client.hear(&mut greeting, &mut self.last);
                }
            }
            self.clients.insert(who, client);
        }
        let line = line.replacen("@ ", " ", 1);
        let version = self.clients[&who].version;
        let wire = match line.strip_prefix("raw ") {
            Some(text) => octets(&self.fill(text)),
            None if line == "hear" => BytesMut::new(),
            None => wire(&self.frame(&line), version),
        };
        if let Some(client) = self.clients.get_mut(&who) {
            client.say(&wire);
            client.hear(self.observed, &mut self.last);
        }
    }

    fn frame(&self, line: &str) -> Frame {
        let (head, body) = line.split_once(" | ").unwrap_or((line, ""));
        let mut words = head.split(' ');
        let command = words.next().and_then(|word| word.parse().ok());
        let mut frame = Frame::new(command.unwrap_or(Command::Send)).body(body.to_owned());
        for word in words.filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once(':').unwrap_or((word, ""));
            let value = self.fill(&value.replace("\\s", " "));
            frame.headers.append(name, value);
        }
        frame
    }

    /// Puts in what is in braces.
    fn fill(&self, text: &str) -> String {
        let last = |name| self.last.headers.get(name).unwrap_or("none");
        text.replace("{q}", &self.queue)
            .replace("{ack}", last(header::ACK))
            .replace("{message-id}", last(header::MESSAGE_ID))
            .replace("{reply-to}", last("reply-to"))
    }
}

/// Writes a frame as it is: without `content-length` if it has none, for ActiveMQ makes a difference.
fn wire(frame: &Frame, version: Version) -> BytesMut {
    let mut wire = BytesMut::new();
    let encoder = Encoder::new(frame.command.side()).version(version);
    let encoder = match frame.headers.contains(header::CONTENT_LENGTH) {
        true => encoder,
        false => encoder.content_length(ContentLength::Withhold),
    };
    let written = encoder.encode(frame, &mut wire);
    written.expect("the scenario can be written");
    wire
}

/// Reads `\n`, `\r`, `\0` and `\\`.
fn octets(text: &str) -> BytesMut {
    let mut octets = BytesMut::new();
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        let char = match char {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('0') => '\0',
                other => other.expect("no backslash at the end"),
            },
            char => char,
        };
        octets.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
    octets
}

impl Client {
    fn new(line: Box<dyn Line>) -> Self {
        Self {
            line,
            decoder: Decoder::new(Side::Server, Limits::client()),
            version: Version::V1_2,
            buffer: BytesMut::new(),
        }
    }

    fn say(&mut self, octets: &[u8]) {
        let _ = self.line.write_all(octets); // the broker may have left, as its answer shows
    }

    /// Notes what comes, until nothing comes any more.
    fn hear(&mut self, observed: &mut String, last: &mut Frame) {
        let mut octets = [0; 4096];
        let mut ended = false;
        while let Ok(count) = self.line.read(&mut octets) {
            ended = count == 0;
            if ended {
                break;
            }
            self.buffer.extend_from_slice(&octets[..count]);
        }
        loop {
            let frame = match self.decoder.decode(&mut self.buffer) {
                Ok(Some(Item::Frame(frame))) => frame,
                Ok(Some(_)) => continue,
                Ok(None) => break,
                Err(error) => {
                    let _ = writeln!(observed, "< not STOMP: {error}");
                    break;
                }
            };
            if frame.command == Command::Connected {
                let version = frame.headers.get(header::VERSION).unwrap_or("1.0");
                self.version = version.parse().unwrap_or(Version::V1_0);
                self.decoder.set_version(self.version);
            }
            let _ = writeln!(observed, "< {}", describe(&frame));
            if frame.command == Command::Message {
                *last = frame;
            }
        }
        if ended {
            let _ = writeln!(observed, "< end");
        }
    }
}

/// Writes a frame without what is never the same twice; of ERROR only the names of its headers.
fn describe(frame: &Frame) -> String {
    let mut text = frame.command.to_string();
    for (name, value) in &frame.headers {
        let value = match name {
            header::SESSION | header::MESSAGE_ID | header::ACK | "timestamp" => "*",
            header::SERVER if value.starts_with("stomp-testbroker/") => "stomp-testbroker/*",
            header::DESTINATION | "original-destination" | "reply-to" => {
                let unique = ["scenario", "amq.gen-", "ID:"];
                let start = unique.iter().filter_map(|unique| value.find(unique)).min();
                &value[..start.unwrap_or(value.len())]
            }
            header::MESSAGE | header::CONTENT_LENGTH if frame.command == Command::Error => "*",
            _ => value,
        };
        let _ = write!(text, " {name}:{}", visible(value));
    }
    if !frame.body.is_empty() && frame.command != Command::Error {
        let body = String::from_utf8_lossy(&frame.body);
        let _ = write!(text, " | {}", visible(&body));
    }
    text
}

/// Writes a text in one line, with every blank to be seen.
fn visible(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\0', "\\0")
        .replace(' ', "\\s")
}
