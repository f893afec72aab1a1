//! What is typed wrongly gets a clear message, and nothing is done.

use crate::home::{Home, runvoy_snapshot};

#[test]
fn every_command_explains_itself_with_examples() {
    let home = Home::new();
    for command in [
        "",
        "run",
        "logs",
        "list",
        "executions",
        "status",
        "kill",
        "wait",
        "locks list",
        "locks show",
        "locks release",
        "users create",
        "users list",
        "users revoke",
        "users role",
        "users rotate",
        "claim",
        "configure",
        "whoami",
        "context list",
        "context use",
        "context remove",
        "audit list",
        "infra apply",
        "infra status",
        "infra destroy",
        "server",
        "server reset-admin",
        "health",
        "completion",
        "man",
        "version",
    ] {
        let line: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let output = home.run(&line);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{command}"
        );
        assert!(text.contains("Examples:\n  runvoy"), "{command}:\n{text}");
    }
}

#[test]
fn the_agent_is_not_among_the_commands() {
    let output = Home::new().run(&["--help"]);
    assert!(!String::from_utf8(output.stdout).unwrap().contains("agent"));
}

#[test]
fn an_unknown_flag() {
    runvoy_snapshot!(Home::new().shown(&["list", "--colour"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: unexpected argument '--colour' found

    Usage: runvoy list [OPTIONS]

    For more information, try '--help'.
    ");
}

#[test]
fn an_unknown_command() {
    runvoy_snapshot!(Home::new().shown(&["lst"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: unrecognized subcommand 'lst'

      tip: a similar subcommand exists: 'list'

    Usage: runvoy [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn no_command_to_run() {
    runvoy_snapshot!(Home::new().shown(&["run", "--lock", "prod"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: there is no command to run
    hint: runvoy run "echo hello world"
    "#);
}

#[test]
fn an_empty_command() {
    runvoy_snapshot!(Home::new().shown(&["run", " "]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: the command is empty
    hint: runvoy run "echo hello world"
    "#);
    assert_eq!(Home::new().run(&["run", "--"]).status.code(), Some(2));
    assert_eq!(Home::new().run(&["run", ""]).status.code(), Some(2));
}

#[test]
fn a_word_after_a_script() {
    runvoy_snapshot!(Home::new().shown(&["run", "echo a", "b"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: unexpected argument 'b' found

    Usage: runvoy run [OPTIONS] "SCRIPT" [OPTIONS]
           runvoy run [OPTIONS] PROGRAM [ARGUMENTS]...
           runvoy run [OPTIONS] -- PROGRAM [ARGUMENTS]...

    For more information, try '--help'.
    "#);
}

#[test]
fn a_bad_duration() {
    runvoy_snapshot!(Home::new().shown(&["run", "--timeout", "5 parsecs", "true"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: invalid value '5 parsecs' for '--timeout <DURATION>': duration must look like 30s, 10m, 1h30m or 600 (seconds), not `5 parsecs`

    For more information, try '--help'.
    ");
}

#[test]
fn a_bad_lock_name() {
    runvoy_snapshot!(Home::new().shown(&["run", "--lock", "no spaces", "true"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: invalid value 'no spaces' for '--lock <NAME>': lock name must be 1 to 128 letters, digits or . _ - / : and begin with a letter or digit, not `no spaces`

    For more information, try '--help'.
    ");
}

#[test]
fn waiting_without_a_lock() {
    runvoy_snapshot!(Home::new().shown(&["run", "--no-wait", "true"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: the following required arguments were not provided:
      --lock <NAME>

    Usage: runvoy run [OPTIONS] "SCRIPT" [OPTIONS]
           runvoy run [OPTIONS] PROGRAM [ARGUMENTS]...
           runvoy run [OPTIONS] -- PROGRAM [ARGUMENTS]...

    For more information, try '--help'.
    "#);
}

#[test]
fn a_bad_address() {
    runvoy_snapshot!(Home::new().shown(&["users", "create", "alice"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: invalid value 'alice' for '<EMAIL>': e-mail address must look like alice@example.com in lower case, not `alice`

    For more information, try '--help'.
    ");
}

#[test]
fn a_bad_role() {
    runvoy_snapshot!(Home::new().shown(&["users", "role", "alice@example.com", "king"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: invalid value 'king' for '<ROLE>': role must be viewer, developer, operator or admin, not `king`

    For more information, try '--help'.
    ");
}

#[test]
fn a_bad_status() {
    runvoy_snapshot!(Home::new().shown(&["list", "--status", "DONE"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: invalid value 'DONE' for '--status <STATUS>': status must be one of QUEUED, STARTING, RUNNING, TERMINATING, SUCCEEDED, FAILED, STOPPED, not `DONE`

    For more information, try '--help'.
    ");
}

#[test]
fn a_bad_id() {
    let home = Home::with_server("http://127.0.0.1:9");
    runvoy_snapshot!(home.shown(&["status", "latest"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: latest is no execution id
    caused by: an id is 32 hex digits, its last 6, or the word last

    hint: see yours:  runvoy list --mine
    ");
}

#[test]
fn a_variable_that_is_not_there() {
    runvoy_snapshot!(Home::new().shown(&["run", "-e", "REGION", "true"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: -e REGION: there is no such variable here
    hint: export REGION=…
    ");
}

#[test]
fn a_secret_on_the_command_line() {
    runvoy_snapshot!(Home::new().shown(&["run", "--secret-env", "TOKEN=hunter2", "true"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: --secret-env takes a name only, so that the value is in no argument list
    hint: export the variable first, then pass its name:  --secret-env NAME
    ");
}

#[test]
fn a_file_of_variables_that_is_none() {
    let home = Home::new();
    std::fs::write(home.path("env"), "A=1\nnonsense\n").unwrap();
    runvoy_snapshot!(home.shown(&["run", "--env-file", "env", "true"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: a line must look like K=V
    caused by: line 2 of env
    ");
}

#[test]
fn a_result_file_that_cannot_be_written() {
    runvoy_snapshot!(Home::new().shown(&["run", "--result-file", "no/where", "true"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: no/where cannot be written
    caused by: No such file or directory (os error 2)
    ");
}

#[test]
fn a_forced_release_without_a_reason() {
    runvoy_snapshot!(Home::new().shown(&["locks", "release", "prod", "--force"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: the following required arguments were not provided:
      --reason <TEXT>

    Usage: runvoy locks release --reason <TEXT> --force <NAME>

    For more information, try '--help'.
    ");
}

#[test]
fn detaching_from_a_local_run() {
    runvoy_snapshot!(Home::new().shown(&["--local", "run", "-d", "true"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: --local has nothing to detach to: the run ends with this command
    hint: runs that outlive the terminal need a server:  runvoy server
    ");
}

#[cfg(all(unix, feature = "local"))]
#[test]
fn a_local_run_of_an_image_without_an_engine() {
    let home = Home::new().set("DOCKER_HOST", "unix:///no/docker.sock");
    runvoy_snapshot!(home.shown(&["run", "--local", "--image", "alpine", "true"]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: commands cannot run in containers
    caused by: no Docker Engine found: there is no /no/docker.sock

    hint: start Docker, or say where it listens with DOCKER_HOST
          or run it as a process of this machine:  the same command without --image
    ");
}

#[test]
fn bounds_of_a_local_process() {
    runvoy_snapshot!(Home::new().shown(&["run", "--local", "--memory", "64MB", "true"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: --local bounds processor and memory of containers alone
    hint: run it in a container:  the same command with --image REF
    ");
}
