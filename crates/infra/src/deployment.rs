//! One deployment in one account.

use std::time::Duration;

use aws_config::SdkConfig;
use jiff::Timestamp;
use runvoy_aws::DynamoStore;
use runvoy_core::key::{ApiKey, ApiKeyHash};
use runvoy_core::user::UserEmail;
use runvoy_ports::{Clock as _, SystemClock};

use crate::account::{Access, Account, Aws};
use crate::admin::{self, AdminPlan, AdminRequest};
use crate::error::InfraError;
use crate::project::Project;
use crate::stack::{Readiness, Stack, StackFailure, StackState};
use crate::template::Template;

/// How often something that takes a while is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Pace(pub Duration);

impl Default for Pace {
    fn default() -> Self {
        Self(Duration::from_secs(2))
    }
}

/// The deployment of a project, whether or not it is there.
#[derive(Debug)]
pub struct Infra {
    aws: Aws,
    project: Project,
    pace: Pace,
    main: Template,
    bootstrap: Template,
}

impl Infra {
    /// Finds credentials and region, and asks whose they are. Changes nothing.
    pub async fn connect(
        access: &Access,
        project: Project,
        pace: Pace,
    ) -> Result<Self, InfraError> {
        Self::of(Aws::connect(access).await?, project, pace)
    }

    /// The same with a configuration of the caller's own.
    pub async fn with_config(
        config: SdkConfig,
        project: Project,
        pace: Pace,
    ) -> Result<Self, InfraError> {
        Self::of(Aws::of(config, None).await?, project, pace)
    }

    fn of(aws: Aws, project: Project, pace: Pace) -> Result<Self, InfraError> {
        Ok(Self {
            main: Template::main()?,
            bootstrap: Template::bootstrap()?,
            aws,
            project,
            pace,
        })
    }

    /// Whose account it is.
    pub fn account(&self) -> &Account {
        &self.aws.account
    }

    /// Which deployment.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Whether the key was ever one of this deployment: what it is saved for belongs to it.
    pub async fn knows_key(&self, key: &ApiKey) -> Result<bool, InfraError> {
        admin::is_known(&self.store(), key).await
    }

    /// Finds out what is to be done about the admin; the tables must be there.
    pub async fn plan_admin(&self, request: AdminRequest) -> Result<AdminPlan, InfraError> {
        admin::plan(&self.store(), request, now()).await
    }

    /// Makes `email` the admin whose only key has this hash, in one commit. Asking again changes nothing.
    pub async fn give_admin(&self, email: &UserEmail, hash: ApiKeyHash) -> Result<(), InfraError> {
        admin::give(&self.store(), email, hash, now()).await
    }

    pub(crate) fn aws(&self) -> &Aws {
        &self.aws
    }

    pub(crate) fn poll(&self) -> Duration {
        self.pace.0
    }

    pub(crate) fn main_template(&self) -> &Template {
        &self.main
    }

    pub(crate) fn bootstrap_template(&self) -> &Template {
        &self.bootstrap
    }

    pub(crate) fn main_stack(&self) -> Stack {
        Stack::new(self.aws.cloudformation(), self.project.stack(), self.pace.0)
    }

    pub(crate) fn bootstrap_stack(&self) -> Stack {
        Stack::new(
            self.aws.cloudformation(),
            self.project.bootstrap_stack(),
            self.pace.0,
        )
    }

    /// The deployment's records, by the code that the control plane uses.
    pub(crate) fn store(&self) -> DynamoStore {
        DynamoStore::new(self.aws.dynamodb(), self.project.as_str())
    }
}

impl StackState {
    /// Whether there is something to update.
    pub(crate) fn is_made(&self) -> bool {
        self.readiness() == Readiness::Ready
    }
}

/// An end that is not success, in words.
pub(crate) fn finish(name: &str, ended: Result<(), StackFailure>) -> Result<(), InfraError> {
    ended.map_err(|failure| failure.into_error(&format!("the stack {name} could not be deployed")))
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}
