//! Other processes: this test binary again, running one test, which is told by its environment that it is the child.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE: &str = "RUNVOY_TEST_FILE";
const NUMBER: &str = "RUNVOY_TEST_NUMBER";

/// A child that runs `test` on `file`, and its number.
pub(crate) fn command(test: &str, file: &Path, number: u64) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([test, "--exact", "--nocapture"])
        .env(FILE, file)
        .env(NUMBER, number.to_string());
    command
}

/// In a child, the file and the number.
#[expect(
    clippy::disallowed_methods,
    reason = "the binary's settings are what this reads"
)]
pub(crate) fn task() -> Option<(PathBuf, u64)> {
    let file = env::var_os(FILE)?;
    let number = env::var(NUMBER).unwrap();
    Some((file.into(), number.parse().unwrap()))
}
