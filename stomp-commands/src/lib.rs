//! Typed STOMP commands, both directions, and the dialects of RabbitMQ, ActiveMQ and Artemis.
