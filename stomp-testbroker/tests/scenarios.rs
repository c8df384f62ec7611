//! The profiles answer as the real brokers did: `observed-*.txt` was written down from these by
//! `.ci/profiles --record`. What the strict profile answers was written down, too, so that no change
//! of it goes unseen.

#[path = "../examples/scenarios/play.rs"]
mod play;

use std::time::Duration;

use play::Line;
use stomp_testbroker::Profile;

const FOR_ALL: &str = include_str!("data/scenarios.txt");
const FOR_RABBITMQ: &str = include_str!("data/scenarios-rabbitmq.txt");

/// Plays scenarios with a profile, and compares with what the real broker said.
fn check(profile: Profile, scenarios: &[&str], observed: &str) {
    let played = play::play_all(scenarios, || {
        let broker = play::start(profile);
        let connector = broker.connector();
        (broker, move || -> Box<dyn Line> {
            let mut link = connector.connect().expect("the broker is there");
            link.set_read_timeout(Some(Duration::ZERO));
            Box::new(link)
        })
    });
    for (line, (played, observed)) in played.lines().zip(observed.lines()).enumerate() {
        assert_eq!(played, observed, "{profile}, line {}", line + 1);
    }
    assert_eq!(played.lines().count(), observed.lines().count());
}

#[test]
fn strict_profile_answers_as_before() {
    check(
        Profile::Strict,
        &[FOR_ALL],
        include_str!("data/observed-strict.txt"),
    );
}

#[test]
fn rabbitmq_profile_answers_as_rabbitmq_did() {
    check(
        Profile::RabbitMq,
        &[FOR_ALL, FOR_RABBITMQ],
        include_str!("data/observed-rabbitmq.txt"),
    );
}

#[test]
fn activemq_profile_answers_as_activemq_did() {
    check(
        Profile::ActiveMq,
        &[FOR_ALL],
        include_str!("data/observed-activemq.txt"),
    );
}
