//! What the command gets: itself verbatim, its surroundings, and an end of its own where it cannot be started.

use std::os::unix::fs::PermissionsExt as _;

use runvoy_wire::agent::Spec;
use runvoy_wire::secret::Secret;

use crate::agent::{Stage, argv, script};

const NASTY: &str = "it's \"quoted\" $(touch ran) `touch ran` %s %% \\n * ~ ü\nsecond; line & more";

#[test]
fn a_script_arrives_verbatim() {
    let text = "printf '%s|' \"$0\" '$(touch ran)' \"it's\" 'ü' \"a\nb\"";
    let run = Stage::new(script(text)).run();
    assert_eq!(run.stdout(), "/bin/sh|$(touch ran)|it's|ü|a\nb|");
    assert!(!run.stage.path("ran").exists());
}

#[test]
fn arguments_arrive_verbatim() {
    let run = Stage::new(argv(&["printf", "[%s]", NASTY, "", "-x"])).run();
    assert_eq!(run.stdout(), format!("[{NASTY}][][-x]"));
    assert!(!run.stage.path("ran").exists());
}

#[test]
fn the_environment_is_the_places_without_the_agents_own() {
    let mut stage = Stage::new(Spec {
        env: [
            ("PLAIN".to_owned(), Secret::new("a b")),
            ("RUNVOY_LOCK_FENCE".to_owned(), Secret::new("7")),
        ]
        .into(),
        secrets: [("HIDDEN".to_owned(), Secret::new("s3cr3t-value"))].into(),
        ..argv(&["env"])
    });
    stage
        .variables
        .insert("OF_THE_PLACE".to_owned(), "x".to_owned());
    stage.variables.insert(
        "RUNVOY_AGENT_SPOOL_DIR".to_owned(),
        stage.dir.path().display().to_string(),
    );
    let run = stage.run();
    let mut lines: Vec<String> = run.stdout().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "HIDDEN=***",
            "OF_THE_PLACE=x",
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "PLAIN=a b",
            "RUNVOY_EXECUTION_ID=0197f2a4c1d27c3e8b6a5d4e3f2a1b0c",
            "RUNVOY_LOCK_FENCE=7",
        ]
    );
}

#[test]
fn standard_input_is_empty_and_the_group_is_its_own() {
    let run = Stage::new(script(
        "wc -c; readlink /proc/self/fd/0; [ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo leads",
    ))
    .run();
    assert_eq!(run.stdout(), "0\n/dev/null\nleads\n");
}

#[test]
fn it_runs_where_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let workdir = dir.path().canonicalize().unwrap().display().to_string();
    let run = Stage::new(Spec {
        workdir: Some(workdir.clone()),
        ..script("pwd")
    })
    .run();
    assert_eq!(run.stdout(), format!("{workdir}\n"));
}

#[test]
fn without_its_directory_it_is_not_started() {
    let run = Stage::new(Spec {
        workdir: Some("/does/not/exist".to_owned()),
        ..script("echo hi")
    })
    .run();
    let finish = run.finish();
    assert_eq!(
        (finish.exit_code, finish.signal, finish.started_at),
        (None, None, None)
    );
    assert_eq!(
        finish.message.as_deref(),
        Some("the working directory /does/not/exist does not exist")
    );
    assert!(
        run.system()
            .contains("the working directory /does/not/exist does not exist")
    );
    assert_eq!(run.code(), 125);
}

#[test]
fn a_program_that_is_not_there_is_127() {
    for (program, why) in [
        ("no-such-program", "no-such-program: command not found"),
        ("/no/such", "/no/such: command not found"),
    ] {
        let run = Stage::new(argv(&[program])).run();
        assert_eq!((run.code(), run.finish().exit_code), (127, Some(127)));
        assert!(
            run.system().ends_with(&format!("{why}\n")),
            "{}",
            run.system()
        );
    }
}

#[test]
fn a_program_whose_interpreter_is_not_there_is_127() {
    let run = file("#!/no/such/interpreter\n", 0o755).run();
    assert_eq!(run.code(), 127);
    assert!(
        run.system()
            .ends_with("./program: its interpreter was not found\n")
    );
}

#[test]
fn a_file_that_cannot_be_executed_is_126() {
    let run = file("#!/bin/sh\n", 0o644).run();
    assert_eq!((run.code(), run.finish().exit_code), (126, Some(126)));
    assert!(run.system().ends_with("./program: not executable\n"));
}

#[test]
fn a_program_for_another_machine_is_126() {
    // 40 is 32-bit ARM.
    let header = "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x28\0 and so on";
    let run = file(header, 0o755).run();
    assert_eq!((run.code(), run.finish().exit_code), (126, Some(126)));
    let system = run.system();
    assert!(system.contains("a program for 32-bit ARM, and this place is "));
}

#[test]
fn a_directory_is_126() {
    assert_eq!(Stage::new(argv(&["/tmp"])).run().code(), 126);
}

fn file(text: &str, mode: u32) -> Stage {
    let stage = Stage::new(argv(&["./program"]));
    let path = stage.path("program");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    stage
}
