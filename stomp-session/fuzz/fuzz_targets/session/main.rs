//! Any script of octets from the peer, calls of the application and steps of the clock, over any
//! number of connections: no panic, no wait that is never resolved or twice, no timer that never
//! rests, one `Closed` for each connection, and nothing of a dead connection on the wire.
//!
//! A script is one step for the configuration and the steps that follow, each with an octet 255
//! behind it. A step is a letter, choices (counted from the digit `0`), and perhaps octets:
//!
//! | step | what happens | choices |
//! |---|---|---|
//! | `d` | octets come | none: the octets |
//! | `c` | CONNECTED comes | version, server, heart-beat |
//! | `m` | MESSAGE comes | subscription, and its body |
//! | `r` | RECEIPT comes | which of those asked for |
//! | `e` | ERROR comes | what it names, which |
//! | `x` | the stream ends | |
//! | `t` | the clock moves | by how much |
//! | `h` | `handle_timeout` | |
//! | `p`, `q` | pause, resume | |
//! | `w` | `poll_transmit`, until `None` | |
//! | `s` | SEND | receipt, transaction, a header, and the body |
//! | `S` | SUBSCRIBE | receipt, ack mode, destination, id, durable |
//! | `U` | UNSUBSCRIBE | receipt, subscription, delete |
//! | `a`, `n` | ACK, NACK | receipt, transaction, delivery |
//! | `b`, `k`, `z` | BEGIN, COMMIT, ABORT | receipt, transaction |
//! | `D` | DISCONNECT | receipt |
//! | `f` | forgets, releases, clears | what, subscription |
//! | `R` | the next connection | whether the stream ends in order |

#![no_main]

mod application;
mod peer;
mod world;

use libfuzzer_sys::fuzz_target;
use world::World;

fuzz_target!(|script: &[u8]| {
    let mut steps = script.split(|octet| *octet == 255);
    let Some(mut world) = World::new(steps.next().unwrap_or_default()) else {
        return;
    };
    for step in steps {
        if let Some((letter, rest)) = step.split_first() {
            world = world.step(*letter, rest);
        }
    }
    world.end();
});
