//! The session scripts of kind `client`, run in virtual time.

#[path = "../examples/conformance/pattern.rs"]
mod pattern;
#[path = "../examples/conformance/script.rs"]
mod script;
#[path = "../examples/conformance/stage.rs"]
mod stage;
#[path = "../examples/conformance/words.rs"]
mod words;

fn run(text: &str) -> script::Report {
    let mut report = script::Report::default();
    report.run("f.jsonl", text);
    report
}

#[test]
fn every_client_script_of_the_corpus_passes() {
    let report = run(include_str!("data/sessions.jsonl"));
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert_eq!((report.passed, report.left_out), (154, 246));
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
        run("\u{feff}\r\n{\"id\":\"f\",\"wire\":\"\",\"expect\":{}}\r\n{\"kind\":\"client\"}\n[\n");
    assert_eq!((report.passed, report.left_out), (0, 1));
    let places: Vec<_> = report.failures.iter().map(|f| &f[..11]).collect();
    assert_eq!(places, ["f.jsonl:3: ", "f.jsonl:4: "]);
}

#[test]
fn a_step_that_nobody_understands_fails() {
    for step in [
        r#"{"at_ms":0}"#,
        r#"{"at_ms":0,"do":"juggle"}"#,
        r#"{"at_ms":0,"expect":{}}"#,
        r#"{"at_ms":0,"expect":{"nothing":true,"silence":true}}"#,
    ] {
        let report = run(&format!(r#"{{"id":"x","kind":"client","steps":[{step}]}}"#));
        assert_eq!((report.passed, report.failures.len()), (0, 1), "{step}");
    }
}

#[test]
fn remarks_and_fields_left_out_do_not_matter() {
    let report = run(concat!(
        r#"{"id":"x","kind":"client","author":"me","steps":[{"do":"connect","headers":[["k","v"]],"remark":1},"#,
        r#"{"expect":{"frame":{"command":"CONNECT","headers":{"k":"v","host":"$h"}}}},"#,
        r#"{"server":{"command":"ERROR","headers":[["message","$h"]]}},"#,
        r#"{"expect":{"close":true}},{"expect":{"event":"error","message":"h"}}]}"#
    ));
    assert_eq!((report.passed, &report.failures[..]), (1, &[][..]));
}
