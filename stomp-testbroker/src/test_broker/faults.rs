use std::sync::Arc;

use super::TestBroker;
use crate::fault::{RuleId, Standing, Times};
use crate::shared::Shared;
use crate::{Fault, Rule};

/// Faults that last until their guard is dropped, and expectations.
impl TestBroker {
    /// Expects something to happen so many times until the broker is dropped; the test fails if it
    /// does not.
    ///
    /// ```
    /// use stomp_frame::Command;
    /// use stomp_testbroker::{TestBroker, on};
    ///
    /// let broker = TestBroker::in_memory();
    /// broker.expect(on(Command::Send).to("/queue/a"), ..=3);
    /// ```
    pub fn expect(&self, rule: Rule, times: impl Into<Times>) {
        rule.expect(times).mount(self).leave();
    }

    /// Kills the broker: all connections end, messages that are not `persistent:true` are lost, and
    /// connecting is refused until the guard is dropped. It comes back on the same port.
    pub fn crash(&self) -> Guard {
        let guard = self.stand(Standing::Refuse);
        let now = crate::link::now();
        self.shared.with(|broker| broker.crash(None, now));
        guard
    }

    /// Ends all connections at once, without a word. Nothing is lost, and clients may come again.
    pub fn close_connections(&self) {
        let now = crate::link::now();
        self.shared.with(|broker| broker.close_all(now));
    }

    /// Refuses new connections until the guard is dropped.
    pub fn refuse_connections(&self) -> Guard {
        self.stand(Standing::Refuse)
    }

    /// Lets all octets vanish, in both directions, without an end of the connections, until the
    /// guard is dropped: then what was held up arrives, as it does with TCP.
    pub fn black_hole(&self) -> Guard {
        self.stand(Standing::BlackHole)
    }

    /// Sends no heart-beats until the guard is dropped.
    pub fn stop_beating(&self) -> Guard {
        self.stand(Standing::StopBeating)
    }

    /// Reads nothing from any client until the guard is dropped, as RabbitMQ under memory alarm;
    /// heart-beats and messages still go out.
    pub fn stop_reading(&self) -> Guard {
        self.stand(Standing::StopReading)
    }

    /// Hands out octets in pieces of this many until the guard is dropped.
    pub fn slice(&self, octets: usize) -> Guard {
        self.stand(Standing::Slice(octets.max(1)))
    }

    fn stand(&self, fault: Standing) -> Guard {
        Guard::stand(&self.shared, fault, None)
    }

    fn verify(&self) {
        let complaints = self.shared.look(|broker| broker.complaints());
        if !complaints.is_empty() {
            fail(&self.shared, &complaints);
        }
    }
}

/// Verifies all expectations, unless the test has failed already: then it prints the conversation.
impl Drop for TestBroker {
    fn drop(&mut self) {
        self.shared.stop();
        if std::thread::panicking() {
            let report = self.shared.look(|broker| broker.report());
            eprintln!("{report}");
        } else {
            self.verify();
        }
    }
}

impl Rule {
    /// Puts the rule into force, until the guard is dropped.
    pub fn mount(self, broker: &TestBroker) -> Guard {
        let shared = &broker.shared;
        Guard {
            shared: Arc::clone(shared),
            id: Some(shared.with(|broker| broker.mount(self))),
        }
    }

    /// Says what happens, and puts the rule into force: `.then(fault).mount(broker)`.
    pub fn inflict(self, fault: Fault, broker: &TestBroker) -> Guard {
        self.then(fault).mount(broker)
    }
}

/// Keeps a fault in force; dropping it heals what it broke.
///
/// Where the rule has an expectation, dropping the guard verifies it.
#[derive(Debug)]
#[must_use = "the fault ends when its guard is dropped"]
pub struct Guard {
    shared: Arc<Shared>,
    id: Option<RuleId>,
}

impl Guard {
    pub(super) fn stand(shared: &Arc<Shared>, fault: Standing, node: Option<usize>) -> Self {
        let now = crate::link::now();
        let id = shared.control(|broker| broker.stand(fault, node, now));
        Self {
            shared: Arc::clone(shared),
            id: Some(id),
        }
    }

    /// Counts how often the rule has applied.
    #[must_use]
    pub fn hits(&self) -> u64 {
        let id = self.id;
        self.shared
            .look(|broker| id.map_or(0, |id| broker.hits(id)))
    }

    /// Ends the fault: the same as dropping the guard.
    pub fn heal(self) {
        drop(self);
    }

    /// Leaves the fault in force for the rest of the broker's life.
    pub fn leave(mut self) {
        self.id = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else {
            return;
        };
        let now = crate::link::now();
        let rule = self.shared.control(|broker| broker.unmount(id, now));
        if let Some(complaint) = rule.and_then(|rule| rule.complaint())
            && !std::thread::panicking()
        {
            fail(&self.shared, &[complaint]);
        }
    }
}

fn fail(shared: &Shared, complaints: &[String]) -> ! {
    let list: String = complaints.iter().map(|c| format!("  {c}\n")).collect();
    let report = shared.look(|broker| broker.report());
    panic!("the test broker did not get what it expected:\n{list}{report}^^^ here it ended");
}
