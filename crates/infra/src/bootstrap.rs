//! What must be there before anything can be deployed: ECS's own role, a bucket, a repository, the stack key.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::ParameterType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::account::Aws;
use crate::deployment::{Infra, finish};
use crate::error::{self, InfraError, has_code};
use crate::parameters;
use crate::progress::{Listener, Progress};
use crate::stack::change_set::TemplateBody;
use crate::stack::{Request, RequestKind, StackState};

/// What the bootstrap stack tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bootstrap {
    pub(crate) bucket: String,
    /// The repository's address: registry and name.
    pub(crate) repository: String,
}

impl Bootstrap {
    /// What a stack that is ready tells.
    pub(crate) fn of(state: &StackState) -> Result<Self, InfraError> {
        let output = |name: &str| {
            state.outputs.get(name).cloned().ok_or_else(|| {
                InfraError::failed(format!("the bootstrap stack does not tell its {name}"))
                    .hint("was it changed by hand?  aws cloudformation describe-stacks")
            })
        };
        Ok(Self {
            bucket: output("ArtifactsBucket")?,
            repository: output("AgentRepository")?,
        })
    }

    /// The repository's name, without its registry.
    pub(crate) fn repository_name(&self) -> &str {
        self.repository
            .split_once('/')
            .map_or(self.repository.as_str(), |(_, name)| name)
    }
}

impl Infra {
    /// Makes the bootstrap stack, or brings it up to date.
    pub(crate) async fn ensure_bootstrap(
        &self,
        listener: Listener<'_>,
    ) -> Result<Bootstrap, InfraError> {
        let stack = self.bootstrap_stack();
        let before = stack.find().await?.filter(StackState::is_made);
        let own: BTreeMap<&str, String> = [("ProjectName", self.project().to_string())].into();
        let previous = before
            .as_ref()
            .map(|state| state.parameters.clone())
            .unwrap_or_default();
        let request = Request {
            kind: match before {
                Some(_) => RequestKind::Update,
                None => RequestKind::Create,
            },
            template: TemplateBody::Text(self.bootstrap_template().text.clone()),
            settings: parameters::merge(self.bootstrap_template(), &previous, &[], &own)?,
        };
        listener(Progress::Doing(format!(
            "preparing the stack {}",
            stack.name
        )));
        if let Some(change_set) = stack.change_set(&request).await? {
            let ended = stack.execute(change_set, listener).await?;
            finish(&stack.name, ended)?;
            listener(Progress::Done(format!(
                "Stack {} is up to date",
                stack.name
            )));
        }
        let state = stack.find().await?;
        Bootstrap::of(&state.ok_or_else(|| InfraError::failed("the bootstrap stack has gone"))?)
    }
}

/// Makes the role by which ECS manages network interfaces. The first cluster of an account would race its making.
pub(crate) async fn ensure_service_linked_role(aws: &Aws) -> Result<(), InfraError> {
    let call = aws
        .iam()
        .create_service_linked_role()
        .aws_service_name("ecs.amazonaws.com");
    match call.send().await {
        Ok(_) => Ok(()),
        // "Service role name AWSServiceRoleForECS has been taken in this account"
        Err(error)
            if has_code(
                &error,
                &[
                    "InvalidInput",
                    "InvalidInputException",
                    "EntityAlreadyExists",
                ],
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(error::failed(
            "ECS's service-linked role cannot be made",
            "iam:CreateServiceLinkedRole",
        )(error)),
    }
}

/// Makes the stack key, unless there is one. It is never read here, and never replaced: everything sealed hangs on it.
pub(crate) async fn ensure_stack_key(
    aws: &Aws,
    name: &str,
    listener: Listener<'_>,
) -> Result<(), InfraError> {
    let call = aws
        .ssm()
        .put_parameter()
        .name(name)
        .description("The secret from which runvoy derives its agents' tokens and seals values")
        .r#type(ParameterType::SecureString)
        .value(new_stack_key()?)
        .overwrite(false);
    match call.send().await {
        Ok(_) => {
            listener(Progress::Done(format!("Made the stack key {name}")));
            Ok(())
        }
        Err(error) if has_code(&error, &["ParameterAlreadyExists"]) => Ok(()),
        Err(error) => Err(error::failed(
            format!("the stack key {name} cannot be made"),
            "ssm:PutParameter",
        )(error)),
    }
}

/// 32 random bytes in standard base64.
fn new_stack_key() -> Result<String, InfraError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        InfraError::failed("the system gives no random numbers").because(error.to_string())
    })?;
    Ok(STANDARD.encode(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_key_is_32_bytes_and_never_the_same() {
        let (one, two) = (new_stack_key().unwrap(), new_stack_key().unwrap());
        assert_eq!(STANDARD.decode(&one).unwrap().len(), 32);
        assert_ne!(one, two);
    }

    #[test]
    fn the_name_of_a_repository_is_what_follows_its_registry() {
        let bootstrap = |repository: &str| Bootstrap {
            bucket: String::new(),
            repository: repository.to_owned(),
        };
        let address = "1.dkr.ecr.eu-central-1.amazonaws.com/acme-agent";
        assert_eq!(bootstrap(address).repository_name(), "acme-agent");
        assert_eq!(bootstrap("acme-agent").repository_name(), "acme-agent");
    }
}
