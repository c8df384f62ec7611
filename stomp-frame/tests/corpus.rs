//! Every case of the corpus, in every chunking that the case asks for.

#[path = "../examples/conformance/corpus.rs"]
mod corpus;

fn check(lines: &str, at_least: usize) {
    let mut report = corpus::Report::default();
    report.run("corpus", lines);
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

/// What a second decoder and encoder, written in Python from the specification alone, made of
/// mutated streams and of random frames.
#[test]
fn another_implementation_agrees() {
    check(include_str!("data/more-frames.jsonl"), 300);
    check(include_str!("data/more-encode.jsonl"), 100);
}

#[test]
fn a_case_that_expects_something_else_fails() {
    let right = r#"{"id":"x","version":"1.2","direction":"client","wire":"QUNLCgoA","split":"all",
        "expect":{"frames":[{"command":"ACK","headers":[],"body":""}],"heartbeats":0,"rest":0}}"#;
    let mut report = corpus::Report::default();
    report.run("x", &right.replace('\n', ""));
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
        report.run("x", &right.replace('\n', "").replace(from, to));
        assert_eq!((report.passed, report.failed()), (0, 1), "{to}");
    }
}

#[test]
fn a_line_that_is_no_case_fails_with_its_place() {
    let file = "\u{feff}\r\n{\"id\":\"s\",\"kind\":\"client\",\"steps\":[]}\r\n{\"id\":\"x\"}\n{\n";
    let mut report = corpus::Report::default();
    report.run("a.jsonl", file);
    assert_eq!((report.passed, report.left_out), (0, 1));
    let places: Vec<_> = report.failures.iter().map(|f| &f[..11]).collect();
    assert_eq!(places, ["a.jsonl:3: ", "a.jsonl:4: "]);
}

#[test]
fn fields_that_may_be_left_out_are_not_missed() {
    let mut report = corpus::Report::default();
    report.run(
        "x",
        r#"{"id":"d","version":"1.2","direction":"client","wire":"QUNLCgoA","expect":{"frames":[{"command":"ACK"}]}}
        {"id":"e","version":"1.2","direction":"client","frames":["EOL",{"command":"ACK"}],"wire":"CkFDSwoKAA==","later":1}"#,
    );
    assert_eq!((report.passed, &report.failures[..]), (2, &[][..]));
}

#[test]
fn limits_of_a_case_are_the_only_ones() {
    let wire = format!("SEND\n{}\n\0", "k:0123456789\n".repeat(6000));
    let wire = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &wire);
    let case = format!(
        r#"{{"id":"d","version":"1.2","direction":"client","wire":"{wire}","split":"bytes",
        "limits":{{"max_headers":5999}},"expect":{{"error":"too-large-header-count"}}}}"#
    );
    let mut report = corpus::Report::default();
    report.run("x", &case.replace('\n', ""));
    assert_eq!((report.passed, &report.failures[..]), (1, &[][..]));
}
