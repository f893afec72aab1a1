//! The control plane of the local AWS: CloudFormation, ECR, STS, IAM, EC2, and a few words for what is left over.

mod denial;
mod ec2;
mod ecr;
mod iam;
pub(crate) mod query;
mod sts;

use std::time::Duration;

use thiserror::Error;

use self::denial::Denials;
pub use self::ec2::{Egress, Network};
use crate::cloudformation::{CloudFormation, Endpoints};
use crate::events::Events;
use crate::lambda::Lambdas;
use crate::queue::Queues;
use crate::{Call, Policies, Registry, Reply, json_error};

pub(crate) use crate::gateway::ACCOUNT;

/// Services that [`Control::handle`] answers for, as signatures name them.
pub const CONTROL_SERVICES: &[&str] = &[
    "cloudformation",
    "ecr",
    "sts",
    "iam",
    "ec2",
    "events",
    "monitoring",
    "sqs",
    "sns",
    "application-autoscaling",
];

/// Why the control plane cannot start.
#[derive(Debug, Error)]
pub enum ControlError {
    /// There is no HTTP client.
    #[error("the HTTP client cannot be made")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What the control plane works on.
#[derive(Debug, Clone)]
pub struct ControlOptions {
    /// The region of every stack.
    pub region: String,
    /// Where the other engines listen.
    pub endpoints: Endpoints,
    /// Functions that stacks make.
    pub lambdas: Lambdas,
    /// Rules that stacks make.
    pub events: Events,
    /// Queues that stacks make.
    pub queues: Queues,
    /// Image repositories.
    pub registry: Registry,
}

/// The control plane. Clones share it.
#[derive(Debug, Clone)]
pub struct Control {
    cloudformation: CloudFormation,
    registry: Registry,
    policies: Policies,
    network: Network,
    denials: Denials,
    iam: iam::Iam,
}

impl Control {
    /// A control plane of an empty account.
    pub fn new(options: ControlOptions) -> Result<Self, ControlError> {
        let policies = Policies::new();
        let network = Network::new(&options.region);
        let registry = options.registry.clone();
        let cloudformation = CloudFormation::new(options, policies.clone(), network.clone())?;
        Ok(Self {
            cloudformation,
            registry,
            network,
            denials: Denials::default(),
            iam: iam::Iam::new(policies.clone()),
            policies,
        })
    }

    /// Answers a call to one of [`CONTROL_SERVICES`].
    pub async fn handle(&self, call: Call) -> Reply {
        if let Some(reply) = self.denial(&call) {
            return reply;
        }
        match call.service.as_str() {
            "cloudformation" => self.cloudformation.handle(&call).await,
            "ecr" => ecr::handle(&self.registry, &call),
            "sts" => sts::handle(&call),
            "iam" => self.iam.handle(&call),
            "ec2" => self.network.handle(&call),
            service => {
                let message = format!("{service} does not know {} here", call.action);
                json_error(400, "UnknownOperationException", &message)
            }
        }
    }

    /// From now on the caller may not do the action: `cloudformation:CreateChangeSet`, `dynamodb:*`, …
    pub fn deny(&self, caller: &str, action: &str) {
        self.denials.deny(caller, action);
    }

    /// Forgets every [`Self::deny`].
    pub fn allow_all(&self) {
        self.denials.clear();
    }

    /// The refusal that [`Self::deny`] asks for, in the words of the call's protocol. The gateway asks before it sends
    /// a call to any service.
    pub fn denial(&self, call: &Call) -> Option<Reply> {
        self.denials.judge(call)
    }

    /// The stacks.
    pub fn cloudformation(&self) -> &CloudFormation {
        &self.cloudformation
    }

    /// The image registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Roles and what they allow.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Networks, also those that no stack has made.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The next time that a stack makes, changes or removes the resource, it fails with the reason.
    pub fn fail(&self, logical_id: &str, reason: &str) {
        self.cloudformation.fail(logical_id, reason);
    }

    /// How long each step of a stack takes.
    pub fn set_pace(&self, pace: Duration) {
        self.cloudformation.set_pace(pace);
    }
}
