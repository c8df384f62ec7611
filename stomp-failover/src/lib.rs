//! Failover URIs as ActiveMQ writes them, and the sequence of connection attempts they mean.
