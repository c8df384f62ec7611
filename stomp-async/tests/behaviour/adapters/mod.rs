//! The clients of this workspace, each as the suite sees it.

mod asynchronous;
mod blocking;
mod words;

use crate::client::Adapter;

/// All kinds of clients. The suite names them, so one more needs one more word in `suite.rs`.
pub(crate) const ADAPTERS: &[&dyn Adapter] = &[
    &asynchronous::Flavour::CurrentThread,
    &asynchronous::Flavour::MultiThread,
    &blocking::Flavour::Threads,
    &blocking::Flavour::Manual,
];
