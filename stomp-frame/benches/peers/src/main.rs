//! Reads the same octets with our decoder, one written by hand, and the published ones.
//!
//! ```text
//! cargo run --release --manifest-path stomp-frame/benches/peers/Cargo.toml
//! cargo run --release --manifest-path stomp-frame/benches/peers/Cargo.toml -- a1,r1 stomp-frame,by-hand
//! cargo run --release --manifest-path stomp-frame/benches/peers/Cargo.toml -- instructions a1,a2,d,e
//! ```
//!
//! The first two print a line for each crate and corpus (ns and allocations a frame, MB/s of wire
//! octets), and then tables of them in Markdown. The third counts instructions a frame with
//! valgrind, which does not depend on what else the machine does. Corpora and crates may be left
//! out: then it is all of them.

#[path = "../../corpora/mod.rs"]
mod corpora;
mod hand;
mod instructions;
mod peers;
mod table;
mod time;

use corpora::Corpus;
use peers::Peer;

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mode = match arguments.first().map(String::as_str) {
        Some("instructions" | "once") => arguments.remove(0),
        _ => "time".to_owned(),
    };
    let mut lists = arguments.into_iter();
    let corpora = chosen(corpora::ALL, lists.next(), |corpus| corpus.name);
    let peers = chosen(peers::ALL, lists.next(), |peer| peer.name);
    match mode.as_str() {
        "instructions" => instructions::count(&corpora, &peers),
        "once" => instructions::run_once(corpora[0], peers[0]),
        _ => time::measure(&corpora, &peers),
    }
}

/// Picks what a comma-separated list names, or all if there is no list.
fn chosen<T>(all: &[T], list: Option<String>, name: fn(&T) -> &str) -> Vec<&T> {
    let Some(list) = list else {
        return all.iter().collect();
    };
    let find = |wanted: &str| all.iter().find(|item| name(item) == wanted);
    list.split(',')
        .map(|wanted| find(wanted).unwrap_or_else(|| panic!("there is no {wanted}")))
        .collect()
}
