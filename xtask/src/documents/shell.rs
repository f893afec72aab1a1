//! The examples of a page, typed into one shell.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::page::{Example, Form};
use crate::process::works;

/// Longest time in seconds that all examples of a page may take.
pub(super) const LIMIT: &str = "60";
/// What `timeout` exits with when it had to send TERM or KILL.
const STOPPED: [i32; 2] = [143, 137];
/// Shows the exit code of the command before it, which may then fail.
const SHOWS_CODE: &str = "echo $?\n";

/// What an example did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Its exit code; `None` where it did not end in time.
    pub(super) code: Option<i32>,
    /// What it printed that the document may show.
    pub(super) printed: String,
    /// What else it printed.
    pub(super) errors: String,
}

/// Runs the examples in their order, in a shell with these variables alone, up to the first that fails.
pub(super) fn run(
    examples: &[Example],
    home: &Path,
    variables: &[(&str, OsString)],
    limit: &str,
) -> Result<Vec<Done>> {
    let folder = tempfile::tempdir()?;
    let driver = write(examples, folder.path())?;
    let mut child = Command::new("timeout")
        .args(["--preserve-status", "--kill-after=5", limit, "bash"])
        .arg(&driver)
        .current_dir(home)
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start `timeout bash`")?;
    let status = child.wait()?;
    // It made a group of its own; what examples left running in it would outlive them.
    works("kill", &["-KILL", "--", &format!("-{}", child.id())]);
    let mut all = Vec::new();
    for index in 0..examples.len() {
        let read = |end: &str| fs::read(folder.path().join(format!("{index}.{end}")));
        let Ok(printed) = read("out") else { break };
        // A script that stops at a failure takes the shell with it.
        let code = match read("code") {
            Ok(code) => String::from_utf8_lossy(&code).trim().parse().ok(),
            Err(_) => status.code().filter(|code| !STOPPED.contains(code)),
        };
        all.push(Done {
            code,
            printed: String::from_utf8_lossy(&printed).into_owned(),
            errors: String::from_utf8_lossy(&read("err").unwrap_or_default()).into_owned(),
        });
    }
    Ok(all)
}

/// Writes each example into a file of its own, and the script that reads one after the other.
fn write(examples: &[Example], folder: &Path) -> Result<PathBuf> {
    let at = folder.display();
    let mut driver = vec!["__code() { return \"$1\"; }; __last=0".to_owned()];
    for (index, example) in examples.iter().enumerate() {
        let file = format!("'{at}/{index}");
        let (script, errors) = match example.form {
            Form::Script => (
                format!(
                    "set -euo pipefail\n{}set +euo pipefail\n",
                    example.typed.text
                ),
                format!("{file}.err'"),
            ),
            Form::Typed => (example.typed.text.clone(), "&1".to_owned()),
        };
        fs::write(folder.join(format!("{index}.sh")), script)?;
        // The code of the last example is there for the next, as in a terminal.
        driver.push(format!(
            "__code $__last; . {file}.sh' > {file}.out' 2>{errors}; __last=$?"
        ));
        driver.push(format!("echo $__last > {file}.code'"));
        if !may_fail(examples, index) {
            driver.push("[ $__last = 0 ] || exit $__last".to_owned());
        }
    }
    let path = folder.join("driver");
    fs::write(&path, driver.join("\n"))?;
    Ok(path)
}

/// Whether the document shows the exit code of an example, whatever it is.
pub(super) fn may_fail(examples: &[Example], index: usize) -> bool {
    let next = examples.get(index + 1);
    next.is_some_and(|next| next.form == Form::Typed && next.typed.text == SHOWS_CODE)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::page::Page;
    use super::*;

    fn run_page(text: &str) -> Vec<Done> {
        run_within(LIMIT, text)
    }

    fn run_within(limit: &str, text: &str) -> Vec<Done> {
        let home = tempfile::tempdir().unwrap();
        let page = Page::read(text).unwrap();
        run(
            &page.examples,
            home.path(),
            &[("PATH", "/usr/bin:/bin".into())],
            limit,
        )
        .unwrap()
    }

    fn done(code: i32, printed: &str, errors: &str) -> Done {
        Done {
            code: Some(code),
            printed: printed.to_owned(),
            errors: errors.to_owned(),
        }
    }

    #[test]
    fn the_examples_of_a_page_share_a_shell() {
        let text =
            "```sh\nx=5\ncd /\n```\n```console\n$ echo $x; pwd >&2\n$ (exit 3)\n$ echo $?\n```\n";
        let expected = [
            done(0, "", ""),
            done(0, "5\n/\n", ""),
            done(3, "", ""),
            done(0, "3\n", ""),
        ];
        assert_eq!(run_page(text), expected);
    }

    #[test]
    fn nothing_runs_after_a_failure_that_is_not_shown() {
        let text = "```sh\necho a\necho b >&2\nfalse\necho c\n```\n```sh\necho d\n```\n";
        assert_eq!(run_page(text), [done(1, "a\n", "b\n")]);
        let text = "```console\n$ (exit 4)\n$ echo d\n```\n";
        assert_eq!(run_page(text), [done(4, "", "")]);
    }

    #[test]
    fn variables_of_the_caller_are_not_there() {
        let text = "```console\n$ echo \"${CARGO_MANIFEST_DIR:-none}\"\n```\n";
        assert_eq!(run_page(text), [done(0, "none\n", "")]);
    }

    #[test]
    fn what_does_not_end_in_time_is_stopped_and_has_no_code() {
        let text = "```sh\ntrue\n```\n```sh\necho a\nsleep 60\n```\n";
        let stopped = Done {
            code: None,
            printed: "a\n".to_owned(),
            errors: String::new(),
        };
        assert_eq!(run_within("0.3", text), [done(0, "", ""), stopped]);
    }

    #[test]
    fn what_examples_leave_running_is_killed() {
        let [left] = run_page("```sh\nsleep 60 &\necho $!\n```\n")
            .try_into()
            .unwrap();
        let left: Done = left;
        // Gone, or dead and not yet buried by whoever inherited it.
        let has_ended = || {
            let state = fs::read_to_string(format!("/proc/{}/stat", left.printed.trim()));
            state.is_err() || state.unwrap().contains(") Z ")
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while !has_ended() {
            assert!(Instant::now() < deadline, "it still runs");
            std::thread::yield_now();
        }
    }
}
