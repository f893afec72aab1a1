//! What makes, changes and removes the resources of stacks.

mod backend;
mod compute;
pub(crate) mod kind;
mod storage;
mod tables;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

pub use self::backend::Endpoints;
pub(crate) use self::backend::{Backend, Refused};
use super::stack::Resource;
use crate::control::Network;
use crate::events::Events;
use crate::lambda::Lambdas;
use crate::queue::Queues;
use crate::{Policies, Registry};

/// Where resources live.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// The region of every stack.
    pub(crate) region: String,
    /// The engines behind HTTP.
    pub(crate) backend: Backend,
    /// Functions.
    pub(crate) lambdas: Lambdas,
    /// Rules.
    pub(crate) events: Events,
    /// Queues.
    pub(crate) queues: Queues,
    /// Image repositories.
    pub(crate) registry: Registry,
    /// Roles.
    pub(crate) policies: Policies,
    /// Networks.
    pub(crate) network: Network,
}

/// A resource that a stack wants.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Its name in the template.
    pub(crate) logical_id: String,
    /// Its type.
    pub(crate) kind: String,
    /// Its evaluated properties.
    pub(crate) properties: Value,
    /// The name it gets if it has none of its own.
    pub(crate) made_up: String,
}

/// A resource as it was made.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// What `Ref` gives.
    pub(crate) physical_id: String,
    /// What `Fn::GetAtt` gives.
    pub(crate) attributes: Map<String, Value>,
}

impl World {
    /// The physical id and the attributes that follow from the properties alone.
    pub(crate) fn identify(&self, wanted: &Wanted) -> Made {
        let Some(kind) = kind::find(&wanted.kind) else {
            return Made {
                physical_id: wanted.made_up.clone(),
                attributes: Map::new(),
            };
        };
        let physical_id = kind.physical_id(&self.region, &wanted.properties, &wanted.made_up);
        let attributes = kind.attributes(&self.region, &physical_id, &wanted.properties);
        Made {
            physical_id,
            attributes,
        }
    }

    /// Makes a resource.
    pub(crate) async fn create(&self, wanted: &Wanted) -> Result<Made, String> {
        let mut made = self.identify(wanted);
        let id = made.physical_id.clone();
        match wanted.kind.as_str() {
            "AWS::DynamoDB::Table" => self.create_table(&id, wanted).await?,
            "AWS::Logs::LogGroup" => self.create_log_group(&id, wanted).await?,
            "AWS::S3::Bucket" => self.create_bucket(&id).await?,
            "AWS::ECS::Cluster" => self.create_cluster(&id, wanted).await?,
            "AWS::ECR::Repository" => self.create_repository(&id, wanted, &mut made)?,
            _ => self.put(wanted, &mut made).await?,
        }
        Ok(made)
    }

    /// Changes a resource that keeps its physical id.
    pub(crate) async fn update(&self, wanted: &Wanted, old: &Resource) -> Result<Made, String> {
        let kind = kind::find(&wanted.kind);
        let physical_id = old.physical_id.clone();
        let fresh =
            kind.map(|kind| kind.attributes(&self.region, &physical_id, &wanted.properties));
        let mut attributes = old.attributes.clone();
        attributes.extend(fresh.unwrap_or_default());
        let mut made = Made {
            physical_id,
            attributes,
        };
        match wanted.kind.as_str() {
            "AWS::DynamoDB::Table" => self.update_table(old, wanted).await?,
            "AWS::Logs::LogGroup" => self.set_retention(&old.physical_id, wanted).await?,
            "AWS::ECR::Repository" => self.update_repository(&old.physical_id, wanted),
            "AWS::S3::Bucket" | "AWS::ECS::Cluster" => {}
            _ => self.put(wanted, &mut made).await?,
        }
        Ok(made)
    }

    /// Removes a resource; one that is not there any more is removed.
    pub(crate) async fn delete(&self, resource: &Resource) -> Result<(), String> {
        let id = resource.physical_id.as_str();
        match resource.kind.as_str() {
            "AWS::DynamoDB::Table" => self.delete_table(resource).await,
            "AWS::Logs::LogGroup" => self.delete_log_group(id).await,
            "AWS::S3::Bucket" => self.delete_bucket(id).await,
            "AWS::ECS::Cluster" => self.delete_cluster(id).await,
            "AWS::ECR::Repository" => self.delete_repository(resource),
            _ => self.remove(resource),
        }
    }

    /// Takes over a resource that is there: its physical id was given.
    pub(crate) async fn import(&self, id: &str, wanted: &Wanted) -> Result<Made, String> {
        let exists = match wanted.kind.as_str() {
            "AWS::DynamoDB::Table" => self.table_exists(id).await,
            "AWS::Logs::LogGroup" => self.log_group_exists(id).await,
            "AWS::S3::Bucket" => self.bucket_exists(id).await,
            "AWS::ECR::Repository" => self.registry.exists(id),
            _ => return Err(format!("{} cannot be imported", wanted.kind)),
        };
        if !exists {
            return Err(not_found(&wanted.kind, id));
        }
        let mut made = self.identify(wanted);
        if let Some(kind) = kind::find(&wanted.kind) {
            made.attributes = kind.attributes(&self.region, id, &wanted.properties);
        }
        id.clone_into(&mut made.physical_id);
        if wanted.kind == "AWS::ECR::Repository" {
            self.describe_repository(id, &mut made);
        }
        Ok(made)
    }
}

/// The words for a name that is taken.
fn already_exists(kind: &str, id: &str) -> String {
    format!(
        "Resource handler returned message: \"Resource of type '{kind}' with identifier '{id}' already exists.\" \
         (HandlerErrorCode: AlreadyExists)"
    )
}

fn not_found(kind: &str, id: &str) -> String {
    format!(
        "Resource handler returned message: \"Resource of type '{kind}' with identifier '{id}' was not found.\" \
         (HandlerErrorCode: NotFound)"
    )
}

/// The words for a failure of an engine.
fn handler_failure(refused: &Refused) -> String {
    let Refused { code, message } = refused;
    format!(
        "Resource handler returned message: \"{message} ({code})\" (HandlerErrorCode: GeneralServiceException)"
    )
}

/// A hash in hexadecimal: for names and ids that are made up.
pub(crate) fn digest(text: &str) -> String {
    use std::fmt::Write as _;
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().fold(String::new(), |mut out, byte| {
        if write!(out, "{byte:02x}").is_err() {
            // Writing to a string cannot fail.
            out.clear();
        }
        out
    })
}
