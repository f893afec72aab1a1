//! How executions end.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::{Invalid, excerpt};

/// Why an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The command ended by itself.
    Exited,
    /// A signal that runvoy did not send ended the command.
    Signaled,
    /// The place ran out of memory.
    OutOfMemory,
    /// The command ran longer than its limit.
    TimedOut,
    /// A person stopped it.
    Cancelled,
    /// It never ran: no place could be had for it.
    LaunchFailed,
    /// The agent vanished without a word.
    AgentLost,
    /// The place was taken away (Spot, a host that went down).
    Interrupted,
    /// It waited for its lock longer than it was willing to.
    LockTimeout,
    /// When its turn came, its user was no longer permitted to run it.
    Denied,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Exited,
        Self::Signaled,
        Self::OutOfMemory,
        Self::TimedOut,
        Self::Cancelled,
        Self::LaunchFailed,
        Self::AgentLost,
        Self::Interrupted,
        Self::LockTimeout,
        Self::Denied,
    ];

    /// The name in records and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Signaled => "signaled",
            Self::OutOfMemory => "out_of_memory",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::LaunchFailed => "launch_failed",
            Self::AgentLost => "agent_lost",
            Self::Interrupted => "interrupted",
            Self::LockTimeout => "lock_timeout",
            Self::Denied => "denied",
        }
    }
}

impl FromStr for Reason {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| Invalid::new("reason", format!("is unknown: {}", excerpt(text))))
    }
}

/// The end of an execution; set once, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    reason: Reason,
    exit_code: Option<i32>,
    words: Option<String>,
}

impl Outcome {
    /// An end without an exit code of the command's own; `words` are the provider's or agent's, kept and shown.
    pub fn without_code(reason: Reason, words: Option<String>) -> Self {
        let exit_code = match reason {
            Reason::OutOfMemory => Some(137),
            Reason::Exited
            | Reason::Signaled
            | Reason::TimedOut
            | Reason::Cancelled
            | Reason::LaunchFailed
            | Reason::AgentLost
            | Reason::Interrupted
            | Reason::LockTimeout
            | Reason::Denied => None,
        };
        Self {
            reason,
            exit_code,
            words,
        }
    }

    /// The end that an agent reports.
    pub fn reported(report: Report, words: Option<String>) -> Self {
        let (reason, exit_code) = match (report.ended_by, report.end) {
            (EndedBy::Timeout, end) => (Reason::TimedOut, end.code()),
            (EndedBy::Cancel, end) => (Reason::Cancelled, end.code()),
            (EndedBy::Signal, _) => (Reason::Interrupted, None),
            (EndedBy::OutOfMemory, _) => (Reason::OutOfMemory, Some(137)),
            (EndedBy::Itself, ProcessEnd::Exited(code)) => (Reason::Exited, Some(code)),
            (EndedBy::Itself, ProcessEnd::Signaled(signal)) => {
                (Reason::Signaled, Some(128 + signal))
            }
            (EndedBy::Itself, ProcessEnd::NeverRan) => (Reason::LaunchFailed, None),
        };
        Self {
            reason,
            exit_code,
            words,
        }
    }

    /// Why it ended.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The command's exit code; 128+n for a signal; `None` where there was none.
    pub fn exit_code(&self) -> Option<i32> {
        self.exit_code
    }

    /// What the provider or the agent said of it.
    pub fn words(&self) -> Option<&str> {
        self.words.as_deref()
    }

    /// Whether the command did what it was asked: it ended by itself with code 0.
    pub fn is_success(&self) -> bool {
        self.reason == Reason::Exited && self.exit_code == Some(0)
    }

    /// What a command line that ran the execution exits with.
    pub fn cli_exit_code(&self) -> i32 {
        cli_exit_code(self.reason, self.exit_code)
    }
}

/// What a command line that ran an execution exits with, by the reason and code of its record.
pub const fn cli_exit_code(reason: Reason, exit_code: Option<i32>) -> i32 {
    match (reason, exit_code) {
        (Reason::Exited | Reason::Signaled, Some(code)) => code,
        (Reason::OutOfMemory, _) => 137,
        (Reason::TimedOut, _) => 124,
        (Reason::Cancelled, _) => 130,
        (Reason::LockTimeout, _) => 75,
        (Reason::Denied, _) => 77,
        (Reason::LaunchFailed | Reason::AgentLost | Reason::Interrupted, _)
        | (Reason::Exited | Reason::Signaled, None) => 125,
    }
}

/// Who ended the command, as its agent saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndedBy {
    /// Nobody: it ended by itself.
    Itself,
    /// The agent, because the time was up.
    Timeout,
    /// The agent, because the control plane said so.
    Cancel,
    /// The agent, because something outside told the agent itself to stop.
    Signal,
    /// The kernel, for want of memory.
    OutOfMemory,
}

impl EndedBy {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Itself => "none",
            Self::Timeout => "timeout",
            Self::Cancel => "cancel",
            Self::Signal => "signal",
            Self::OutOfMemory => "oom",
        }
    }
}

impl FromStr for EndedBy {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [
            Self::Itself,
            Self::Timeout,
            Self::Cancel,
            Self::Signal,
            Self::OutOfMemory,
        ]
        .into_iter()
        .find(|ended_by| ended_by.as_str() == text)
        .ok_or_else(|| Invalid::new("ended_by", format!("is unknown: {}", excerpt(text))))
    }
}

/// How the main process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessEnd {
    /// With this code.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
    /// It could not even be started.
    NeverRan,
}

impl ProcessEnd {
    const fn code(self) -> Option<i32> {
        match self {
            Self::Exited(code) => Some(code),
            Self::Signaled(_) | Self::NeverRan => None,
        }
    }
}

/// What an agent reports of the command's end. Printed after `#end <last_seq>` in the second copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Report {
    /// Who ended it.
    pub ended_by: EndedBy,
    /// How.
    pub end: ProcessEnd,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = self.ended_by.as_str();
        match self.end {
            ProcessEnd::Exited(code) => write!(f, "{by} exit {code}"),
            ProcessEnd::Signaled(signal) => write!(f, "{by} signal {signal}"),
            ProcessEnd::NeverRan => write!(f, "{by} never-ran"),
        }
    }
}

impl FromStr for Report {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = || Invalid::new("result", format!("is unreadable: {}", excerpt(text)));
        let words: Vec<&str> = text.split(' ').collect();
        let (by, end) = match words[..] {
            [by, "exit", code] => (by, ProcessEnd::Exited(code.parse().map_err(|_| bad())?)),
            [by, "signal", signal] => {
                (by, ProcessEnd::Signaled(signal.parse().map_err(|_| bad())?))
            }
            [by, "never-ran"] => (by, ProcessEnd::NeverRan),
            _ => return Err(bad()),
        };
        Ok(Self {
            ended_by: by.parse()?,
            end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ended_by: EndedBy, end: ProcessEnd) -> Report {
        Report { ended_by, end }
    }

    #[test]
    fn the_table_of_codes() {
        let reported = |by, end| Outcome::reported(report(by, end), None).cli_exit_code();
        assert_eq!(reported(EndedBy::Itself, ProcessEnd::Exited(0)), 0);
        assert_eq!(reported(EndedBy::Itself, ProcessEnd::Exited(42)), 42);
        assert_eq!(reported(EndedBy::Itself, ProcessEnd::Signaled(9)), 137);
        assert_eq!(reported(EndedBy::Timeout, ProcessEnd::Signaled(15)), 124);
        assert_eq!(reported(EndedBy::Cancel, ProcessEnd::Exited(0)), 130);
        assert_eq!(reported(EndedBy::OutOfMemory, ProcessEnd::Signaled(9)), 137);
        assert_eq!(reported(EndedBy::Itself, ProcessEnd::NeverRan), 125);
        assert_eq!(
            Outcome::without_code(Reason::LockTimeout, None).cli_exit_code(),
            75
        );
        assert_eq!(
            Outcome::without_code(Reason::Denied, None).cli_exit_code(),
            77
        );
        assert_eq!(
            Outcome::without_code(Reason::AgentLost, None).cli_exit_code(),
            125
        );
    }

    #[test]
    fn only_an_exit_with_zero_is_success() {
        assert!(
            Outcome::reported(report(EndedBy::Itself, ProcessEnd::Exited(0)), None).is_success()
        );
        assert!(
            !Outcome::reported(report(EndedBy::Cancel, ProcessEnd::Exited(0)), None).is_success()
        );
    }

    #[test]
    fn reports_print_as_they_parse() {
        for by in [
            EndedBy::Itself,
            EndedBy::Timeout,
            EndedBy::Cancel,
            EndedBy::Signal,
            EndedBy::OutOfMemory,
        ] {
            for end in [
                ProcessEnd::Exited(3),
                ProcessEnd::Signaled(15),
                ProcessEnd::NeverRan,
            ] {
                let report = report(by, end);
                assert_eq!(report.to_string().parse::<Report>().unwrap(), report);
            }
        }
        assert!("none exit".parse::<Report>().is_err());
    }
}
