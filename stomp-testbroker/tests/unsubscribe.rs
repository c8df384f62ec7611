//! What RabbitMQ does about messages that are not settled when their subscription ends.

mod common;

use std::io::{Read, Write};
use std::time::Duration;

use common::value;
use stomp_testbroker::{MemoryStream, Profile, TestBroker};

const HELD: usize = 20;
const UNSUBSCRIBE: &str = "UNSUBSCRIBE\nid:s\nreceipt:u\n\n\0";
const BOUNCE: &str = "ERROR\nmessage:Subscription not found\ncontent-type:text/plain\n\
                      version:1.0,1.1,1.2\ncontent-length:48\n\n\
                      There is no current subscription with tag 'T_s'.";

/// A client that holds 20 messages, and the ids that settle them. As many more wait.
struct Holder {
    broker: TestBroker,
    link: MemoryStream,
    acks: Vec<String>,
}

impl Holder {
    fn new() -> Self {
        let broker = TestBroker::builder().profile(Profile::RabbitMq).in_memory();
        let mut link = broker.connect_memory().expect("the broker accepts");
        link.set_read_timeout(Some(Duration::ZERO)); // in memory, what it answers is there at once
        let mut holder = Self {
            broker,
            link,
            acks: Vec::new(),
        };
        holder.say("CONNECT\naccept-version:1.2\nhost:/\n\n\0");
        holder.say(&"SEND\ndestination:/queue/a\n\nx\0".repeat(2 * HELD));
        let messages = holder.say(&format!(
            "SUBSCRIBE\nid:s\ndestination:/queue/a\nack:client-individual\nprefetch-count:{HELD}\n\n\0"
        ));
        let acks = messages.iter().filter_map(|message| value(message, "ack"));
        holder.acks = acks.map(str::to_owned).collect();
        holder
    }

    /// Says these frames in one write, and returns what is answered.
    fn say(&mut self, frames: &str) -> Vec<String> {
        self.link.write_all(frames.as_bytes()).expect("it is open");
        let mut octets = Vec::new();
        let _would_block = self.link.read_to_end(&mut octets);
        let text = String::from_utf8(octets).expect("text");
        let frames = text.split_terminator("\0\n");
        frames.map(str::to_owned).collect()
    }

    /// Counts what others can have, at once and when the connection has ended.
    fn given_back(self) -> (usize, usize) {
        let at_once = self.broker.depth("/queue/a");
        drop(self.link);
        self.broker.close_connections();
        (at_once, self.broker.depth("/queue/a"))
    }
}

fn settle(command: &str, acks: &[String], headers: &str) -> String {
    let frames = acks.iter();
    frames
        .map(|ack| format!("{command}\nid:{ack}\n{headers}\n\0"))
        .collect()
}

#[test]
fn what_is_held_is_stranded_until_the_connection_ends() {
    let mut holder = Holder::new();
    assert_eq!(holder.say(UNSUBSCRIBE).len(), 1);
    assert_eq!(holder.given_back(), (HELD, 2 * HELD));
}

#[test]
fn nacks_in_a_transaction_that_is_committed_behind_it_give_all_back() {
    let mut holder = Holder::new();
    let nacks = settle("NACK", &holder.acks, "requeue:true\ntransaction:t\n");
    let begin = "BEGIN\ntransaction:t\n\n\0";
    let commit = "COMMIT\ntransaction:t\nreceipt:c\n\n\0";
    let answers = holder.say(&format!("{begin}{nacks}{UNSUBSCRIBE}{commit}"));
    assert_eq!(
        answers,
        ["RECEIPT\nreceipt-id:u\n\n", "RECEIPT\nreceipt-id:c\n\n"]
    );
    assert_eq!(holder.given_back(), (2 * HELD, 2 * HELD));
}

#[test]
fn plain_nacks_in_the_same_write_come_back_to_a_subscription_that_has_ended() {
    let mut holder = Holder::new();
    let nacks = settle("NACK", &holder.acks, "requeue:true\n");
    let answers = holder.say(&format!("{nacks}{UNSUBSCRIBE}"));
    assert_eq!(answers[1..], [BOUNCE; HELD]);
    assert_eq!(holder.given_back(), (HELD, 2 * HELD));
}

#[test]
fn plain_acks_in_the_same_write_make_room_for_what_bounces_and_is_stranded() {
    let mut holder = Holder::new();
    let acks = settle("ACK", &holder.acks[..10], "");
    let answers = holder.say(&format!("{acks}{UNSUBSCRIBE}"));
    assert_eq!(answers[1..], [BOUNCE; 10]);
    let send = "SEND\ndestination:/queue/b\nreceipt:open\n\nx\0";
    assert_eq!(holder.say(send), ["RECEIPT\nreceipt-id:open\n\n"]);
    // 10 of those that waited, 10 that were held, and 10 that bounced.
    assert_eq!(holder.given_back(), (HELD - 10, 2 * HELD - 10));
}

#[test]
fn acks_in_the_transaction_that_gives_back_make_no_room() {
    let mut holder = Holder::new();
    let acks = settle("ACK", &holder.acks[..10], "transaction:t\n");
    let nacks = settle("NACK", &holder.acks[10..], "transaction:t\n");
    let begin = "BEGIN\ntransaction:t\n\n\0";
    let commit = "COMMIT\ntransaction:t\nreceipt:c\n\n\0";
    let answers = holder.say(&format!("{begin}{acks}{nacks}{UNSUBSCRIBE}{commit}"));
    assert_eq!(answers.len(), 2);
    assert_eq!(holder.given_back(), (2 * HELD - 10, 2 * HELD - 10));
}

#[test]
fn acks_in_a_write_of_their_own_are_answered_by_messages() {
    let mut holder = Holder::new();
    let acks = settle("ACK", &holder.acks[..10], "");
    let messages = holder.say(&acks);
    assert_eq!(messages.len(), 10);
    assert!(messages.iter().all(|frame| frame.contains("MESSAGE\n")));
    assert_eq!(holder.say(UNSUBSCRIBE), ["RECEIPT\nreceipt-id:u\n\n"]);
    assert_eq!(holder.given_back(), (HELD - 10, 2 * HELD - 10));
}

#[test]
fn a_plain_ack_behind_it_finds_no_subscription() {
    let mut holder = Holder::new();
    let acks = settle("ACK", &holder.acks[..1], "");
    let answers = holder.say(&format!("{UNSUBSCRIBE}{acks}"));
    assert_eq!(
        value(&answers[1], "message"),
        Some("Subscription not found")
    );
    let send = "SEND\ndestination:/queue/b\nreceipt:open\n\nx\0";
    assert_eq!(holder.say(send), ["RECEIPT\nreceipt-id:open\n\n"]);
}

#[test]
fn a_new_subscription_of_the_same_id_can_settle_what_the_old_one_left() {
    let mut holder = Holder::new();
    let nacks = settle("NACK", &holder.acks, "");
    let again = "SUBSCRIBE\nid:s\ndestination:/queue/empty\nack:client-individual\nreceipt:s\n\n\0";
    let answers = holder.say(&format!("{UNSUBSCRIBE}{again}{nacks}{UNSUBSCRIBE}"));
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(|frame| frame.contains("RECEIPT\n")));
    assert_eq!(holder.given_back(), (2 * HELD, 2 * HELD));
}
