//! The programs that cargo makes of tests, and how they are run side by side.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{Total, hearing_signals, network};
use crate::process::{cargo, root};

/// The package whose tests take about as long as all the others together, mostly waiting: it runs beside them.
const ALONGSIDE: &str = "aws-e2e";

/// A program of tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binary {
    /// Where its package is, and where it is started.
    package: PathBuf,
    /// What is started.
    executable: PathBuf,
}

impl Binary {
    /// What people call it: `aws-e2e it`.
    fn name(&self) -> String {
        let package = self.package.strip_prefix(root()).unwrap_or(&self.package);
        let package = package.strip_prefix("crates").unwrap_or(package);
        let file = self.executable.file_name().unwrap_or_default();
        let file = file.to_string_lossy();
        let target = file.rsplit_once('-').map_or(&*file, |(target, _)| target);
        format!("{} {target}", package.display())
    }

    fn is_alongside(&self) -> bool {
        self.package.ends_with(ALONGSIDE)
    }

    /// Runs it with its output in a file; what it said, and whether all is well.
    fn run(&self) -> Result<(String, bool)> {
        let mut file = tempfile::tempfile()?;
        let mut command = Command::new(&self.executable);
        command.current_dir(&self.package);
        let command = hearing_signals(command, &self.package);
        let status = network::apart(command, &self.package)
            .env("CARGO_MANIFEST_DIR", &self.package)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file.try_clone()?)
            .status()
            .with_context(|| format!("cannot start {}", self.executable.display()))?;
        Ok((whole(&mut file)?, status.success()))
    }
}

fn whole(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Builds every program of tests in the workspace.
pub(super) fn build() -> Result<Vec<Binary>> {
    let arguments = [
        "test",
        "--workspace",
        "--all-features",
        "--locked",
        "--no-run",
    ];
    println!("$ cargo {}", arguments.join(" "));
    let mut child = cargo(&arguments)
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    let mut binaries = Vec::new();
    for line in BufReader::new(stdout).lines() {
        binaries.extend(artifact(&line?));
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("the tests cannot be built: {status}");
    }
    Ok(binaries)
}

/// The program that a message of cargo's tells of; none where it tells of something else.
fn artifact(line: &str) -> Option<Binary> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_test = message["profile"]["test"] == true;
    let executable = message["executable"].as_str().filter(|_| is_test)?;
    let package = Path::new(message["manifest_path"].as_str()?).parent()?;
    Some(Binary {
        package: package.to_owned(),
        executable: executable.into(),
    })
}

/// Runs all of them in two rows, each program's output in one piece once it is over. Every one is run, whatever fails.
pub(super) fn run_all(binaries: &[Binary]) -> Result<Total> {
    let total = Mutex::new(Total::default());
    let (alongside, others): (Vec<&Binary>, Vec<&Binary>) =
        binaries.iter().partition(|binary| binary.is_alongside());
    let failed = thread::scope(|scope| -> Result<Vec<String>> {
        let rows = [alongside, others].map(|row| scope.spawn(|| run_row(row, &total)));
        let mut failed = Vec::new();
        for row in rows {
            match row.join() {
                Ok(names) => failed.extend(names?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(failed)
    })?;
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !failed.is_empty() {
        total.print();
        bail!("tests failed in: {}", failed.join(", "));
    }
    Ok(total)
}

/// Runs them one after the other; answers which failed.
fn run_row(binaries: Vec<&Binary>, total: &Mutex<Total>) -> Result<Vec<String>> {
    let mut failed = Vec::new();
    for binary in binaries {
        let start = Instant::now();
        let (output, is_good) = binary.run()?;
        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
        println!(
            "\n-- {} ({:.1} s)",
            binary.name(),
            start.elapsed().as_secs_f64()
        );
        for line in output.lines() {
            println!("{line}");
            total.add(line);
        }
        if !is_good {
            failed.push(binary.name());
        }
    }
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(path: &str) -> Binary {
        Binary {
            package: root().to_owned(),
            executable: path.into(),
        }
    }

    #[test]
    fn only_programs_of_tests_are_run() {
        let line = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/x/crates/core/Cargo.toml","profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let found = artifact(&line(true, r#""/x/target/debug/deps/it-00ff""#)).unwrap();
        assert_eq!(found.package, Path::new("/x/crates/core"));
        assert_eq!(artifact(&line(false, r#""/x/target/debug/runvoy""#)), None);
        assert_eq!(artifact(&line(true, "null")), None);
        assert_eq!(artifact("not JSON"), None);
    }

    #[test]
    fn a_failure_is_named_and_the_others_are_run_all_the_same() {
        let (good, bad) = (program("/bin/true"), program("/bin/false"));
        let error = run_all(&[bad.clone(), good.clone()]).unwrap_err();
        assert!(error.to_string().contains(&bad.name()), "{error}");
        assert!(!error.to_string().contains(&good.name()), "{error}");
        run_all(&[good.clone(), good]).unwrap();
        assert!(run_all(&[program("/no-such-program")]).is_err());
    }
}
