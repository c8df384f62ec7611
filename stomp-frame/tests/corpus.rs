//! Every case of the corpus, in every chunking that the case asks for.

#[path = "../examples/conformance/corpus.rs"]
mod corpus;

fn check(lines: &str, at_least: usize) {
    let mut report = corpus::Report::default();
    report.run(lines);
    assert!(report.failures.is_empty(), "{}", report.failures.join("\n"));
    assert!(report.passed >= at_least, "only {} cases", report.passed);
}

#[test]
fn streams_decode_to_the_frames_and_errors_of_the_corpus() {
    check(include_str!("data/frames.jsonl"), 500);
}

#[test]
fn frames_encode_to_the_octets_and_errors_of_the_corpus() {
    check(include_str!("data/encode.jsonl"), 150);
}

#[test]
fn a_case_that_expects_something_else_fails() {
    let right = r#"{"id":"x","version":"1.2","direction":"client","wire":"QUNLCgoA","split":"all",
        "expect":{"frames":[{"command":"ACK","headers":[],"body":""}],"heartbeats":0,"rest":0}}"#;
    let mut report = corpus::Report::default();
    report.run(&right.replace('\n', ""));
    assert_eq!((report.passed, report.failed()), (1, 0));
    for (from, to) in [
        ("\"ACK\"", "\"NACK\""),
        ("[],\"body\"", "[[\"a\",\"\"]],\"body\""),
        ("\"rest\":0", "\"rest\":1"),
        ("\"heartbeats\":0", "\"heartbeats\":1"),
        ("\"expect\":{", "\"expect\":{\"error\":\"bare-cr\","),
        ("\"id\"", "\"name\""),
    ] {
        let mut report = corpus::Report::default();
        report.run(&right.replace('\n', "").replace(from, to));
        assert_eq!((report.passed, report.failed()), (0, 1), "{to}");
    }
}
