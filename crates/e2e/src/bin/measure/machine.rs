//! What the system says of a process.

use std::fs;

use anyhow::{Context as _, Result};

/// How many fields of `/proc/PID/stat` stand between the name and the processor time of user and system.
const USER_TIME: usize = 11;

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

/// The memory that a process has now, in MiB.
pub(crate) fn resident(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    mebibytes(&status, "VmRSS").context("the system tells no VmRSS")
}

/// The processor time that a process has used so far, in milliseconds.
pub(crate) fn cpu_milliseconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Its name, in parentheses, may hold anything.
    let (_, fields) = stat
        .rsplit_once(") ")
        .context("the system tells no state")?;
    let mut times = fields.split(' ').skip(USER_TIME).take(2);
    let ticks = times.try_fold(0.0, |sum, ticks| {
        Ok::<_, std::num::ParseFloatError>(sum + ticks.parse::<f64>()?)
    })?;
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(ticks * 1e3 / f64::from(per_second))
}
