//! The engine, driven by hand in virtual time: no test sleeps, and none dials.

mod back_pressure;
mod blaming;
mod connecting;
mod deadlines;
mod dropping;
mod failing_over;
mod leaving;
mod limits;
mod line;
mod oddities;
mod peer;
mod poison;
mod silence;
mod stale;
mod subscribing;
mod waking;
