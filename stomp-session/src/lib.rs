//! One STOMP connection as a deterministic state machine: no I/O, no clock, no runtime.
