//! What an invocation has moved is done before it answers, or handed to the event processor: after the answer the
//! environment is frozen, and nothing goes on.

use std::collections::HashSet;

use runvoy_app::{App, Task};
use runvoy_aws::Invoker;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

/// Tasks that one asynchronous invocation is asked for; far below the 256 KB that it may carry.
const TASKS_TOGETHER: usize = 500;

/// Takes what the application has moved. One invocation at a time uses it.
#[derive(Debug)]
pub struct HandOn {
    moved: UnboundedReceiver<Task>,
    invoker: Invoker,
}

impl HandOn {
    /// Takes from `moved`; the event processor is asked through `invoker`.
    pub fn new(moved: UnboundedReceiver<Task>, invoker: Invoker) -> Self {
        Self { moved, invoker }
    }

    /// Makes the launches that this process owes, hands everything else to the event processor, and meanwhile notes
    /// whose key was used.
    pub async fn finish(&mut self, app: &App) {
        tokio::join!(app.note_key_uses(), self.finish_tasks(app));
    }

    async fn finish_tasks(&mut self, app: &App) {
        let mut others = Vec::new();
        for task in taken(&mut self.moved) {
            match &task {
                Task::Drive(id) if app.owes_launch(id) => match app.drive(id).await {
                    Ok(None) => {}
                    Ok(Some(_)) => others.push(task),
                    Err(error) => {
                        tracing::warn!(execution.id = %id, error = error.chain(), "a launch is left to the event processor");
                        others.push(task);
                    }
                },
                Task::Drive(_) | Task::Advance(_) => others.push(task),
            }
        }
        // A launch moves nothing that somebody waits for; what it did move is the event processor's too.
        others.extend(taken(&mut self.moved));
        for tasks in others.chunks(TASKS_TOGETHER) {
            if let Err(error) = self.invoker.invoke(&payload(tasks)).await {
                tracing::warn!(%error, "left to the next tick of the event processor");
            }
        }
    }
}

/// Everything that has moved by now, each once.
pub(crate) fn taken(moved: &mut UnboundedReceiver<Task>) -> Vec<Task> {
    let mut seen = HashSet::new();
    let mut tasks = Vec::new();
    while let Ok(task) = moved.try_recv() {
        if seen.insert(task.clone()) {
            tasks.push(task);
        }
    }
    tasks
}

fn payload(tasks: &[Task]) -> Value {
    let tasks = tasks.iter().map(|task| match task {
        Task::Drive(id) => json!({ "drive": id }),
        Task::Advance(lock) => json!({ "advance": lock }),
    });
    json!({ "tasks": tasks.collect::<Vec<_>>() })
}
