//! The client under the model checker: every wait ends, however its threads are interleaved.
//!
//! `.ci/run models` runs them, and CONTRIBUTING.md says how to run them for longer.

#[path = "../../../stomp-session/tests/models/checker.rs"]
mod checker;
#[path = "../../../stomp-session/tests/models/clock.rs"]
mod clock;
#[path = "../../../stomp-session/tests/models/peer.rs"]
mod peer;
pub(crate) mod system;
mod world;

mod closing;
mod manual;
mod receiving;
mod sending;

use checker::{Time, check, check_with, time};
use peer::Manners;
use system::join_all;
use world::World;
