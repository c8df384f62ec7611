//! What a session promises, one promise a test, in virtual time.

mod disconnect;
mod flow;
mod heart_beats;
mod peer;
mod receipts;
mod replay;
mod settlement;
mod slow_frames;
mod states;
mod subscriptions;
mod transactions;
