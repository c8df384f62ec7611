//! What is known to fail today, with the reason. The list shall become empty, and the suite says so
//! of everything in it that does not fail any more.

#[cfg(feature = "websocket")]
use crate::suite::SUITES;

pub(crate) struct Expected {
    scenario: &'static str,
    link: &'static str,
    adapters: &'static [&'static str],
    pub(crate) today: Today,
    /// What it breaks: a promise of the design, or a field report by its number.
    pub(crate) row: &'static str,
    /// What happens instead.
    pub(crate) happens: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Today {
    Fails,
    /// A race: it is not run.
    Flaky,
}

pub(crate) fn find(scenario: &str, link: &str, adapter: &str) -> Option<&'static Expected> {
    EXPECTED.iter().find(|expected| {
        expected.scenario == scenario
            && (expected.link == link || expected.link == ANY)
            && expected.adapters.contains(&adapter)
    })
}

#[test]
#[cfg(feature = "websocket")] // without it, there is only a part of the suite
fn whatever_is_expected_to_fail_is_in_the_suite() {
    let scenarios = || SUITES.iter().copied().flatten();
    for expected in EXPECTED {
        let found = scenarios().any(|scenario| {
            let links = scenario.links.iter().map(|(name, _)| *name);
            scenario.name == expected.scenario
                && (expected.link == ANY || links.into_iter().any(|name| name == expected.link))
        });
        assert!(found, "{} is not in the suite", expected.scenario);
    }
}

const fn fails(
    scenario: &'static str,
    link: &'static str,
    adapters: &'static [&'static str],
    row: &'static str,
    happens: &'static str,
) -> Expected {
    Expected {
        scenario,
        link,
        adapters,
        today: Today::Fails,
        row,
        happens,
    }
}

const fn flaky(
    scenario: &'static str,
    link: &'static str,
    adapters: &'static [&'static str],
    row: &'static str,
    happens: &'static str,
) -> Expected {
    Expected {
        today: Today::Flaky,
        ..fails(scenario, link, adapters, row, happens)
    }
}

const ANY: &str = "any";

const ALL: &[&str] = &[
    "async_current_thread",
    "async_multi_thread",
    "sync_threads",
    "sync_manual",
];
const ASYNC: &[&str] = &["async_current_thread", "async_multi_thread"];
const SYNC: &[&str] = &["sync_threads", "sync_manual"];
const THREADS: &[&str] = &["sync_threads"];
const MANUAL: &[&str] = &["sync_manual"];

#[rustfmt::skip]
const EXPECTED: &[Expected] = &[];
