//! Tables and everything else that holds data.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::stack_template::{Resource, Template};

const TABLES: &str = include_str!("../../../aws/tables.json");

/// Properties of a table that its requests name too.
const SHARED: [&str; 4] = [
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
];

#[test]
fn tables_are_those_that_the_store_is_written_for() {
    let template = Template::main();
    let made: BTreeMap<String, Value> = template
        .of_kind("AWS::DynamoDB::Table")
        .iter()
        .map(made)
        .collect();
    let wanted: Vec<Value> = serde_json::from_str(TABLES).unwrap();
    let wanted: BTreeMap<String, Value> = wanted.iter().map(wanted_table).collect();
    assert_eq!(made, wanted);
}

fn made(table: &Resource<'_>) -> (String, Value) {
    let name = table.property("TableName")["Fn::Sub"].as_str().unwrap();
    let name = name.strip_prefix("${ProjectName}-").unwrap();
    let mut shape = shared(&table.body["Properties"]);
    let expiry = table.property("TimeToLiveSpecification");
    if !expiry.is_null() {
        assert_eq!(expiry["Enabled"], json!(true), "{name}");
        shape.insert("TimeToLive".to_owned(), expiry["AttributeName"].clone());
    }
    (name.to_owned(), Value::Object(shape))
}

fn wanted_table(table: &Value) -> (String, Value) {
    let mut shape = shared(table);
    if let Some(expiry) = table.get("TimeToLive") {
        shape.insert("TimeToLive".to_owned(), expiry.clone());
    }
    let name = table["TableName"].as_str().unwrap();
    (name.to_owned(), Value::Object(shape))
}

fn shared(table: &Value) -> Map<String, Value> {
    let known = SHARED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), table.get(name)?.clone())));
    known.collect()
}

#[test]
fn data_outlives_the_stack_but_not_a_failed_creation() {
    let template = Template::main();
    let tables = template.of_kind("AWS::DynamoDB::Table").into_iter();
    for kept in tables.chain([template.resource("TaskLogs")]) {
        assert_eq!(
            kept.body["DeletionPolicy"],
            json!("RetainExceptOnCreate"),
            "{}",
            kept.id
        );
        assert_eq!(
            kept.body["UpdateReplacePolicy"],
            json!("Retain"),
            "{}",
            kept.id
        );
    }
}

#[test]
fn tables_are_encrypted_and_can_be_brought_back() {
    for table in Template::main().of_kind("AWS::DynamoDB::Table") {
        let encryption = table.property("SSESpecification");
        assert_eq!(encryption["SSEEnabled"], json!(true), "{}", table.id);
        let recovery = table.property("PointInTimeRecoverySpecification");
        assert_eq!(
            recovery["PointInTimeRecoveryEnabled"],
            json!(true),
            "{}",
            table.id
        );
    }
}

#[test]
fn logs_are_not_kept_for_ever() {
    let template = Template::main();
    let groups = template.of_kind("AWS::Logs::LogGroup");
    assert_eq!(groups.len(), 4);
    for group in groups {
        let days = group.property("RetentionInDays");
        assert_eq!(*days, json!({"Ref": "LogRetentionDays"}), "{}", group.id);
    }
}

#[test]
fn queues_are_encrypted_with_a_key_that_their_senders_may_use() {
    for queue in Template::main().of_kind("AWS::SQS::Queue") {
        assert_eq!(
            *queue.property("SqsManagedSseEnabled"),
            json!(true),
            "{}",
            queue.id
        );
        assert!(queue.property("KmsMasterKeyId").is_null(), "{}", queue.id);
    }
}

#[test]
fn alarms_may_use_their_topic() {
    for topic in Template::main().of_kind("AWS::SNS::Topic") {
        assert!(topic.property("KmsMasterKeyId").is_null(), "{}", topic.id);
    }
}

#[test]
fn the_bucket_is_closed_to_the_world() {
    let template = Template::bootstrap();
    let bucket = template.resource("Artifacts");
    let block = bucket
        .property("PublicAccessBlockConfiguration")
        .as_object()
        .unwrap();
    assert_eq!(block.len(), 4);
    assert!(block.values().all(|flag| *flag == json!(true)));
    let rule = &bucket.property("BucketEncryption")["ServerSideEncryptionConfiguration"][0];
    assert_eq!(
        rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"],
        json!("AES256")
    );
    let policy = template.resource("ArtifactsPolicy");
    let statement = &policy.property("PolicyDocument")["Statement"][0];
    assert_eq!(statement["Effect"], json!("Deny"));
    assert_eq!(
        statement["Condition"]["Bool"]["aws:SecureTransport"],
        json!("false")
    );
    assert_eq!(*policy.property("Bucket"), json!({"Ref": "Artifacts"}));
}

#[test]
fn images_keep_what_their_tags_mean() {
    let template = Template::bootstrap();
    let images = template.resource("AgentImages");
    assert_eq!(*images.property("ImageTagMutability"), json!("IMMUTABLE"));
    assert_eq!(
        images.property("ImageScanningConfiguration")["ScanOnPush"],
        json!(true)
    );
    let policy = images.property("LifecyclePolicy")["LifecyclePolicyText"]
        .as_str()
        .unwrap();
    let policy: Value = serde_json::from_str(policy).unwrap();
    let rules = policy["rules"].as_array().unwrap();
    assert!(
        rules
            .iter()
            .all(|rule| rule["selection"]["tagStatus"] == json!("untagged"))
    );
}
