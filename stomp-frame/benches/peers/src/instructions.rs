use std::process::Command;

use crate::peers::{Found, Input};
use crate::table::{Table, grouped, legend};
use crate::{Corpus, Peer};

/// Prints how many instructions each pair takes for a frame: runs this program under callgrind,
/// once for each pair.
pub fn count(corpora: &[&'static Corpus], peers: &[&'static Peer]) {
    let columns = corpora.iter().map(|corpus| corpus.name);
    let mut table = Table::new("instructions a frame", columns);
    for peer in peers {
        for corpus in corpora {
            if (peer.prepare)(corpus, &corpus.wire()).is_none() {
                continue;
            }
            let each = collected(corpus, peer) / corpus.frames as u64;
            println!("{:20} {:6} {:>14}", peer.name, corpus.name, grouped(each));
            table.set(peer.name, corpus.name, grouped(each));
        }
    }
    println!("\n{}\n{table}", legend(corpora));
}

/// Runs a pair a single time, for callgrind.
pub fn run_once(corpus: &Corpus, peer: &Peer) {
    let input = (peer.prepare)(corpus, &corpus.wire()).expect("was asked before");
    std::hint::black_box(counted(corpus, peer, input));
}

/// Callgrind knows it by its name, and counts what happens in it.
#[inline(never)]
fn counted(corpus: &Corpus, peer: &Peer, input: Input) -> Found {
    (peer.run)(corpus, input)
}

fn collected(corpus: &Corpus, peer: &Peer) -> u64 {
    let this = std::env::current_exe().expect("this program has a file");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=stomp_frame_peers::instructions::counted")
        .arg(this)
        .args(["once", corpus.name, peer.name])
        .output()
        .expect("valgrind is installed");
    let report = String::from_utf8_lossy(&output.stderr);
    let line = report.lines().find(|line| line.contains("Collected : "));
    let number = line.and_then(|line| line.rsplit(' ').next());
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("callgrind says: {report}"))
}
