//! What one would write by hand: memchr for each line, and the frame that `stomp-frame` makes.
//!
//! It knows 1.2 server frames only, has no limits, and starts the frame anew with each read. It
//! does check UTF-8, look for escapes, NUL and CR, and recognise `content-length`.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

pub struct HandFrame {
    pub command: Command,
    pub head: Bytes,
    pub headers: [(u32, u32, u32); 12],
    pub count: usize,
    pub escaped: bool,
    pub body: Bytes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Connected,
    Message,
    Receipt,
    Error,
}

impl HandFrame {
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers[..self.count].iter();
        let found = headers.find(|h| &self.head[h.0 as usize..h.1 as usize] == name.as_bytes())?;
        std::str::from_utf8(&self.head[found.1 as usize + 1..found.2 as usize]).ok()
    }
}

pub fn decode(src: &mut BytesMut) -> Result<Option<HandFrame>, &'static str> {
    let eols = src.iter().take_while(|&&byte| byte == b'\n').count();
    src.advance(eols);
    let bytes = &src[..];
    let Some(end) = memchr(b'\n', bytes) else {
        return Ok(None);
    };
    let command = match &bytes[..end] {
        b"CONNECTED" => Command::Connected,
        b"MESSAGE" => Command::Message,
        b"RECEIPT" => Command::Receipt,
        b"ERROR" => Command::Error,
        _ => return Err("unknown command"),
    };
    let (mut headers, mut count, mut length) = ([(0, 0, 0); 12], 0, None);
    let mut at = end + 1;
    loop {
        let Some(line) = memchr(b'\n', &bytes[at..]) else {
            return Ok(None);
        };
        if line == 0 {
            at += 1;
            break;
        }
        let line = &bytes[at..at + line];
        let Some(colon) = memchr(b':', line) else {
            return Err("no colon");
        };
        if length.is_none() && &line[..colon] == b"content-length" {
            length = Some(number(&line[colon + 1..]).ok_or("bad content-length")?);
        }
        let place = headers.get_mut(count).ok_or("too many headers")?;
        *place = (at as u32, (at + colon) as u32, (at + line.len()) as u32);
        count += 1;
        at += line.len() + 1;
    }
    let head = std::str::from_utf8(&bytes[..at]).map_err(|_| "not UTF-8")?;
    if memchr::memchr2(0, b'\r', head.as_bytes()).is_some() {
        return Err("NUL or CR in a header");
    }
    let escaped = memchr(b'\\', head.as_bytes()).is_some();
    let length = match length {
        Some(length) => match bytes.get(at + length) {
            Some(0) => length,
            Some(_) => return Err("no NUL"),
            None => return Ok(None),
        },
        None => match memchr(0, &bytes[at..]) {
            Some(length) => length,
            None => return Ok(None),
        },
    };
    let head = src.split_to(at).freeze();
    let body = src.split_to(length).freeze();
    src.advance(1);
    Ok(Some(HandFrame {
        command,
        head,
        headers,
        count,
        escaped,
        body,
    }))
}

fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0usize, |number, digit| match digit {
        b'0'..=b'9' => number
            .checked_mul(10)?
            .checked_add(usize::from(digit - b'0')),
        _ => None,
    })
}
