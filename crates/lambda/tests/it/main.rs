//! The functions as programs: what they say when they are started wrongly.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the verdict")]

use std::process::{Command, Output};

const ORCHESTRATOR: &str = env!("CARGO_BIN_EXE_orchestrator");
const EVENT_PROCESSOR: &str = env!("CARGO_BIN_EXE_event-processor");

fn start(program: &str, variables: &[(&str, &str)]) -> Output {
    Command::new(program)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(both).unwrap()
}

#[test]
fn without_their_environment_they_end_and_name_all_that_is_missing() {
    for program in [ORCHESTRATOR, EVENT_PROCESSOR] {
        let output = start(program, &[]);
        assert!(!output.status.success());
        let said = said(&output);
        for name in [
            "RUNVOY_PROJECT",
            "RUNVOY_STACK_KEY_PARAMETER",
            "RUNVOY_LOG_RETENTION_DAYS",
            "RUNVOY_SUBNETS",
            "RUNVOY_DEFAULT_IMAGE",
        ] {
            assert!(said.contains(&format!("{name} is not set")), "{said}");
        }
    }
}

#[test]
fn the_orchestrator_must_be_told_whom_it_answers() {
    let variables = [
        ("RUNVOY_FUNCTION", "everybody"),
        ("RUNVOY_PROJECT", "runvoy"),
    ];
    let output = start(ORCHESTRATOR, &variables);
    assert!(!output.status.success());
    assert!(said(&output).contains("RUNVOY_FUNCTION is neither api nor agent"));
}
