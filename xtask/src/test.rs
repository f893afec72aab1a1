//! `cargo xtask test`: every test of the workspace.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::aws;
use crate::needs::{self, Consent};
use crate::not_run;
use crate::process::{cargo, root};

/// How many tests ended how.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    passed: u64,
    failed: u64,
}

/// Installs what the tests need, runs them all, and lists what was not run.
pub(crate) fn command(consent: Consent) -> Result<()> {
    needs::ensure(&[needs::OF_TESTS], consent)?;
    aws::install()?;
    let total = run();
    not_run::print(&[])?;
    total?.print();
    Ok(())
}

/// Runs every test, passing their output on. No test at all counts as a failure.
pub(crate) fn run() -> Result<Total> {
    let arguments = [
        "test",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
        "--locked",
    ];
    println!("$ cargo {}", arguments.join(" "));
    let mut child = hearing_signals(cargo(&arguments))
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    let mut total = Total::default();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        println!("{line}");
        total.add(&line);
    }
    let status = child.wait()?;
    if !status.success() {
        total.print();
        bail!("tests failed: {status}");
    }
    if total.passed == 0 {
        bail!("no test was run");
    }
    Ok(total)
}

/// The same command with the signals that end a process at their defaults. Started by `nohup` or in the background of a
/// script, a process is born deaf to some of them, and so would be the programs that the tests send them to.
fn hearing_signals(command: Command) -> Command {
    if !cfg!(target_os = "linux") {
        return command;
    }
    let mut wrapped = Command::new("env");
    wrapped.arg("--default-signal=HUP,INT,QUIT,TERM");
    wrapped.arg(command.get_program()).args(command.get_args());
    wrapped.current_dir(root());
    wrapped
}

impl Total {
    /// Prints the sum over all crates.
    pub(crate) fn print(self) {
        println!("{} passed, {} failed", self.passed, self.failed);
    }

    /// Adds a harness's closing line: `test result: ok. 3 passed; 0 failed; …`.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let (_, counts) = result.split_once(". ").unwrap_or_default();
        for count in counts.split("; ") {
            let (number, what) = count.split_once(' ').unwrap_or_default();
            let number: u64 = number.parse().unwrap_or_default();
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_sum_over_all_harnesses() {
        let mut total = Total::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ] {
            total.add(line);
        }
        let expected = Total {
            passed: 7,
            failed: 2,
        };
        assert_eq!(total, expected);
    }
}
