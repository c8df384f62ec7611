use super::exhausted::Tried;
use crate::broker::Broker;

/// What is remembered is bounded, since a server source may come up with ever new brokers.
const LIMIT: usize = 256;

/// What happened to each broker since the last stable connection.
#[derive(Clone, Debug, Default)]
pub(super) struct History(Vec<Tried>);

impl History {
    pub(super) fn attempt(&mut self, broker: &Broker) {
        let tried = self.entry(broker);
        tried.attempts = tried.attempts.saturating_add(1);
    }

    pub(super) fn error(&mut self, broker: &Broker, error: String) {
        self.entry(broker).last_error = Some(error);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn to_vec(&self) -> Vec<Tried> {
        self.0.clone()
    }

    fn entry(&mut self, broker: &Broker) -> &mut Tried {
        let index = match self.0.iter().position(|tried| tried.broker == *broker) {
            Some(index) => index,
            None => {
                if self.0.len() == LIMIT {
                    self.0.remove(0);
                }
                self.0.push(Tried {
                    broker: broker.clone(),
                    attempts: 0,
                    last_error: None,
                });
                self.0.len() - 1
            }
        };
        &mut self.0[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Scheme;

    #[test]
    fn forgets_the_oldest() {
        let mut history = History::default();
        for n in 0..300 {
            history.attempt(&Broker::new(Scheme::Stomp, format!("mq-{n}"), 1));
        }
        let tried = history.to_vec();
        assert_eq!(tried.len(), 256);
        assert_eq!(tried[0].broker.host(), "mq-44");
        assert_eq!(tried[255].broker.host(), "mq-299");
    }
}
