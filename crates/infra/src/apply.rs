//! Doing what was planned.

use crate::bootstrap::{Bootstrap, ensure_service_linked_role, ensure_stack_key};
use crate::deployment::{Infra, finish};
use crate::error::InfraError;
use crate::plan::Plan;
use crate::progress::{Listener, Progress};
use crate::registry::Registry;
use crate::stack::change_set::TemplateBody;
use crate::stack::{ChangeSet, Readiness, Request, RequestKind, Stack, StackState};

/// A deployment that is up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Where the CLI calls, without a slash at the end.
    pub api_url: String,
    /// Something was changed.
    pub is_changed: bool,
}

impl Infra {
    /// Does what `plan` says. Every step may be repeated: what breaks off is finished by planning and applying again.
    pub async fn apply(&self, plan: Plan, listener: Listener<'_>) -> Result<Deployed, InfraError> {
        let bootstrap = match self.prepare(&plan, listener).await {
            Ok(bootstrap) => bootstrap,
            Err(error) => {
                // Why it failed is worth more than why the change set stays.
                let _left = self.discard(&plan).await;
                return Err(error);
            }
        };
        let is_changed = self.deploy(plan, &bootstrap, listener).await?;
        let state = self.main_stack().find().await?;
        let url = state.and_then(|state| state.outputs.get("ApiUrl").cloned());
        let url =
            url.ok_or_else(|| InfraError::failed("the deployment does not tell its address"))?;
        Ok(Deployed {
            api_url: url.trim_end_matches('/').to_owned(),
            is_changed,
        })
    }

    /// Puts in place what the stack is made of.
    async fn prepare(&self, plan: &Plan, listener: Listener<'_>) -> Result<Bootstrap, InfraError> {
        ensure_service_linked_role(self.aws()).await?;
        for stack in [self.main_stack(), self.bootstrap_stack()] {
            delete_if_broken(&stack, listener).await?;
        }
        let bootstrap = self.ensure_bootstrap(listener).await?;
        let artifacts = &plan.artifacts;
        artifacts
            .upload(self.aws(), &bootstrap.bucket, listener)
            .await?;
        let registry = Registry::sign_in(self.aws(), bootstrap.repository_name()).await?;
        registry.push(&artifacts.image, listener).await?;
        ensure_stack_key(self.aws(), &self.project().stack_key(), listener).await?;
        Ok(bootstrap)
    }

    async fn deploy(
        &self,
        plan: Plan,
        bootstrap: &Bootstrap,
        listener: Listener<'_>,
    ) -> Result<bool, InfraError> {
        let stack = self.main_stack();
        if let Some(change_set) = plan.change_set {
            return execute(&stack, change_set, listener).await;
        }
        let state = stack.find().await?.filter(StackState::is_made);
        if state.is_some() && !plan.is_new && plan.changes.is_empty() {
            return Ok(false);
        }
        let settings = |previous| {
            self.settings(
                previous,
                &plan.request.parameters,
                bootstrap,
                &plan.artifacts,
            )
        };
        let mut kind = match state {
            Some(_) => RequestKind::Update,
            None => RequestKind::Create,
        };
        // Asked anew: a broken stack that was deleted since may have taken its tables along.
        let remains = match state {
            Some(_) => Vec::new(),
            None => self.remains().await?,
        };
        if !remains.is_empty() {
            let ids: Vec<&str> = remains.iter().map(|one| one.logical_id.as_str()).collect();
            listener(Progress::Doing(format!(
                "taking over {} resources that are there",
                ids.len()
            )));
            let request = Request {
                template: TemplateBody::Text(self.main_template().reduced_to(&ids)?),
                settings: settings(None)?,
                kind: RequestKind::Import(remains),
            };
            if let Some(change_set) = stack.change_set(&request).await? {
                execute(&stack, change_set, listener).await?;
            }
            kind = RequestKind::Update;
        }
        let request = Request {
            kind,
            template: self.template_body(&bootstrap.bucket, listener).await?,
            settings: settings(state.as_ref())?,
        };
        match stack.change_set(&request).await? {
            Some(change_set) => execute(&stack, change_set, listener).await,
            None => Ok(false),
        }
    }
}

async fn execute(
    stack: &Stack,
    change_set: ChangeSet,
    listener: Listener<'_>,
) -> Result<bool, InfraError> {
    listener(Progress::Doing(format!(
        "changing the stack {}",
        stack.name
    )));
    let ended = stack.execute(change_set, listener).await?;
    finish(&stack.name, ended)?;
    listener(Progress::Done(format!(
        "Stack {} is up to date",
        stack.name
    )));
    Ok(true)
}

/// A stack that could not be made can only be deleted. It holds nothing: its tables went with its creation.
async fn delete_if_broken(stack: &Stack, listener: Listener<'_>) -> Result<(), InfraError> {
    let state = stack.find().await?;
    if state.is_some_and(|state| state.readiness() == Readiness::Broken) {
        listener(Progress::Doing(format!(
            "deleting the unfinished stack {}",
            stack.name
        )));
        stack.delete_for_good(listener).await?;
        listener(Progress::Done(format!(
            "Deleted the unfinished stack {}",
            stack.name
        )));
    }
    Ok(())
}
