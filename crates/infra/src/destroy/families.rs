//! Task definitions that the control plane registered; no stack knows of them.

use aws_sdk_ecs::types::TaskDefinitionStatus;

use crate::deployment::Infra;
use crate::error::{self, InfraError};
use crate::progress::{Listener, Progress};
use crate::project::Project;

/// The most that one call deletes.
const AT_ONCE: usize = 10;

impl Infra {
    pub(super) async fn delete_families(&self, listener: Listener<'_>) -> Result<(), InfraError> {
        let active = self.definitions(TaskDefinitionStatus::Active).await?;
        let mut all = self.definitions(TaskDefinitionStatus::Inactive).await?;
        for definition in &active {
            self.deregister(definition).await?;
        }
        all.extend(active);
        all.sort();
        all.dedup();
        for some in all.chunks(AT_ONCE) {
            self.delete_definitions(some).await?;
        }
        if !all.is_empty() {
            let count = all.len();
            listener(Progress::Done(format!("Deleted {count} task definitions")));
        }
        Ok(())
    }

    /// The project's own among all of the account's: the API can ask for one family only by its whole name.
    async fn definitions(&self, status: TaskDefinitionStatus) -> Result<Vec<String>, InfraError> {
        let (mut own, mut token) = (Vec::new(), None);
        loop {
            let failed = error::failed(
                "the task definitions cannot be listed",
                "ecs:ListTaskDefinitions",
            );
            let call = self.aws().ecs().list_task_definitions();
            let call = call.status(status.clone()).set_next_token(token);
            let answer = call.send().await.map_err(failed)?;
            let all = answer.task_definition_arns().iter();
            own.extend(all.filter(|arn| is_own(self.project(), arn)).cloned());
            token = answer.next_token().map(ToOwned::to_owned);
            if token.is_none() {
                return Ok(own);
            }
        }
    }

    async fn deregister(&self, definition: &str) -> Result<(), InfraError> {
        let failed = error::failed(
            "a task definition cannot be deregistered",
            "ecs:DeregisterTaskDefinition",
        );
        let call = self.aws().ecs().deregister_task_definition();
        let call = call.task_definition(definition);
        call.send().await.map(drop).map_err(failed)
    }

    async fn delete_definitions(&self, definitions: &[String]) -> Result<(), InfraError> {
        let failed = error::failed(
            "task definitions cannot be deleted",
            "ecs:DeleteTaskDefinitions",
        );
        let call = self.aws().ecs().delete_task_definitions();
        let call = call.set_task_definitions(Some(definitions.to_vec()));
        call.send().await.map(drop).map_err(failed)
    }
}

/// Whether the ARN, `…:task-definition/{family}:{revision}`, is of a family of the project.
fn is_own(project: &Project, arn: &str) -> bool {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let family = name.split(':').next().unwrap_or_default();
    project.is_family(family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_families_of_the_project_are_deleted() {
        let project: Project = "acme".parse().unwrap();
        let arn =
            |name: &str| format!("arn:aws:ecs:eu-central-1:123456789012:task-definition/{name}:3");
        let hash = "0123456789abcdef0123456789abcdef";
        assert!(is_own(&project, &arn(&format!("acme-{hash}"))));
        for other in [
            format!("acme2-{hash}"),
            "acme-web".to_owned(),
            String::new(),
        ] {
            assert!(!is_own(&project, &arn(&other)), "{other}");
        }
    }
}
