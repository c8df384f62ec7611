//! The session scripts of kind `broker`, run against the core in virtual time.

#[path = "../examples/conformance/pattern.rs"]
mod pattern;
#[path = "../examples/conformance/script.rs"]
mod script;
#[path = "../examples/conformance/stage.rs"]
mod stage;

fn run(text: &str) -> script::Report {
    let mut report = script::Report::default();
    report.run("f.jsonl", text);
    report
}

#[test]
fn every_broker_script_of_the_corpus_passes() {
    let report = run(include_str!("data/sessions.jsonl"));
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert_eq!((report.passed, report.left_out), (246, 154));
}

#[test]
fn every_script_of_our_own_passes() {
    let report = run(include_str!("data/more-sessions.jsonl"));
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert!(report.passed >= 500, "only {} scripts", report.passed);
}

#[test]
fn a_line_that_is_no_script_fails_with_its_place() {
    let report =
        run("\u{feff}\r\n{\"id\":\"f\",\"wire\":\"\",\"expect\":{}}\r\n{\"kind\":\"broker\"}\n[\n");
    assert_eq!((report.passed, report.left_out), (0, 1));
    let places: Vec<_> = report.failures.iter().map(|f| &f[..11]).collect();
    assert_eq!(places, ["f.jsonl:3: ", "f.jsonl:4: "]);
}

#[test]
fn a_step_that_nobody_understands_fails() {
    for step in [
        r#"{"at_ms":0,"conn":"a"}"#,
        r#"{"at_ms":0,"conn":"a","expect":{}}"#,
        r#"{"at_ms":0,"conn":"a","expect":{"nothing":true,"silence":true}}"#,
    ] {
        let report = run(&format!(r#"{{"id":"x","kind":"broker","steps":[{step}]}}"#));
        assert_eq!((report.passed, report.failures.len()), (0, 1), "{step}");
    }
}

#[test]
fn half_a_period_more_can_be_tolerated() {
    let report = run(concat!(
        r#"{"id":"x","kind":"broker","config":{"heart_beat":[0,1000],"tolerance":1.5},"steps":["#,
        r#"{"at_ms":0,"conn":"a","client":{"command":"CONNECT","headers":[["accept-version","1.2"],["host","h"],["heart-beat","1000,0"]]}},"#,
        r#"{"conn":"a","expect":{"frame":{"command":"CONNECTED"}}},"#,
        r#"{"at_ms":1499,"conn":"a","expect":{"nothing":true},"remark":"still alive"},"#,
        r#"{"at_ms":1501,"conn":"a","expect":{"close":true,"error_ok":true}}]}"#
    ));
    assert_eq!((report.passed, &report.failures[..]), (1, &[][..]));
}
