//! The end of a container's log: the result, and what its agent complained of.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use futures_util::StreamExt as _;
use runvoy_core::id::AttemptId;
use runvoy_core::outcome::Report;
use runvoy_wire::copy::{CopyLine, parse_line};

use crate::attempt;
use crate::call::{CallError, in_time};
use crate::launcher::Inner;
use crate::words::fit;

/// How many of a log's last lines tell what went wrong.
const LAST_LINES: usize = 20;

impl Inner {
    /// The last lines of the log. No container: no lines.
    pub(crate) async fn tail(&self, attempt: &AttemptId) -> Result<Tail, CallError> {
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: LAST_LINES.to_string(),
            ..LogsOptions::default()
        };
        let name = attempt::container(attempt);
        let mut frames = self.engine.docker().logs(&name, Some(options)).boxed();
        let mut tail = Tail::default();
        while let Some(frame) = in_time(frames.next()).await? {
            match frame.map_err(CallError::from) {
                Ok(frame) => tail.take(&frame),
                Err(error) if error.is_absent() => return Ok(Tail::default()),
                Err(error) => return Err(error),
            }
        }
        Ok(tail)
    }
}

/// The last lines of a log.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    copy: Vec<u8>,
    complaints: Vec<u8>,
}

impl Tail {
    fn take(&mut self, frame: &LogOutput) {
        match frame {
            LogOutput::StdErr { message } => self.complaints.extend_from_slice(message),
            other => self.copy.extend_from_slice(other.as_ref()),
        }
    }

    /// The result, if the copy has come to its end.
    pub(crate) fn report(&self) -> Option<Report> {
        let text = String::from_utf8_lossy(&self.copy);
        text.lines().rev().find_map(|line| match parse_line(line)? {
            CopyLine::End { report, .. } => Some(report),
            CopyLine::Entry { .. } => None,
        })
    }

    /// What is none of the copy.
    pub(crate) fn lines(&self) -> Vec<String> {
        let copy = String::from_utf8_lossy(&self.copy);
        let complaints = String::from_utf8_lossy(&self.complaints);
        let foreign = copy.lines().filter(|line| parse_line(line).is_none());
        foreign
            .chain(complaints.lines())
            .map(str::to_owned)
            .collect()
    }

    /// The last thing that the agent complained of.
    pub(crate) fn complaint(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.complaints);
        let last = text
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty())?;
        Some(fit(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_tells_the_end_and_the_complaints_apart() {
        let mut tail = Tail::default();
        tail.take(&LogOutput::StdOut {
            message: "#1 o a\nodd\n#end 1 none exit 3\n".into(),
        });
        assert_eq!(tail.complaint(), None);
        tail.take(&LogOutput::StdErr {
            message: "runvoy-agent: no\n\n".into(),
        });
        assert_eq!(tail.report(), "none exit 3".parse().ok());
        assert_eq!(tail.complaint().as_deref(), Some("runvoy-agent: no"));
        assert_eq!(tail.lines(), ["odd", "runvoy-agent: no", ""]);
        assert_eq!(Tail::default().report(), None);
    }
}
