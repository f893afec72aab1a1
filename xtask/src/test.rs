//! `cargo xtask test`: every test of the workspace.

mod binary;
mod network;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::needs::{self, Consent};
use crate::not_run;
use crate::process::{cargo, root, run as run_command};
use crate::{agents, aws};

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
    agents::build(&agents::of_this_machine())?;
    let total = run();
    not_run::print(&[])?;
    total?.print();
    Ok(())
}

/// The command line as the tests build it: another way of building it would build all that is below it once more.
pub(crate) fn program() -> Result<PathBuf> {
    binary::build()?;
    Ok(root().join("target/debug/runvoy"))
}

/// Runs every test, passing their output on. No test at all counts as a failure.
pub(crate) fn run() -> Result<Total> {
    let total = binary::run_all(&binary::build()?)?;
    if total.passed == 0 {
        bail!("no test was run");
    }
    run_command(&mut cargo(&[
        "test",
        "--workspace",
        "--all-features",
        "--locked",
        "--doc",
        "--quiet",
    ]))?;
    Ok(total)
}

/// The same command with the signals that end a process at their defaults. Started by `nohup` or in the background of a
/// script, a process is born deaf to some of them, and so would be the programs that the tests send them to.
fn hearing_signals(command: Command, directory: &Path) -> Command {
    if !cfg!(target_os = "linux") {
        return command;
    }
    let mut wrapped = Command::new("env");
    wrapped.arg("--default-signal=HUP,INT,QUIT,TERM");
    wrapped.arg(command.get_program()).args(command.get_args());
    wrapped.current_dir(directory);
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
