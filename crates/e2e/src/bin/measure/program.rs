//! Other programs, run in a home of their own and timed from outside.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::figures::milliseconds;

/// Where programs are found, whoever measures.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A command in this home, which is also where it begins; it reads nothing and its output goes nowhere.
pub(crate) fn command(home: &Path, words: &[impl AsRef<OsStr>]) -> Command {
    let (program, arguments) = match words {
        [program, arguments @ ..] => (program.as_ref(), arguments),
        [] => (OsStr::new(""), words),
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("PATH", SEARCH_PATH)
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Wall time of the whole process in milliseconds; its failure is an error.
pub(crate) fn timed(command: &mut Command) -> Result<f64> {
    let began = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    let took = milliseconds(began.elapsed());
    ensure!(status.success(), "`{}` ended with {status}", shown(command));
    Ok(took)
}

/// What a command prints, without the last line feed; its failure is an error with its words.
pub(crate) fn printed(command: &mut Command) -> Result<String> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command
        .output()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    let words = String::from_utf8_lossy(&output.stderr);
    let first = words.trim().lines().next().unwrap_or_default();
    ensure!(
        output.status.success(),
        "`{}` failed: {first}",
        shown(command)
    );
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

/// The program's name and its arguments.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a command can be started and ends well.
pub(crate) fn works(home: &Path, words: &[&str]) -> bool {
    let status = command(home, words).status();
    status.is_ok_and(|status| status.success())
}
