//! What the process exits with.

use std::process::ExitCode;

/// The code of the whole process. `run` and `wait` pass on the remote command's own code; the rest is listed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExitStatus(u8);

impl ExitStatus {
    /// It worked.
    pub(crate) const SUCCESS: Self = Self(0);
    /// The command line cannot be understood, or a value in it is refused.
    pub(crate) const USAGE: Self = Self(2);
    /// Busy, and nothing was run: the lock (`--no-wait`, or waited for too long), or as many runs as the limits allow.
    pub(crate) const BUSY: Self = Self(75);
    /// The key is unknown, expired or revoked, or its role does not permit this.
    pub(crate) const NOT_PERMITTED: Self = Self(77);
    /// The time was up.
    pub(crate) const TIMED_OUT: Self = Self(124);
    /// runvoy itself, the network, the launch or the place failed.
    pub(crate) const FAILED: Self = Self(125);
    /// Stopped by Ctrl-C.
    pub(crate) const CANCELLED: Self = Self(130);

    /// The code that a remote command ended with; its low eight bits, as every system keeps them.
    pub(crate) const fn of_command(code: i32) -> Self {
        Self(code.to_le_bytes()[0])
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.0)
    }
}
