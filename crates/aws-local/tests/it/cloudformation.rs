//! Stacks, over change sets, as an AWS account has them.

mod import;
mod product;
mod refusals;
mod stage;

pub(crate) use product::client;
pub(crate) use stage::Stage;
use stage::{tag, tags};

/// Two queues; the second is named by the first.
const QUEUES: &str = r#"
Description: Two queues.
Parameters:
  Name: {Type: String, AllowedPattern: "[a-z]+", ConstraintDescription: must be lower-case letters}
  Days: {Type: Number, Default: 4, MinValue: 1}
  Wants: {Type: String, Default: "no", AllowedValues: ["yes", "no"]}
  Secret: {Type: String, Default: hush, NoEcho: true}
Conditions:
  HasMore: !Equals [!Ref Wants, "yes"]
Resources:
  First:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "${Name}-first", MessageRetentionPeriod: !Ref Days}
  Second:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Join ["-", [!Select [0, !Split ["-", !GetAtt First.QueueName]], second]]
      RedrivePolicy: !If [HasMore, {deadLetterTargetArn: !GetAtt First.Arn}, !Ref AWS::NoValue]
  More:
    Type: AWS::SQS::Queue
    Condition: HasMore
    DeletionPolicy: Retain
    Properties: {QueueName: !Sub "${Name}-more"}
Outputs:
  SecondArn: {Description: The second., Value: !GetAtt Second.Arn}
"#;

#[tokio::test]
async fn a_stack_is_created_over_a_change_set_with_events_as_it_goes() {
    let stage = Stage::bare().await;
    let set = stage
        .change_set("q", "CREATE", QUEUES, &[("Name", "a")])
        .await;
    assert_eq!(tag(&set, "Status"), "CREATE_COMPLETE", "{set}");
    assert_eq!(tags(&set, "Action"), ["Add", "Add"]);
    assert_eq!(
        stage.control.cloudformation().status("q"),
        Some("REVIEW_IN_PROGRESS")
    );
    assert_eq!(stage.execute("q").await, "CREATE_COMPLETE");
    let stack = stage.ok("DescribeStacks", &[("StackName", "q")]).await;
    assert_eq!(
        tag(&stack, "OutputValue"),
        "arn:aws:sqs:us-east-1:123456789012:a-second"
    );
    assert!(
        stack.contains("<ParameterKey>Secret</ParameterKey><ParameterValue>****<"),
        "{stack}"
    );
    assert_eq!(stage.queues.names(), ["a-first", "a-second"]);
    let events = stage.ok("DescribeStackEvents", &[("StackName", "q")]).await;
    let mut story: Vec<String> = tags(&events, "LogicalResourceId")
        .into_iter()
        .zip(tags(&events, "ResourceStatus"))
        .map(|(name, status)| format!("{name} {status}"))
        .collect();
    story.reverse();
    let expected = [
        "q REVIEW_IN_PROGRESS",
        "q CREATE_IN_PROGRESS",
        "First CREATE_IN_PROGRESS",
        "First CREATE_COMPLETE",
        "Second CREATE_IN_PROGRESS",
        "Second CREATE_COMPLETE",
        "q CREATE_COMPLETE",
    ];
    assert_eq!(story, expected);
}

#[tokio::test]
async fn what_changes_nothing_is_said_to_change_nothing() {
    let stage = Stage::bare().await;
    stage.apply("q", "CREATE", QUEUES, &[("Name", "a")]).await;
    let set = stage
        .change_set("q", "UPDATE", QUEUES, &[("Name", "a")])
        .await;
    assert_eq!(tag(&set, "Status"), "FAILED");
    assert_eq!(
        tag(&set, "StatusReason"),
        "The submitted information didn't contain changes. Submit different information to create a change set."
    );
    let refused = stage
        .refused(
            "ExecuteChangeSet",
            &[("StackName", "q"), ("ChangeSetName", "set")],
        )
        .await;
    assert!(
        refused.contains("cannot be executed in its current status of [FAILED]"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_update_adds_changes_and_removes() {
    let stage = Stage::bare().await;
    stage.apply("q", "CREATE", QUEUES, &[("Name", "a")]).await;
    let set = stage
        .change_set(
            "q",
            "UPDATE",
            QUEUES,
            &[("Name", "a"), ("Wants", "yes"), ("Days", "5")],
        )
        .await;
    assert_eq!(tags(&set, "Action"), ["Modify", "Add", "Modify"], "{set}");
    assert_eq!(tags(&set, "LogicalResourceId"), ["First", "More", "Second"]);
    assert_eq!(tags(&set, "Replacement"), ["False", "False"]);
    assert_eq!(stage.execute("q").await, "UPDATE_COMPLETE");
    assert_eq!(stage.queues.names(), ["a-first", "a-more", "a-second"]);
    let set = stage
        .change_set("q", "UPDATE", QUEUES, &[("Name", "a"), ("Days", "5")])
        .await;
    assert_eq!(tags(&set, "Action"), ["Modify", "Remove"], "{set}");
    assert_eq!(tag(&set, "PolicyAction"), "Retain");
    assert_eq!(stage.execute("q").await, "UPDATE_COMPLETE");
    assert_eq!(
        stage.queues.names(),
        ["a-first", "a-more", "a-second"],
        "what is retained stays"
    );
}

#[tokio::test]
async fn a_changed_name_replaces_a_resource_and_what_follows_from_it() {
    let stage = Stage::bare().await;
    stage.apply("q", "CREATE", QUEUES, &[("Name", "a")]).await;
    let set = stage
        .change_set("q", "UPDATE", QUEUES, &[("Name", "b")])
        .await;
    assert_eq!(tags(&set, "Replacement"), ["True", "Conditional"], "{set}");
    assert_eq!(stage.execute("q").await, "UPDATE_COMPLETE");
    assert_eq!(stage.queues.names(), ["b-first", "b-second"]);
}

#[tokio::test]
async fn a_failed_creation_is_rolled_back_and_can_only_be_deleted() {
    let stage = Stage::bare().await;
    stage
        .change_set("q", "CREATE", QUEUES, &[("Name", "a")])
        .await;
    stage.control.fail("Second", "Quota exceeded");
    assert_eq!(stage.execute("q").await, "ROLLBACK_COMPLETE");
    assert!(stage.queues.names().is_empty());
    let events = stage.ok("DescribeStackEvents", &[("StackName", "q")]).await;
    assert!(
        events.contains("<ResourceStatusReason>Quota exceeded<"),
        "{events}"
    );
    let refused = stage
        .refused(
            "CreateChangeSet",
            &stage.request("q", "UPDATE", QUEUES, &[("Name", "a")]),
        )
        .await;
    assert!(
        refused.contains("is in ROLLBACK_COMPLETE state and can not be updated."),
        "{refused}"
    );
    assert_eq!(stage.delete("q").await, "DELETE_COMPLETE");
    assert_eq!(
        stage.apply("q", "CREATE", QUEUES, &[("Name", "a")]).await,
        "CREATE_COMPLETE"
    );
}

#[tokio::test]
async fn a_failed_update_puts_back_what_was() {
    let stage = Stage::bare().await;
    stage.apply("q", "CREATE", QUEUES, &[("Name", "a")]).await;
    stage
        .change_set("q", "UPDATE", QUEUES, &[("Name", "b")])
        .await;
    stage.control.fail("Second", "no");
    assert_eq!(stage.execute("q").await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.queues.names(), ["a-first", "a-second"]);
    let set = stage
        .change_set("q", "UPDATE", QUEUES, &[("Name", "a")])
        .await;
    assert_eq!(tag(&set, "Status"), "FAILED", "it is as it was: {set}");
}

#[tokio::test]
async fn a_failed_deletion_can_leave_the_resource_behind() {
    let stage = Stage::bare().await;
    stage.apply("q", "CREATE", QUEUES, &[("Name", "a")]).await;
    stage.control.fail("Second", "still in use");
    assert_eq!(stage.delete("q").await, "DELETE_FAILED");
    assert_eq!(
        stage.queues.names(),
        ["a-first", "a-second"],
        "what another refers to stays"
    );
    stage
        .ok(
            "DeleteStack",
            &[("StackName", "q"), ("RetainResources.member.1", "Second")],
        )
        .await;
    assert_eq!(stage.settled("q").await, "DELETE_COMPLETE");
    assert_eq!(stage.queues.names(), ["a-second"]);
}

#[tokio::test]
async fn two_stacks_stand_side_by_side_and_share_no_name() {
    let stage = Stage::bare().await;
    assert_eq!(
        stage.apply("one", "CREATE", QUEUES, &[("Name", "a")]).await,
        "CREATE_COMPLETE"
    );
    assert_eq!(
        stage.apply("two", "CREATE", QUEUES, &[("Name", "b")]).await,
        "CREATE_COMPLETE"
    );
    assert_eq!(
        stage
            .apply("three", "CREATE", QUEUES, &[("Name", "a")])
            .await,
        "ROLLBACK_COMPLETE"
    );
    assert_eq!(stage.delete("two").await, "DELETE_COMPLETE");
    assert_eq!(stage.queues.names(), ["a-first", "a-second"]);
}
