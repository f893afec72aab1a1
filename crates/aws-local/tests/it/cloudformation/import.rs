//! Tables outlive their stack, and come back into one.

use super::stage::{Stage, tag, tags};

const TABLE: &str = r"
Parameters: {Name: {Type: String}}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      TableName: !Sub ${Name}-users
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: email, AttributeType: S}]
      KeySchema: [{AttributeName: email, KeyType: HASH}]
      SSESpecification: {SSEEnabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
";

const MORE: &str = "
  Queue: {Type: AWS::SQS::Queue, DependsOn: Table, Properties: {QueueName: !Sub '${Name}-queue'}}
";

#[tokio::test]
async fn a_retained_table_is_imported_and_the_stack_goes_on_from_there() {
    let stage = Stage::full().await;
    let whole = format!("{TABLE}{MORE}");
    let name = [("Name", "a")];

    // A creation that fails leaves no table.
    stage.change_set("a", "CREATE", &whole, &name).await;
    stage.control.fail("Queue", "no");
    assert_eq!(stage.execute("a").await, "ROLLBACK_COMPLETE");
    assert_eq!(stage.delete("a").await, "DELETE_COMPLETE");
    assert_eq!(
        stage.apply("a", "CREATE", &whole, &name).await,
        "CREATE_COMPLETE"
    );

    // A deletion leaves it, and then it stands in the way.
    assert_eq!(stage.delete("a").await, "DELETE_COMPLETE");
    assert_eq!(
        stage.apply("a", "CREATE", &whole, &name).await,
        "ROLLBACK_COMPLETE"
    );
    let reasons = stage.reasons("a").await.concat();
    assert!(
        reasons.contains("'AWS::DynamoDB::Table' with identifier 'a-users' already exists"),
        "{reasons}"
    );
    assert_eq!(stage.delete("a").await, "DELETE_COMPLETE");

    let import = |id| {
        [
            (
                "ResourcesToImport.member.1.ResourceType",
                "AWS::DynamoDB::Table",
            ),
            ("ResourcesToImport.member.1.LogicalResourceId", "Table"),
            (
                "ResourcesToImport.member.1.ResourceIdentifier.entry.1.key",
                "TableName",
            ),
            (
                "ResourcesToImport.member.1.ResourceIdentifier.entry.1.value",
                id,
            ),
        ]
    };
    let mut request = stage.request("a", "IMPORT", &whole, &name);
    request.extend(import("a-users"));
    let refused = stage.refused("CreateChangeSet", &request).await;
    assert_eq!(
        tag(&refused, "Message"),
        "Resources [Queue] is missing from ResourceToImport list"
    );

    let mut request = stage.request("a", "IMPORT", TABLE, &name);
    request.extend(import("a-users"));
    let set = stage.computed(&request).await;
    assert_eq!(tags(&set, "Action"), ["Import"], "{set}");
    assert_eq!(stage.execute("a").await, "IMPORT_COMPLETE");
    let set = stage.change_set("a", "UPDATE", &whole, &name).await;
    assert_eq!(tags(&set, "Action"), ["Add"], "{set}");
    assert_eq!(stage.execute("a").await, "UPDATE_COMPLETE");
}

#[tokio::test]
async fn a_table_that_is_not_there_is_not_imported() {
    let stage = Stage::full().await;
    let mut request = stage.request("a", "IMPORT", TABLE, &[("Name", "a")]);
    request.extend([
        (
            "ResourcesToImport.member.1.ResourceType",
            "AWS::DynamoDB::Table",
        ),
        ("ResourcesToImport.member.1.LogicalResourceId", "Table"),
        (
            "ResourcesToImport.member.1.ResourceIdentifier.entry.1.key",
            "TableName",
        ),
        (
            "ResourcesToImport.member.1.ResourceIdentifier.entry.1.value",
            "a-users",
        ),
    ]);
    stage.computed(&request).await;
    assert_eq!(stage.execute("a").await, "IMPORT_ROLLBACK_COMPLETE");
    let resources = stage.ok("ListStackResources", &[("StackName", "a")]).await;
    assert!(!resources.contains("LogicalResourceId"), "{resources}");
}
