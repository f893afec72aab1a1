//! What the system says of a process.

use std::fs;

use anyhow::{Context as _, Result};

/// A kibibyte figure of `/proc/PID/status` text in MiB, for example `VmHWM`.
pub(crate) fn mebibytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024.0)
}

/// The most memory that a process has had so far, in MiB.
pub(crate) fn peak(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    mebibytes(&status, "VmHWM").context("the system tells no VmHWM")
}
