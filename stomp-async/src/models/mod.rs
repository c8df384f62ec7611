//! The client under the model checker: every wait ends, however its tasks are interleaved.
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
mod receiving;
mod sending;

use checker::{Time, check, check_with, time};
use peer::Manners;
use shuttle::future::block_on;
use system::{join_all, spawn as go};
use world::World;
