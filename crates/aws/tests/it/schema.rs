//! Tables made from `tables.json`, as the deployment's template makes them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection,
};
use futures_util::future::join_all;
use serde::Deserialize;

const TABLES: &str = include_str!("../../tables.json");

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Table {
    #[serde(rename = "TableName")]
    name: String,
    billing_mode: String,
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<Key>,
    #[serde(default)]
    global_secondary_indexes: Vec<Index>,
    time_to_live: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attribute {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Key {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Index {
    #[serde(rename = "IndexName")]
    name: String,
    key_schema: Vec<Key>,
    projection: Projected,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Projected {
    projection_type: String,
    non_key_attributes: Option<Vec<String>>,
}

fn tables() -> Vec<Table> {
    serde_json::from_str(TABLES).unwrap()
}

fn keys(keys: &[Key]) -> Vec<KeySchemaElement> {
    keys.iter()
        .map(|key| {
            KeySchemaElement::builder()
                .attribute_name(&key.attribute_name)
                .key_type(key.key_type.as_str().into())
                .build()
                .unwrap()
        })
        .collect()
}

fn index(index: &Index) -> GlobalSecondaryIndex {
    let projection = Projection::builder()
        .projection_type(index.projection.projection_type.as_str().into())
        .set_non_key_attributes(index.projection.non_key_attributes.clone());
    GlobalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(keys(&index.key_schema)))
        .projection(projection.build())
        .build()
        .unwrap()
}

async fn create(client: &Client, project: &str, table: Table) {
    let mut request = client
        .create_table()
        .table_name(format!("{project}-{}", table.name))
        .billing_mode(BillingMode::from(table.billing_mode.as_str()))
        .set_key_schema(Some(keys(&table.key_schema)));
    for attribute in table.attribute_definitions {
        let definition = AttributeDefinition::builder()
            .attribute_name(attribute.attribute_name)
            .attribute_type(attribute.attribute_type.as_str().into());
        request = request.attribute_definitions(definition.build().unwrap());
    }
    for one in &table.global_secondary_indexes {
        request = request.global_secondary_indexes(index(one));
    }
    request.send().await.unwrap();
}

/// Makes every table of `project`.
pub(crate) async fn create_tables(client: &Client, project: &str) {
    let made = tables()
        .into_iter()
        .map(|table| create(client, project, table));
    join_all(made).await;
}

#[test]
fn what_expires_is_what_may_be_forgotten() {
    let expiring: Vec<String> = tables()
        .into_iter()
        .filter(|table| table.time_to_live.as_deref() == Some("expires_at"))
        .map(|table| table.name)
        .collect();
    assert_eq!(expiring, ["claims", "idempotency", "logs", "tasks"]);
    assert!(
        tables()
            .iter()
            .all(|table| table.billing_mode == "PAY_PER_REQUEST")
    );
}
