//! What the fuzz targets share.
//!
//! Inputs are made to be read: a few octets of choices, counted from the digit `0`, and then the
//! matter itself. So a seed, or a crash, can be understood in a text editor.

mod choices;
mod reading;
mod reference;

pub use choices::Choices;
pub use reading::{Reading, read};
pub use reference::{Rules, refer};
