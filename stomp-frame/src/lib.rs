//! STOMP 1.0, 1.1 and 1.2 frames: a resumable zero-copy decoder and a strict encoder, for clients and brokers.
