//! A blocking STOMP client with failover, heart-beats and receipts.
