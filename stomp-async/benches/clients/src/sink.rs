//! A server that speaks just enough STOMP: it counts NULs, answers what wants a RECEIPT, and floods
//! whoever sends something to `/start/N` with N messages over all subscriptions.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use memchr::{memchr, memmem};

use crate::work::BODY;

/// Says where it listens, and goes on until nobody holds its input any more.
pub fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || converse(stream));
        }
    });
    let _ = std::io::stdin().read(&mut [0]);
}

fn converse(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let writer = Arc::new(Mutex::new(stream.try_clone().expect("a handle")));
    let mut subscriptions = Vec::new();
    let mut buffer = vec![0; 256 << 10];
    let mut filled = 0;
    let mut answer = Vec::new();
    let wants = memmem::Finder::new(b"\nreceipt:");
    loop {
        let Ok(read @ 1..) = stream.read(&mut buffer[filled..]) else {
            return;
        };
        filled += read;
        let mut begin = 0;
        while let Some(length) = memchr(0, &buffer[begin..filled]) {
            let frame = &buffer[begin..begin + length];
            begin += length + 1;
            let skip = frame.iter().take_while(|octet| **octet == b'\n').count();
            let frame = &frame[skip..];
            match frame.first() {
                Some(b'C') => answer.extend_from_slice(
                    b"CONNECTED\nversion:1.2\nserver:sink/1\nheart-beat:0,10000\n\n\0",
                ),
                Some(b'S') if frame.starts_with(b"SUBSCRIBE") => {
                    subscriptions.extend(value(frame, b"\nid:").map(<[u8]>::to_vec));
                }
                Some(b'S') => {
                    if let Some(count) = value(&frame[..frame.len().min(64)], b":/start/") {
                        let count = String::from_utf8_lossy(count).parse().expect("a number");
                        let (writer, ids) = (writer.clone(), subscriptions.clone());
                        thread::spawn(move || flood(&writer, &ids, count));
                    }
                }
                _ => {}
            }
            if let Some(at) = wants.find(frame) {
                let id = &frame[at + wants.needle().len()..];
                let id = &id[..memchr(b'\n', id).unwrap_or(id.len())];
                answer.extend_from_slice(b"RECEIPT\nreceipt-id:");
                answer.extend_from_slice(id);
                answer.extend_from_slice(b"\n\n\0");
            }
        }
        buffer.copy_within(begin..filled, 0);
        filled -= begin;
        if !answer.is_empty() {
            if writer.lock().expect("no panic").write_all(&answer).is_err() {
                return;
            }
            answer.clear();
        }
    }
}

fn value<'a>(frame: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = &frame[memmem::find(frame, name)? + name.len()..];
    Some(&rest[..memchr(b'\n', rest)?])
}

fn flood(writer: &Mutex<TcpStream>, subscriptions: &[Vec<u8>], count: usize) {
    let mut block = Vec::new();
    let mut ends = vec![0];
    while block.len() < 32 << 10 || !(ends.len() - 1).is_multiple_of(subscriptions.len()) {
        let n = ends.len();
        let id = String::from_utf8_lossy(&subscriptions[n % subscriptions.len()]);
        let head = format!(
            "MESSAGE\nsubscription:{id}\nmessage-id:T_{id}@@session-1@@{n}\nack:a{n}\n\
             destination:/queue/a\ncontent-type:text/plain\ncontent-length:100\n\n"
        );
        block.extend_from_slice(head.as_bytes());
        block.extend_from_slice(BODY);
        block.push(0);
        ends.push(block.len());
    }
    let mut left = count;
    while left > 0 {
        let messages = left.min(ends.len() - 1);
        let octets = &block[..ends[messages]];
        if writer.lock().expect("no panic").write_all(octets).is_err() {
            return;
        }
        left -= messages;
    }
}
