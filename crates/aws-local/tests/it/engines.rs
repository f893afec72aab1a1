//! Engines of others, as children.

use runvoy_aws_local::{DynamoDbLocal, Moto};
use serde_json::{Value, json};

use crate::gateway::post;

#[tokio::test]
async fn dynamodb_local_answers_from_its_start() {
    let dynamodb = DynamoDbLocal::start().await.unwrap();
    let host = dynamodb.endpoint().strip_prefix("http://").unwrap();
    let (status, body) = post(host, "dynamodb", "DynamoDB_20120810.ListTables", "{}")
        .await
        .unwrap();
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, answer), (200, json!({ "TableNames": [] })));
}

#[tokio::test]
async fn moto_answers_from_its_start() {
    let moto = Moto::start().await.unwrap();
    let host = moto.endpoint().strip_prefix("http://").unwrap();
    let (status, body) = post(
        host,
        "ssm",
        "AmazonSSM.GetParameter",
        r#"{"Name":"/runvoy/p/stack-key"}"#,
    )
    .await
    .unwrap();
    assert_eq!(status, 400);
    assert!(body.contains("ParameterNotFound"), "{body}");
}
