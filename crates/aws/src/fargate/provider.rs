//! What CloudWatch has of a task: the second copy of its log, and lines of an agent that never called.

use std::io;
use std::time::Duration;

use runvoy_core::execution::later;
use runvoy_core::id::{AttemptId, Place};
use runvoy_core::log::Seq;
use runvoy_ports::{CopyPage, Placement};

use super::FargateLauncher;
use super::definition::{COPIER, MAIN, STREAM_PREFIX};
use super::task::{Task, id_in};

/// How long after a stop lines may still arrive.
const STRAGGLING: Duration = Duration::from_mins(1);
/// Lines that are shown of an agent that never called.
const MOST_LINES: usize = 100;

impl FargateLauncher {
    /// A page of the second copy. At its end, before it is complete and while lines may still come, an error.
    pub(super) async fn copy(
        &self,
        placement: &Placement,
        after: Seq,
        max_bytes: usize,
    ) -> io::Result<CopyPage> {
        let known = self
            .facts
            .of(&placement.attempt)
            .await
            .map_err(io::Error::other)?;
        let place = placement.place.as_ref().map(Place::as_str);
        let named = known
            .tasks
            .iter()
            .find(|task| Some(task.arn.as_str()) == place);
        let task = named.or_else(|| known.tasks.iter().max_by_key(|task| task.created_at));
        let id = match (place, task) {
            (Some(arn), _) if arn.contains(":task/") => id_in(arn),
            (_, Some(task)) => task.id(),
            (_, None) => return Ok(CopyPage::default()),
        };
        let page = self
            .streams
            .copy(&stream(MAIN, id), after, max_bytes)
            .await?;
        let is_at_end = page.entries.is_empty() && page.end.is_none();
        if is_at_end && task.is_some_and(|task| self.lines_may_come(task)) {
            let why = "the task's last lines may still be on their way";
            return Err(io::Error::new(io::ErrorKind::WouldBlock, why));
        }
        Ok(page)
    }

    /// The last lines of the attempt's tasks, and ECS's words on their end.
    pub(super) async fn lines_of_provider(&self, attempt: &AttemptId) -> io::Result<Vec<String>> {
        let known = self.facts.of(attempt).await.map_err(io::Error::other)?;
        let mut lines = Vec::new();
        for task in &known.tasks {
            for container in [COPIER, MAIN] {
                let stream = stream(container, task.id());
                lines.extend(self.streams.tail(&stream, MOST_LINES).await?);
            }
            lines.extend(task.words());
        }
        let too_many = lines.len().saturating_sub(MOST_LINES);
        Ok(lines.split_off(too_many))
    }

    fn lines_may_come(&self, task: &Task) -> bool {
        let is_fresh = |stopped| later(stopped, STRAGGLING) > self.clock.now();
        task.stopped_at.is_some_and(is_fresh)
    }
}

/// The log stream of a container, as the `awslogs` driver names it.
fn stream(container: &str, task_id: &str) -> String {
    format!("{STREAM_PREFIX}/{container}/{task_id}")
}
