//! A STOMP broker for tests: in memory or on a port, with real semantics and faults on command.
