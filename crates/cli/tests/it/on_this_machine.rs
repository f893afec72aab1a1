//! `--local`: the whole way, on this machine.

use crate::home::Home;

fn ran(home: &Home, arguments: &[&str]) -> (Option<i32>, String, String) {
    let line: Vec<&str> = ["--local"].iter().chain(arguments).copied().collect();
    let output = home.run(&line);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn output_and_code_are_the_commands_own() {
    let home = Home::new();
    assert_eq!(
        ran(&home, &["run", "echo hello world; echo oops >&2; exit 42"]),
        (Some(42), "hello world\n".to_owned(), "oops\n".to_owned())
    );
    assert_eq!(ran(&home, &["run", "printf 'no end'"]).1, "no end");
}

#[test]
fn a_command_arrives_unchanged() {
    let words = ["printf", "[%s]", "it's", "100%", "$(id)", "a\nb", "ü🚀", ""];
    let line: Vec<&str> = ["run", "--"].iter().chain(&words).copied().collect();
    assert_eq!(
        ran(&Home::new(), &line).1,
        "[it's][100%][$(id)][a\nb][ü🚀][]"
    );
}

#[test]
fn it_runs_in_the_callers_directory_with_what_is_named() {
    let home = Home::new()
        .set("SECRET", "hunter2hunter2")
        .set("OTHER", "x");
    std::fs::create_dir(home.path("sub")).unwrap();
    let script = "pwd; echo $A ${OTHER:-unset}; echo $SECRET";
    let (code, out, _) = ran(
        &home,
        &[
            "run",
            "--workdir",
            "sub",
            "-e",
            "A=1",
            "--secret-env",
            "SECRET",
            script,
        ],
    );
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].ends_with("/sub"), "{out}");
    assert_eq!(lines[1], "1 unset");
    assert!(!out.contains("hunter2"), "{out}");
}

#[test]
fn what_ran_is_on_record() {
    let home = Home::new();
    assert_eq!(ran(&home, &["run", "no-such-program"]).0, Some(127));
    let (_, list, _) = ran(&home, &["list"]);
    assert!(list.starts_with("Execution ID "), "{list}");
    let row = list.lines().nth(1).unwrap();
    assert!(row.contains("  FAILED  no-such-program  "), "{list}");
    let suffix = &row[26..32];
    let (code, log, words) = ran(&home, &["logs", suffix]);
    assert_eq!(
        (code, words.as_str()),
        (Some(0), "✓ Logs retrieved successfully\n")
    );
    assert!(
        log.lines().nth(2).unwrap().ends_with("  no-such-program"),
        "{log}"
    );
    assert_eq!(ran(&home, &["wait", "last"]).0, Some(127));
    let (_, followed, _) = ran(&home, &["logs", "-f", "last"]);
    assert!(followed.starts_with("[1] "), "{followed}");
}

#[test]
fn the_time_limit_holds() {
    let (code, _, words) = ran(
        &Home::new(),
        &["run", "--timeout", "1s", "exec sleep 30 && true"],
    );
    assert_eq!(code, Some(124));
    assert!(words.contains("error: the command timed out\n"), "{words}");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_no_success() {
    let home = Home::new();
    assert_eq!(ran(&home, &["run", "echo hello"]).0, Some(0));
    for line in [
        ["logs", "last"].as_slice(),
        &["logs", "--raw", "-f", "last"],
        &["list"],
        &["status", "last"],
        &["audit", "list"],
        &["users", "list"],
        &["run", "echo hello"],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let mut command = home.command(&["--local"]);
        let output = command.args(line).stdout(full.unwrap()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(125), "{line:?}: {said}");
        assert!(
            said.contains("error: the output cannot be written\ncaused by: No space left"),
            "{line:?}: {said}"
        );
        assert!(!said.contains("✓"), "{line:?}: {said}");
    }
}
