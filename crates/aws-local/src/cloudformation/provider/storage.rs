//! Buckets and log groups in moto, clusters in the ECS simulator, repositories in the registry.

use http::Method;
use serde_json::{Value, json};

use super::{Made, Wanted, World, already_exists, handler_failure};
use crate::cloudformation::stack::Resource;

impl World {
    /// `PUT /bucket`: a bucket that is there is an error, also its owner's.
    pub(super) async fn create_bucket(&self, id: &str) -> Result<(), String> {
        if self.bucket_exists(id).await {
            return Err(already_exists("AWS::S3::Bucket", id));
        }
        let answer = self.backend.s3(Method::PUT, id).await;
        answer
            .map(drop)
            .map_err(|refused| handler_failure(&refused))
    }

    /// Whether the bucket is there.
    pub(super) async fn bucket_exists(&self, id: &str) -> bool {
        self.backend.s3(Method::HEAD, id).await.is_ok()
    }

    /// Fails while the bucket holds anything.
    pub(super) async fn delete_bucket(&self, id: &str) -> Result<(), String> {
        match self.backend.s3(Method::DELETE, id).await {
            Ok(_) => Ok(()),
            Err(refused) if refused.code == "NoSuchBucket" || refused.code == "404" => Ok(()),
            Err(refused) if refused.code == "BucketNotEmpty" => Err(
                "Resource handler returned message: \"The bucket you tried to delete is not empty (Service: S3, Status Code: 409)\" \
                 (HandlerErrorCode: GeneralServiceException)"
                    .to_owned(),
            ),
            Err(refused) => Err(handler_failure(&refused)),
        }
    }

    /// `CreateLogGroup` and its retention.
    pub(super) async fn create_log_group(&self, id: &str, wanted: &Wanted) -> Result<(), String> {
        let request = json!({ "logGroupName": id });
        match self.backend.logs("CreateLogGroup", &request).await {
            Ok(_) => self.set_retention(id, wanted).await,
            Err(refused) if refused.code == "ResourceAlreadyExistsException" => {
                Err(already_exists(&wanted.kind, id))
            }
            Err(refused) => Err(handler_failure(&refused)),
        }
    }

    /// `PutRetentionPolicy`, when there is one.
    pub(super) async fn set_retention(&self, id: &str, wanted: &Wanted) -> Result<(), String> {
        let Some(days) = wanted.properties.get("RetentionInDays") else {
            return Ok(());
        };
        let days: u32 = match days {
            Value::String(text) => text.parse().map_err(|_| format!("{text} is no number"))?,
            other => serde_json::from_value(other.clone()).map_err(|error| error.to_string())?,
        };
        let request = json!({ "logGroupName": id, "retentionInDays": days });
        let answer = self.backend.logs("PutRetentionPolicy", &request).await;
        answer
            .map(drop)
            .map_err(|refused| handler_failure(&refused))
    }

    /// Whether the log group is there.
    pub(super) async fn log_group_exists(&self, id: &str) -> bool {
        let request = json!({ "logGroupNamePrefix": id });
        let answer = self.backend.logs("DescribeLogGroups", &request).await;
        let groups = answer
            .ok()
            .and_then(|mut answer| match answer["logGroups"].take() {
                Value::Array(groups) => Some(groups),
                _ => None,
            });
        let mut groups = groups.into_iter().flatten();
        groups.any(|group| group["logGroupName"] == json!(id))
    }

    /// `DeleteLogGroup`.
    pub(super) async fn delete_log_group(&self, id: &str) -> Result<(), String> {
        let request = json!({ "logGroupName": id });
        match self.backend.logs("DeleteLogGroup", &request).await {
            Err(refused) if refused.code != "ResourceNotFoundException" => {
                Err(handler_failure(&refused))
            }
            _ => Ok(()),
        }
    }

    /// `CreateCluster`.
    pub(super) async fn create_cluster(&self, id: &str, wanted: &Wanted) -> Result<(), String> {
        let providers = wanted.properties.get("CapacityProviders");
        let request = json!({
            "clusterName": id,
            "capacityProviders": providers.cloned().unwrap_or_else(|| json!([])),
        });
        let answer = self.backend.ecs("CreateCluster", &request).await;
        answer
            .map(drop)
            .map_err(|refused| handler_failure(&refused))
    }

    /// `DeleteCluster`: fails while tasks run.
    pub(super) async fn delete_cluster(&self, id: &str) -> Result<(), String> {
        let request = json!({ "cluster": id });
        match self.backend.ecs("DeleteCluster", &request).await {
            Err(refused) if refused.code != "ClusterNotFoundException" => {
                Err(handler_failure(&refused))
            }
            _ => Ok(()),
        }
    }

    /// A repository in the registry.
    pub(super) fn create_repository(
        &self,
        id: &str,
        wanted: &Wanted,
        made: &mut Made,
    ) -> Result<(), String> {
        if !self.registry.create(id) {
            return Err(already_exists(&wanted.kind, id));
        }
        self.update_repository(id, wanted);
        self.describe_repository(id, made);
        Ok(())
    }

    /// Whether its tags may move.
    pub(super) fn update_repository(&self, id: &str, wanted: &Wanted) {
        let mutability = wanted.properties.get("ImageTagMutability");
        let immutable = mutability.and_then(Value::as_str) == Some("IMMUTABLE");
        self.registry.set_immutable(id, immutable);
    }

    /// The repository's address among its attributes.
    pub(super) fn describe_repository(&self, id: &str, made: &mut Made) {
        let uri = json!(self.registry.uri(id));
        made.attributes.insert("RepositoryUri".to_owned(), uri);
    }

    /// Fails while it holds images, unless the template says to empty it.
    pub(super) fn delete_repository(&self, resource: &Resource) -> Result<(), String> {
        let empty = resource.properties.get("EmptyOnDelete");
        let force = empty.is_some_and(|value| value == &json!(true) || value == &json!("true"));
        let id = resource.physical_id.as_str();
        if !self.registry.exists(id) || self.registry.delete(id, force) {
            return Ok(());
        }
        Err(format!(
            "Resource handler returned message: \"The repository with name '{id}' in registry with id '{}' cannot be deleted because it still contains images\" \
             (HandlerErrorCode: GeneralServiceException)",
            crate::control::ACCOUNT
        ))
    }
}
