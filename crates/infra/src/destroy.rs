//! Taking a deployment away, with or without what it remembers.

mod bootstrap;
mod families;

use std::time::Duration;

use crate::deployment::Infra;
use crate::error::{self, InfraError, has_code};
use crate::progress::{Listener, Progress};

/// Rounds of waiting for tasks to stop: a container has two minutes to obey.
const STOP_LIMIT: Duration = Duration::from_mins(3);
/// How often a deletion that tasks were in the way of is tried.
const TRIES: u32 = 2;

impl Infra {
    /// What a destruction leaves: names of tables, log groups, bucket, repository and stack key.
    pub async fn keeps(&self) -> Result<Vec<String>, InfraError> {
        let retained = self.main_template().retained(self.project()).into_iter();
        let mut kept: Vec<String> = retained.map(|one| one.name).collect();
        if let Some(state) = self.bootstrap_stack().find().await? {
            let outputs = ["ArtifactsBucket", "AgentRepository"].into_iter();
            kept.extend(outputs.filter_map(|name| state.outputs.get(name).cloned()));
        }
        kept.push(self.project().stack_key());
        Ok(kept)
    }

    /// Whether there is a stack to take away.
    pub async fn is_deployed(&self) -> Result<bool, InfraError> {
        Ok(self.main_stack().find().await?.is_some())
    }

    /// Stops what runs and deletes the stack. Records, logs, bucket, repository and stack key stay.
    pub async fn destroy(&self, listener: Listener<'_>) -> Result<(), InfraError> {
        let stack = self.main_stack();
        if let Some(state) = stack.find().await? {
            state.check_is_free(&stack.name)?;
        }
        let mut tries = 1;
        loop {
            self.stop_tasks(listener).await?;
            listener(Progress::Doing(format!(
                "deleting the stack {}",
                stack.name
            )));
            match stack.delete(listener).await? {
                Ok(()) => break,
                // A task that was started between the stop and the deletion holds the cluster.
                Err(_) if tries < TRIES => tries += 1,
                Err(failure) => {
                    let message = format!("the stack {} could not be deleted", stack.name);
                    return Err(failure.into_error(&message));
                }
            }
        }
        listener(Progress::Done(format!("Deleted the stack {}", stack.name)));
        Ok(())
    }

    /// Deletes everything that [`destroy`](Self::destroy) leaves. There is no way back.
    pub async fn delete_data(&self, listener: Listener<'_>) -> Result<(), InfraError> {
        self.delete_remains(listener).await?;
        self.delete_families(listener).await?;
        self.delete_stack_key(listener).await?;
        self.delete_bootstrap(listener).await
    }

    async fn stop_tasks(&self, listener: Listener<'_>) -> Result<(), InfraError> {
        let mut waited = Duration::ZERO;
        let mut stopped = Vec::new();
        loop {
            let tasks = self.tasks().await?.unwrap_or_default();
            if tasks.is_empty() {
                return Ok(());
            }
            if waited >= STOP_LIMIT {
                return Err(
                    InfraError::failed(format!("{} tasks do not stop", tasks.len()))
                        .hint("look at them in the ECS console, then type the same again"),
                );
            }
            listener(Progress::Doing(format!(
                "stopping {} running tasks",
                tasks.len()
            )));
            for task in tasks {
                if !stopped.contains(&task) {
                    self.stop_task(&task).await?;
                    stopped.push(task);
                }
            }
            tokio::time::sleep(self.poll()).await;
            waited += self.poll().max(Duration::from_millis(10));
        }
    }

    async fn stop_task(&self, task: &str) -> Result<(), InfraError> {
        let call = self
            .aws()
            .ecs()
            .stop_task()
            .cluster(self.project().cluster());
        let answer = call.task(task).reason("runvoy infra destroy").send().await;
        match answer {
            Ok(_) => Ok(()),
            Err(error)
                if has_code(
                    &error,
                    &["ClusterNotFoundException", "InvalidParameterException"],
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(error::failed(
                "a running task cannot be stopped",
                "ecs:StopTask",
            )(error)),
        }
    }

    async fn delete_stack_key(&self, listener: Listener<'_>) -> Result<(), InfraError> {
        let name = self.project().stack_key();
        match self.aws().ssm().delete_parameter().name(&name).send().await {
            Ok(_) => listener(Progress::Done(format!("Deleted {name}"))),
            Err(error) if has_code(&error, &["ParameterNotFound"]) => {}
            Err(error) => {
                let what = format!("the stack key {name} cannot be deleted");
                return Err(error::failed(what, "ssm:DeleteParameter")(error));
            }
        }
        Ok(())
    }
}
