//! DynamoDB tables, in DynamoDB Local.

use serde_json::{Value, json};

use super::{Refused, Wanted, World, already_exists, handler_failure};
use crate::cloudformation::stack::Resource;

/// Properties that DynamoDB Local knows in `CreateTable`.
const CREATED_WITH: [&str; 8] = [
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
    "StreamSpecification",
    "TableClass",
];

impl World {
    /// `CreateTable` and its time to live.
    pub(super) async fn create_table(&self, id: &str, wanted: &Wanted) -> Result<(), String> {
        let mut request = json!({ "TableName": id });
        for name in CREATED_WITH {
            if let Some(value) = wanted.properties.get(name) {
                request[name] = value.clone();
            }
        }
        match self.backend.dynamodb("CreateTable", &request).await {
            Ok(_) => self.set_time_to_live(id, &wanted.properties).await,
            Err(refused) if refused.code == "ResourceInUseException" => {
                Err(already_exists(&wanted.kind, id))
            }
            Err(refused) => Err(handler_failure(&refused)),
        }
    }

    /// Indexes that came or went, and the time to live.
    pub(super) async fn update_table(&self, old: &Resource, wanted: &Wanted) -> Result<(), String> {
        let id = old.physical_id.as_str();
        let (before, after) = (indexes(&old.properties), indexes(&wanted.properties));
        let gone = before
            .iter()
            .filter(|index| !names(&after).any(|name| name == name_of(index)));
        let come = after
            .iter()
            .filter(|index| !names(&before).any(|name| name == name_of(index)));
        let mut changes: Vec<Value> = gone
            .map(|index| json!({ "Delete": { "IndexName": name_of(index) } }))
            .collect();
        changes.extend(come.map(|index| json!({ "Create": index })));
        if changes.len() > 1 {
            return Err(handler_failure(&Refused {
                code: "ValidationException".to_owned(),
                message: "Cannot perform more than one GSI creation or deletion in a single update"
                    .to_owned(),
            }));
        }
        if !changes.is_empty() {
            let request = json!({
                "TableName": id,
                "AttributeDefinitions": wanted.properties.get("AttributeDefinitions"),
                "GlobalSecondaryIndexUpdates": changes,
            });
            let answer = self.backend.dynamodb("UpdateTable", &request).await;
            answer.map_err(|refused| handler_failure(&refused))?;
        }
        let time_to_live = "TimeToLiveSpecification";
        if old.properties.get(time_to_live) == wanted.properties.get(time_to_live) {
            return Ok(());
        }
        self.set_time_to_live(id, &wanted.properties).await
    }

    /// `DeleteTable`, unless the table is protected.
    pub(super) async fn delete_table(&self, resource: &Resource) -> Result<(), String> {
        let protected = resource.properties.get("DeletionProtectionEnabled");
        if protected == Some(&json!(true)) || protected == Some(&json!("true")) {
            return Err(handler_failure(&Refused {
                code: "ValidationException".to_owned(),
                message: "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.".to_owned(),
            }));
        }
        let request = json!({ "TableName": resource.physical_id });
        match self.backend.dynamodb("DeleteTable", &request).await {
            Err(refused) if refused.code != "ResourceNotFoundException" => {
                Err(handler_failure(&refused))
            }
            _ => Ok(()),
        }
    }

    /// Whether the table is there.
    pub(super) async fn table_exists(&self, id: &str) -> bool {
        let request = json!({ "TableName": id });
        self.backend
            .dynamodb("DescribeTable", &request)
            .await
            .is_ok()
    }

    async fn set_time_to_live(&self, id: &str, properties: &Value) -> Result<(), String> {
        let Some(wanted) = properties.get("TimeToLiveSpecification") else {
            return Ok(());
        };
        let enabled = wanted.get("Enabled") == Some(&json!(true))
            || wanted.get("Enabled") == Some(&json!("true"));
        let request = json!({
            "TableName": id,
            "TimeToLiveSpecification": { "Enabled": enabled, "AttributeName": wanted.get("AttributeName") },
        });
        match self.backend.dynamodb("UpdateTimeToLive", &request).await {
            // It may already be as wanted.
            Err(refused) if refused.code != "ValidationException" => Err(handler_failure(&refused)),
            _ => Ok(()),
        }
    }
}

fn indexes(properties: &Value) -> Vec<Value> {
    let list = properties.get("GlobalSecondaryIndexes");
    list.and_then(Value::as_array).cloned().unwrap_or_default()
}

fn names(indexes: &[Value]) -> impl Iterator<Item = &str> {
    indexes.iter().map(name_of)
}

fn name_of(index: &Value) -> &str {
    index
        .get("IndexName")
        .and_then(Value::as_str)
        .unwrap_or_default()
}
