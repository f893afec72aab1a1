//! What the event processor is invoked with, and what it does: every kind may come late, twice or never.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Context as _;
use runvoy_app::{App, Task};
use runvoy_aws::{FargateLauncher, TaskChange};
use runvoy_core::id::ExecutionId;
use runvoy_core::lock::LockName;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::hand_on::taken;

/// How long a tick looks after open executions; the next one goes on where it stopped.
const RECONCILE_LIMIT: Duration = Duration::from_secs(45);
/// The longest pause that is waited for; what is due later is the next tick's.
const LONGEST_PAUSE: Duration = Duration::from_secs(12);
/// How long an invocation goes on with what it moves itself.
const WORK_LIMIT: Duration = Duration::from_secs(40);

/// An invocation, understood.
enum Incoming {
    /// The tick of every minute.
    Tick,
    /// What another function has moved.
    Moved(Vec<MovedTask>),
    /// A task of ECS has changed its state; the task as ECS describes it.
    TaskChange(Value),
}

/// One thing to do.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum MovedTask {
    /// Do what this execution's state asks for.
    Drive(ExecutionId),
    /// Hand this lock on.
    Advance(LockName),
}

/// The kind of event that the rule for tasks lets through.
const TASK_CHANGE: &str = "ECS Task State Change";

fn understand(mut event: Value) -> anyhow::Result<Incoming> {
    if event["reconcile"] == true {
        return Ok(Incoming::Tick);
    }
    let is_task_change = event["detail-type"] == TASK_CHANGE;
    let mut part = |name| event.get_mut(name).map(Value::take).unwrap_or_default();
    if is_task_change {
        return Ok(Incoming::TaskChange(part("detail")));
    }
    let tasks = serde_json::from_value(part("tasks"));
    tasks.map(Incoming::Moved).context(
        "this is no event of ECS tasks, no tick, and nothing that runvoy's functions hand on",
    )
}

/// Who does the work.
#[derive(Debug)]
pub struct Processor<'a> {
    /// The use cases.
    pub app: &'a App,
    /// Hears what ECS says.
    pub launcher: &'a FargateLauncher,
    /// What is moved on the way.
    pub moved: &'a mut UnboundedReceiver<Task>,
}

/// Does what one invocation asks for. An error makes Lambda try again, and at last keep the event in the queue of errors.
pub async fn process(processor: &mut Processor<'_>, event: Value) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut tasks: VecDeque<Task> = match understand(event)? {
        Incoming::Tick => {
            processor.tick(began).await?;
            VecDeque::new()
        }
        Incoming::Moved(tasks) => tasks.into_iter().map(Task::from).collect(),
        Incoming::TaskChange(detail) => {
            let change = TaskChange::parse(&detail)?;
            let attempt = processor.launcher.observe(&change).await?;
            let moved = attempt.map(|attempt| Task::Drive(attempt.execution().clone()));
            moved.into_iter().collect()
        }
    };
    loop {
        tasks.extend(taken(processor.moved));
        if began.elapsed() >= WORK_LIMIT {
            break;
        }
        let Some(task) = tasks.pop_front() else { break };
        processor.work(began, task).await;
    }
    if !tasks.is_empty() {
        tracing::warn!(
            tasks = tasks.len(),
            "time is up; the rest is left to the next tick"
        );
    }
    Ok(())
}

impl Processor<'_> {
    /// Looks after everything that is not closed, as far as the time goes.
    async fn tick(&self, began: Instant) -> anyhow::Result<()> {
        let after = self.launcher.facts().load_cursor().await?;
        let stopped_at = self
            .app
            .reconcile_until(after.clone(), Some(began + RECONCILE_LIMIT))
            .await?;
        if stopped_at != after {
            self.launcher
                .facts()
                .save_cursor(stopped_at.as_ref())
                .await?;
        }
        // The alarm for a control plane that looks after nothing counts this line.
        tracing::info!(is_whole = stopped_at.is_none(), "reconciled");
        Ok(())
    }

    /// Does one thing, with its pauses. A failure is left to the next tick.
    async fn work(&self, began: Instant, task: Task) {
        loop {
            let done = match &task {
                Task::Drive(id) => self.app.drive(id).await,
                Task::Advance(name) => self.app.advance(name).await.map(|()| None),
            };
            match done {
                Ok(Some(pause))
                    if pause <= LONGEST_PAUSE && began.elapsed() + pause < WORK_LIMIT =>
                {
                    tokio::time::sleep(pause).await;
                }
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(?task, error = error.chain(), "left to the next tick");
                    return;
                }
            }
        }
    }
}

impl From<MovedTask> for Task {
    fn from(moved: MovedTask) -> Self {
        match moved {
            MovedTask::Drive(id) => Self::Drive(id),
            MovedTask::Advance(name) => Self::Advance(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_is_told_by_its_shape() {
        let id = "0".repeat(32);
        let tick = json!({ "reconcile": true });
        assert!(matches!(understand(tick).unwrap(), Incoming::Tick));
        let change = json!({ "detail-type": TASK_CHANGE, "detail": { "version": 3 }, "more": 1 });
        let Incoming::TaskChange(detail) = understand(change).unwrap() else {
            panic!("a task change");
        };
        assert_eq!(detail["version"], 3);
        let moved = json!({ "tasks": [{ "drive": id }, { "advance": "prod" }] });
        let Incoming::Moved(tasks) = understand(moved).unwrap() else {
            panic!("moved tasks");
        };
        assert!(matches!(
            tasks[..],
            [MovedTask::Drive(_), MovedTask::Advance(_)]
        ));
    }

    #[test]
    fn what_is_none_of_these_is_refused() {
        for event in [
            json!({}),
            json!(null),
            json!([1]),
            json!("tick"),
            json!({ "reconcile": "yes" }),
            json!({ "tasks": [{ "drive": "not an id" }] }),
            json!({ "tasks": [{ "delete": "prod" }] }),
            json!({ "detail-type": "EC2 Instance State-change Notification", "detail": {} }),
        ] {
            assert!(understand(event.clone()).is_err(), "{event}");
        }
    }
}
