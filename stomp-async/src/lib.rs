//! A STOMP client for tokio with failover, heart-beats and receipts.
