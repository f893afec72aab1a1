//! How a deployment is.

use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use runvoy_ports::ExecutionReads as _;

use crate::deployment::Infra;
use crate::error::{self, InfraError, has_code};
use crate::stack::StackState;

/// How many open executions are counted.
const COUNTED: u32 = 100;

/// How a deployment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its stack, if there is one.
    pub stack: Option<StackState>,
    /// The stack of its bucket and repository, if there is one.
    pub bootstrap: Option<StackState>,
    /// Tasks that run now, if there is a cluster.
    pub running_tasks: Option<usize>,
    /// Executions that are not over, up to a hundred; `None` where the records cannot be read.
    pub open_executions: Option<usize>,
    /// What an earlier deployment left, where there is no stack.
    pub remains: Vec<String>,
}

impl Infra {
    /// Looks at everything. Changes nothing.
    pub async fn status(&self) -> Result<Status, InfraError> {
        let stack = self.main_stack().find().await?;
        let bootstrap = self.bootstrap_stack().find().await?;
        let mut status = Status {
            running_tasks: None,
            open_executions: None,
            remains: Vec::new(),
            stack,
            bootstrap,
        };
        if status.stack.is_some() {
            status.running_tasks = self.tasks().await?.map(|tasks| tasks.len());
            let open = self.store().list_open(None, COUNTED).await;
            status.open_executions = open.ok().map(|open| open.len());
        } else {
            status.remains = self
                .remains()
                .await?
                .into_iter()
                .map(|one| one.name)
                .collect();
        }
        Ok(status)
    }

    /// ARNs of the tasks that run or are about to; `None` without a cluster.
    pub(crate) async fn tasks(&self) -> Result<Option<Vec<String>>, InfraError> {
        let (mut tasks, mut token) = (Vec::new(), None);
        loop {
            let call = self
                .aws()
                .ecs()
                .list_tasks()
                .cluster(self.project().cluster());
            let answer = match call.set_next_token(token).send().await {
                Ok(answer) => answer,
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => {
                    return Err(error::failed(
                        "the running tasks cannot be listed",
                        "ecs:ListTasks",
                    )(error));
                }
            };
            tasks.extend(answer.task_arns().iter().cloned());
            token = answer.next_token().map(ToOwned::to_owned);
            if token.is_none() {
                return Ok(Some(tasks));
            }
        }
    }
}

/// Whether there is no such cluster any more: ECS remembers a deleted one for a while, as inactive.
fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let refusal = error.as_service_error();
    let message = refusal.and_then(ProvideErrorMetadata::message);
    has_code(error, &["ClusterNotFoundException"])
        || message.is_some_and(|message| message.contains("inactive"))
}
