//! What would be done, before it is.

use std::collections::BTreeMap;

use aws_sdk_lambda::types::AccountLimit;

use crate::artifact::{Artifacts, Source, put_once};
use crate::bootstrap::Bootstrap;
use crate::cost::Cost;
use crate::deployment::{Infra, now};
use crate::egress;
use crate::error::{self, InfraError};
use crate::image::hex;
use crate::parameters::{self, Setting};
use crate::progress::{Listener, Progress};
use crate::stack::change_set::TemplateBody;
use crate::stack::{Change, ChangeKind, ChangeSet, Readiness, Request, RequestKind, StackState};
use crate::template::{Retained, Template};

/// The longest template that a call may carry itself.
const LONGEST_BODY: usize = 51_200;
/// Below this much concurrency a busy team is turned away.
const LOW_CONCURRENCY: i32 = 100;

/// What to deploy.
#[derive(Debug, Clone)]
pub struct ApplyRequest {
    /// Where the artifacts come from.
    pub source: Source,
    /// Parameters of the template, by name; those that are not given stay as they are.
    pub parameters: Vec<(String, String)>,
}

/// What would be done.
#[derive(Debug)]
pub struct Plan {
    /// Each resource, or nothing where nothing changes.
    pub changes: Vec<Change>,
    /// There is no deployment yet.
    pub is_new: bool,
    /// Stacks that were never made whole and are deleted first, with their status.
    pub deletes_first: Vec<(String, String)>,
    /// Tables and log groups of an earlier deployment that are taken over as they are.
    pub adopts: Vec<String>,
    /// What it costs.
    pub cost: Cost,
    pub(crate) request: ApplyRequest,
    pub(crate) artifacts: Artifacts,
    pub(crate) change_set: Option<ChangeSet>,
}

impl Infra {
    /// Works out what applying would do. Leaves nothing behind but, where the deployment is there already, a change set
    /// that [`discard`](Self::discard) takes away.
    pub async fn plan(
        &self,
        request: ApplyRequest,
        listener: Listener<'_>,
    ) -> Result<Plan, InfraError> {
        listener(Progress::Doing("looking at what is there".to_owned()));
        let main = self.look(&self.main_stack().name).await?;
        let bootstrap = self.look(&self.project().bootstrap_stack()).await?;
        let previous = main.as_ref().filter(|state| state.is_made());
        let settings_of = |bootstrap: &Bootstrap, artifacts: &Artifacts| {
            self.settings(previous, &request.parameters, bootstrap, artifacts)
        };
        let artifacts = Artifacts::load(&request.source, listener).await?;
        settings_of(&unmade(), &artifacts)?;
        self.check_network(previous, &request.parameters, listener)
            .await;
        self.check_quota(listener).await;
        let made = bootstrap.as_ref().filter(|state| state.is_made());
        let mut plan = Plan {
            changes: Vec::new(),
            is_new: previous.is_none(),
            deletes_first: broken(&[&main, &bootstrap], self),
            adopts: Vec::new(),
            cost: Cost::of(&self.main_template().resources()),
            change_set: None,
            artifacts,
            request: request.clone(),
        };
        match (previous, made) {
            (Some(_), Some(made)) => {
                let bootstrap = Bootstrap::of(made)?;
                let request = Request {
                    kind: RequestKind::Update,
                    template: self.template_body(&bootstrap.bucket, listener).await?,
                    settings: settings_of(&bootstrap, &plan.artifacts)?,
                };
                listener(Progress::Doing("working out what would change".to_owned()));
                plan.change_set = self.main_stack().change_set(&request).await?;
                plan.changes = plan
                    .change_set
                    .iter()
                    .flat_map(|set| set.changes.clone())
                    .collect();
            }
            (Some(_), None) => plan.changes = additions(self.bootstrap_template(), &[]),
            (None, _) => {
                let remains = self.remains().await?;
                plan.changes = additions(self.main_template(), &remains);
                plan.adopts = remains.into_iter().map(|one| one.name).collect();
                if made.is_none() {
                    plan.changes
                        .extend(additions(self.bootstrap_template(), &[]));
                }
            }
        }
        Ok(plan)
    }

    /// Takes away what planning left.
    pub async fn discard(&self, plan: &Plan) -> Result<(), InfraError> {
        match &plan.change_set {
            Some(change_set) => self.main_stack().discard(change_set).await,
            None => Ok(()),
        }
    }

    /// The value of every parameter of the main stack.
    pub(crate) fn settings(
        &self,
        previous: Option<&StackState>,
        given: &[(String, String)],
        bootstrap: &Bootstrap,
        artifacts: &Artifacts,
    ) -> Result<BTreeMap<String, Setting>, InfraError> {
        let image = format!("{}@{}", bootstrap.repository, artifacts.image.index.digest);
        let own = [
            ("ProjectName", self.project().to_string()),
            ("Version", env!("CARGO_PKG_VERSION").to_owned()),
            ("ArtifactsBucket", bootstrap.bucket.clone()),
            ("OrchestratorKey", artifacts.orchestrator.key.clone()),
            ("EventProcessorKey", artifacts.event_processor.key.clone()),
            ("AgentImage", image),
        ];
        let nothing = BTreeMap::new();
        let previous = previous.map_or(&nothing, |state| &state.parameters);
        parameters::merge(self.main_template(), previous, given, &own.into())
    }

    /// The main template, in the call itself where it fits, else in the bucket.
    pub(crate) async fn template_body(
        &self,
        bucket: &str,
        listener: Listener<'_>,
    ) -> Result<TemplateBody, InfraError> {
        let text = &self.main_template().text;
        if text.len() <= LONGEST_BODY {
            return Ok(TemplateBody::Text(text.clone()));
        }
        let key = format!("template-{}.yaml", hex(text.as_bytes()));
        put_once(self.aws(), bucket, &key, text.as_bytes(), listener).await?;
        Ok(TemplateBody::Url(self.object_url(bucket, &key)))
    }

    fn object_url(&self, bucket: &str, key: &str) -> String {
        if let Some(endpoint) = self.aws().config.endpoint_url() {
            return format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/'));
        }
        let region = &self.account().region;
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://{bucket}.s3.{region}.amazonaws.com{suffix}/{key}")
    }

    async fn look(&self, name: &str) -> Result<Option<StackState>, InfraError> {
        let stack = if name == self.project().stack() {
            self.main_stack()
        } else {
            self.bootstrap_stack()
        };
        let state = stack.find().await?;
        if let Some(state) = &state {
            state.check_is_free(name)?;
        }
        Ok(state)
    }

    /// Warns of subnets from which nothing gets out.
    async fn check_network(
        &self,
        previous: Option<&StackState>,
        given: &[(String, String)],
        listener: Listener<'_>,
    ) {
        let value = |name: &str| {
            let given = given.iter().rev().find(|(given, _)| given == name);
            let given = given.map(|(_, value)| value.as_str());
            given
                .or_else(|| previous?.parameters.get(name).map(String::as_str))
                .unwrap_or_default()
        };
        let has_public_address = value("AssignPublicIp") != "DISABLED";
        for subnet in value("SubnetIds")
            .split(',')
            .map(str::trim)
            .filter(|id| !id.is_empty())
        {
            listener(Progress::Doing(format!(
                "looking at how {subnet} leads out"
            )));
            let warning = match egress::of_subnet(self.aws(), subnet, now()).await {
                Ok(egress) => egress::warning(subnet, egress, has_public_address),
                Err(error) => Some(unchecked(&format!("how {subnet} leads out"), &error)),
            };
            if let Some(warning) = warning {
                listener(Progress::Warning(warning));
            }
        }
    }

    /// Warns of an account that may run too few functions at once.
    async fn check_quota(&self, listener: Listener<'_>) {
        let failed = error::failed(
            "the account's Lambda quota cannot be read",
            "lambda:GetAccountSettings",
        );
        let answer = self.aws().lambda().get_account_settings().send().await;
        let warning = match answer.map_err(failed) {
            Ok(answer) => {
                let limit = answer.account_limit();
                low_quota(limit.map_or(0, AccountLimit::concurrent_executions))
            }
            Err(error) => Some(unchecked("the account's Lambda quota", &error)),
        };
        if let Some(warning) = warning {
            listener(Progress::Warning(warning));
        }
    }
}

fn low_quota(concurrency: i32) -> Option<String> {
    (1..LOW_CONCURRENCY).contains(&concurrency).then(|| {
        format!(
            "the account may run only {concurrency} Lambda functions at once, shared by everything in it: enough to begin with; ask for 1000 under Service Quotas, AWS Lambda, Concurrent executions"
        )
    })
}

/// What is only advice does not hold a deployment up when it cannot be given.
fn unchecked(what: &str, error: &InfraError) -> String {
    let because = error.causes.first().map_or("", String::as_str);
    format!("{what} could not be checked: {because}")
}

/// Stands in for a bootstrap that is not there, to check parameters before anything is made.
fn unmade() -> Bootstrap {
    Bootstrap {
        bucket: "later".to_owned(),
        repository: "later".to_owned(),
    }
}

fn broken(states: &[&Option<StackState>], infra: &Infra) -> Vec<(String, String)> {
    let names = [infra.main_stack().name, infra.bootstrap_stack().name];
    let found = names.into_iter().zip(states);
    found
        .filter_map(|(name, state)| {
            let state = state.as_ref()?;
            (state.readiness() == Readiness::Broken).then(|| (name, state.status.clone()))
        })
        .collect()
}

/// Everything that a new stack makes or takes over. Conditional resources are counted: whether they are made is known
/// only once the stack is.
fn additions(template: &Template, remains: &[Retained]) -> Vec<Change> {
    let resources = template.resources().into_iter();
    resources
        .map(|resource| {
            let is_there = remains
                .iter()
                .any(|one| one.logical_id == resource.logical_id);
            Change {
                kind: if is_there {
                    ChangeKind::Import
                } else {
                    ChangeKind::Add
                },
                logical_id: resource.logical_id,
                resource_type: resource.type_name,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_low_quota_is_worth_a_word() {
        assert!(low_quota(10).unwrap().contains("only 10"));
        assert!(low_quota(LOW_CONCURRENCY).is_none() && low_quota(0).is_none());
    }

    #[test]
    fn what_is_there_is_taken_over_and_the_rest_is_made() {
        let text = "Resources: {Users: {Type: 'AWS::DynamoDB::Table'}, Api: {Type: 'AWS::Lambda::Function'}}";
        let remains = [Retained {
            logical_id: "Users".to_owned(),
            kind: crate::template::RetainedKind::Table,
            name: "acme-users".to_owned(),
        }];
        let changes = additions(&Template::parse(text).unwrap(), &remains);
        let kinds: Vec<_> = changes.iter().map(|change| change.kind).collect();
        assert_eq!(kinds, [ChangeKind::Import, ChangeKind::Add]);
    }
}
