//! The same broker over every link, from blocking and from asynchronous tests.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use stomp_testbroker::{MemoryStream, TestBroker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CONNECT: &str = "CONNECT\naccept-version:1.2\nhost:h\n\n\0";

/// Reads up to and including the next NUL.
fn read_frame(link: &mut impl Read) -> String {
    let mut frame = Vec::new();
    let mut octet = [0];
    while link.read(&mut octet).unwrap() > 0 {
        if octet[0] == 0 {
            break;
        }
        frame.push(octet[0]);
    }
    String::from_utf8(frame).unwrap()
}

fn exchange(mut link: impl Read + Write, broker: &TestBroker) {
    link.write_all(CONNECT.as_bytes()).unwrap();
    assert!(read_frame(&mut link).starts_with("CONNECTED\nversion:1.2\n"));
    link.write_all(b"SUBSCRIBE\nid:0\ndestination:/queue/a\nack:client\n\n\0")
        .unwrap();
    broker.subscribed("/queue/a").wait();
    link.write_all(b"SEND\ndestination:/queue/a\n\nhello\0")
        .unwrap();
    assert!(read_frame(&mut link).ends_with("\n\nhello"));
    assert_eq!(broker.unacked("/queue/a"), 1);
    link.write_all(b"ACK\nid:ack-1-1-1\n\n\0").unwrap();
    broker.consumed("/queue/a", 1).wait();
    broker.idle().wait();
    link.write_all(b"DISCONNECT\nreceipt:bye\n\n\0").unwrap();
    assert_eq!(read_frame(&mut link), "RECEIPT\nreceipt-id:bye\n\n");
    assert_eq!(read_frame(&mut link), "", "the broker closes");
    broker.connected(0).wait();
}

#[test]
fn blocking_client_over_tcp() {
    let broker = TestBroker::start();
    exchange(TcpStream::connect(broker.address()).unwrap(), &broker);
}

#[test]
fn blocking_client_in_memory() {
    let broker = TestBroker::in_memory();
    exchange(broker.connect_memory().unwrap(), &broker);
}

#[test]
fn one_thread_reads_while_another_writes() {
    let broker = TestBroker::in_memory();
    let mut writer = broker.connect_memory().unwrap();
    let mut reader = writer.clone();
    let reading = std::thread::spawn(move || read_frame(&mut reader));
    writer.write_all(CONNECT.as_bytes()).unwrap();
    assert!(reading.join().unwrap().starts_with("CONNECTED"));
}

#[test]
fn blocking_read_gives_up_at_its_timeout() {
    let broker = TestBroker::in_memory();
    let mut link = broker.connect_memory().unwrap();
    link.set_read_timeout(Some(Duration::from_millis(1)));
    let error = link.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn blocking_link_gets_heart_beats() {
    let broker = TestBroker::builder().heart_beat(20, 0).in_memory();
    let mut link = broker.connect_memory().unwrap();
    link.write_all(b"CONNECT\naccept-version:1.2\nhost:h\nheart-beat:0,20\n\n\0")
        .unwrap();
    read_frame(&mut link);
    let mut beat = [0];
    link.read_exact(&mut beat).unwrap();
    assert_eq!(beat, *b"\n");
}

#[test]
fn dropping_the_broker_ends_every_link() {
    let broker = TestBroker::start();
    let address = broker.address();
    let connector = broker.connector();
    let mut tcp = TcpStream::connect(address).unwrap();
    let mut memory: MemoryStream = connector.connect().unwrap();
    drop(broker);
    assert_eq!(tcp.read(&mut [0]).unwrap_or(0), 0);
    assert_eq!(memory.read(&mut [0]).unwrap(), 0);
    assert!(TcpStream::connect(address).is_err());
    assert!(connector.connect().is_err());
}

#[tokio::test(start_paused = true)]
async fn asynchronous_client_under_a_paused_clock() {
    let broker = TestBroker::builder().heart_beat(30_000, 0).in_memory();
    let mut link = broker.connect_memory_async().unwrap();
    link.write_all(b"CONNECT\naccept-version:1.2\nhost:h\nheart-beat:0,30000\n\n\0")
        .await
        .unwrap();
    let start = tokio::time::Instant::now();
    let mut received = Vec::new();
    while !received.ends_with(b"\0\n\n\n") {
        link.read_buf(&mut received).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::from_secs(90), "three beats");
}

#[tokio::test(start_paused = true)]
async fn silent_client_is_given_up_in_virtual_time() {
    let broker = TestBroker::builder().heart_beat(0, 10_000).in_memory();
    let mut link = broker.connect_memory_async().unwrap();
    link.write_all(b"CONNECT\naccept-version:1.2\nhost:h\nheart-beat:10000,0\n\n\0")
        .await
        .unwrap();
    broker.connected(1).await;
    let start = tokio::time::Instant::now();
    broker.connected(0).await;
    assert_eq!(start.elapsed(), Duration::from_secs(20));
}

#[tokio::test]
async fn asynchronous_test_over_tcp() {
    let broker = TestBroker::start();
    let mut link = tokio::net::TcpStream::connect(broker.address())
        .await
        .unwrap();
    link.write_all(CONNECT.as_bytes()).await.unwrap();
    broker.connected(1).await;
    broker.push("/queue/a", "one");
    link.write_all(b"SUBSCRIBE\nid:0\ndestination:/queue/a\n\n\0")
        .await
        .unwrap();
    broker.consumed("/queue/a", 1).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "paused tokio clock")]
async fn tcp_under_a_paused_clock_is_refused() {
    let _broker = TestBroker::start();
}

#[test]
#[should_panic(expected = "a subscription to /queue/a, in vain")]
fn vain_wait_shows_the_conversation() {
    let broker = TestBroker::in_memory();
    broker
        .subscribed("/queue/a")
        .within(Duration::from_millis(1))
        .wait();
}
