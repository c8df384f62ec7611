//! Any script of calls of an application and of a driver, and of octets from the peers, over any
//! number of connections: no panic, no wait without end or that nobody is told the end of, no timer
//! that never rests, no budget that is not kept, and nothing behind the end.
//!
//! A script is one step for the settings and the steps that follow, each with an octet 255 behind it.
//! A step is a letter, choices (counted from the digit `0`), and perhaps octets:
//!
//! | step | what happens | choices |
//! |---|---|---|
//! | `d`, `D` | octets come; with `D` a message of a WebSocket ends there | none: the octets |
//! | `c` | CONNECTED comes | version, server, heart-beat |
//! | `m` | MESSAGE comes | subscription, number, and its body |
//! | `r` | RECEIPT comes | which of those asked for |
//! | `e` | ERROR comes | what it names, which |
//! | `x` | a link ends | which, whether with an error |
//! | `y` | nothing was there to be read | which link |
//! | `t` | the clock moves | by how much, whether back |
//! | `h` | `handle_timeout` | |
//! | `w`, `W` | `poll_transmit`, `handle_written` | which link; how much |
//! | `p` | `poll_work` | |
//! | `o`, `O` | an attempt leads to a link, or fails | which; secure, pieces |
//! | `z`, `Z` | the driver sleeps; sleeps on | whether it could write |
//! | `s` | a message is sent | confirm, time, and the body |
//! | `S` | a subscription is made | ack mode, capacity, time |
//! | `b` | whoever waits in the line comes again | which |
//! | `U`, `u` | a subscription is ended, dropped | which; drain, time |
//! | `a`, `n`, `l` | a delivery is acknowledged, refused, dropped | which |
//! | `k`, `K` | a message is taken; nobody waits any more | which subscription |
//! | `q`, `g`, `i` | an outcome is asked for, given up; whether it is its turn | which operation |
//! | `v` | events | what |
//! | `B`, `A` | the application disconnects, is gone | |
//! | `G`, `P` | the driver is gone; somebody panicked | |

#![no_main]

mod application;
mod driver;
mod peer;
mod world;

use libfuzzer_sys::fuzz_target;
use world::World;

fuzz_target!(|script: &[u8]| {
    let mut steps = script.split(|octet| *octet == 255);
    let mut world = World::new(steps.next().unwrap_or_default());
    for step in steps {
        if let Some((letter, rest)) = step.split_first() {
            world.step(*letter, rest);
        }
    }
    world.end();
});
