//! The session scripts of kind `client`, run in virtual time.

#[path = "../examples/conformance/script.rs"]
mod script;
#[path = "../examples/conformance/stage.rs"]
mod stage;

#[test]
fn every_client_script_of_the_corpus_passes() {
    let outcomes: Vec<_> = script::run_all(include_str!("data/sessions.jsonl"))
        .flatten()
        .collect();
    let failures: Vec<_> = outcomes.iter().filter_map(|o| o.as_ref().err()).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(outcomes.len(), 154);
}
