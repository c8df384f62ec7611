//! The session scripts of kind `broker`, run against the core in virtual time.

#[path = "../examples/conformance/script.rs"]
mod script;

#[test]
fn every_broker_script_of_the_corpus_passes() {
    let outcomes: Vec<_> = script::run_all(include_str!("data/sessions.jsonl")).collect();
    let failures: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().err()).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(outcomes.len(), 246);
}
