//! Shells complete what `runvoy completion` tells them: asked in the shells themselves.

use crate::home::Home;

/// The script for a shell, in a file of the home.
#[cfg(unix)]
fn script(home: &Home, shell: &str) -> std::path::PathBuf {
    let output = home.run(&["completion", shell]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let path = home.path(shell);
    std::fs::write(&path, output.stdout).unwrap();
    path
}

/// What a shell prints that runs `code`; `$script` is the completion's file.
#[cfg(unix)]
fn asked(shell: &[&str], home: &Home, code: &str) -> String {
    let script = script(home, shell[0]);
    let mut command = assert_cmd::Command::new(shell[0]);
    command
        .args(&shell[1..])
        .args(["-c", code])
        .env_clear()
        .env("HOME", home.path(""))
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("script", script)
        .timeout(std::time::Duration::from_mins(1));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What bash offers for the last word of a line.
#[cfg(unix)]
fn offered_by_bash(line: &str) -> String {
    let home = Home::new();
    // What readline does: it finds the function by the first word, and calls it with the words around the cursor.
    let code = format!(
        "source \"$script\"
         COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
         [[ $(complete -p runvoy) =~ -F\\ ([^ ]+) ]]
         \"${{BASH_REMATCH[1]}}\" runvoy \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    asked(&["bash", "--norc"], &home, &code)
}

#[cfg(unix)]
#[test]
fn bash_offers_commands_and_options_and_values() {
    assert_eq!(offered_by_bash("runvoy lo"), "logs\nlocks\n");
    assert_eq!(offered_by_bash("runvoy locks rel"), "release\n");
    assert_eq!(offered_by_bash("runvoy run --lock-"), "--lock-timeout\n");
    assert_eq!(offered_by_bash("runvoy list -o ya"), "yaml\n");
    assert_eq!(offered_by_bash("runvoy completion po"), "powershell\n");
}

#[cfg(unix)]
#[test]
fn what_help_does_not_show_is_not_offered() {
    assert_eq!(offered_by_bash("runvoy ma"), "\n");
}

#[cfg(target_os = "linux")]
#[test]
fn fish_offers_commands_and_says_what_they_do() {
    let home = Home::new();
    let code = "source $script; complete -C 'runvoy lo'; complete -C 'runvoy run --lock-'";
    let offered = asked(&["fish", "--no-config"], &home, code);
    crate::home::runvoy_snapshot!(offered, @r"
    locks	See and release locks
    logs	Show what an execution wrote
    --lock-timeout	Longest wait for the lock [default: 1h]
    ");
}

/// zsh completes on a terminal only: this one is given one of its own, and a Tab.
#[cfg(unix)]
#[test]
fn zsh_completes_on_a_terminal() {
    let home = Home::new();
    let code = r#"
        zmodload zsh/zpty
        zpty shell 'TERM=dumb PS1="ready> " zsh -f -i'
        zpty -r shell seen '*ready> *'
        zpty -w shell 'autoload -Uz compinit; compinit -u -D; source $script; print all $_comps[runvoy]'
        zpty -r shell seen '*all _runvoy*ready> *'
        zpty -w -n shell $'runvoy locks rele\t'
        zpty -r shell seen '*locks release *'
        print completed
    "#;
    assert_eq!(asked(&["zsh", "-f"], &home, code), "completed\n");
}

#[test]
fn a_shell_that_starts_does_not_stumble_over_a_broken_configuration() {
    let home = Home::with_config("api_endpoint: [\n").set("RUNVOY_CONTEXT", "nowhere");
    let output = home.run(&["completion", "powershell"]);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let script = String::from_utf8(output.stdout).unwrap();
    assert!(script.contains("Register-ArgumentCompleter -Native -CommandName 'runvoy'"));
}

#[cfg(unix)]
#[test]
fn nobody_reading_is_no_error() {
    use std::process::Stdio;

    let home = Home::new();
    let mut child = home
        .command(&["completion", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_shell_that_is_not_known_is_refused_with_those_that_are() {
    let home = Home::new();
    let shown = home.shown(&["completion", "tcsh"]);
    assert!(shown.starts_with("exit: 2\n"), "{shown}");
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(shown.contains(shell), "{shown}");
    }
}
