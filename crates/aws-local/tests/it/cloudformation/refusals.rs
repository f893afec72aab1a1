//! What CloudFormation says no to, and how.

use super::stage::{Stage, tag};

const ROLE: &str = r#"
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: r
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}
"#;

async fn message(stage: &Stage, template: &str, parameters: &[(&str, &str)]) -> String {
    let request = stage.request("s", "CREATE", template, parameters);
    tag(&stage.refused("CreateChangeSet", &request).await, "Message")
}

#[tokio::test]
async fn parameters_keep_to_their_constraints() {
    let stage = Stage::bare().await;
    let said = [
        message(&stage, super::QUEUES, &[]).await,
        message(&stage, super::QUEUES, &[("Name", "A1")]).await,
        message(&stage, super::QUEUES, &[("Name", "a"), ("Days", "x")]).await,
        message(&stage, super::QUEUES, &[("Name", "a"), ("Days", "0")]).await,
        message(&stage, super::QUEUES, &[("Name", "a"), ("Wants", "maybe")]).await,
        message(&stage, super::QUEUES, &[("Name", "a"), ("Other", "x")]).await,
    ];
    let expected = [
        "Parameters: [Name] must have values",
        "Parameter Name failed to satisfy constraint: must be lower-case letters",
        "Parameter 'Days' must be a number.",
        "Parameter 'Days' must be a number not less than 1",
        "Parameter 'Wants' must be one of AllowedValues",
        "Parameters: [Other] do not exist in the template",
    ];
    assert_eq!(said, expected);
    assert_eq!(
        stage.control.cloudformation().status("s"),
        None,
        "nothing has begun"
    );
}

#[tokio::test]
async fn templates_that_cannot_be_applied_are_refused_whole() {
    let stage = Stage::bare().await;
    let said = [
        message(&stage, "Resources: {A: {Type: AWS::No::Such}}", &[]).await,
        message(&stage, "Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref B}}}", &[]).await,
        message(
            &stage,
            "Resources: {A: {Type: AWS::SQS::Queue, DependsOn: B}, B: {Type: AWS::SQS::Queue, DependsOn: A}}",
            &[],
        )
        .await,
    ];
    let expected = [
        "Template format error: Unrecognized resource types: [AWS::No::Such]",
        "Template format error: Unresolved resource dependencies [B] in the Resources block of the template",
        "Circular dependency between resources: [A, B]",
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn named_roles_need_the_capability() {
    let stage = Stage::bare().await;
    let fields = [
        ("StackName", "s"),
        ("ChangeSetName", "set"),
        ("ChangeSetType", "CREATE"),
        ("TemplateBody", ROLE),
    ];
    let refused = stage.refused("CreateChangeSet", &fields).await;
    assert_eq!(tag(&refused, "Code"), "InsufficientCapabilitiesException");
    assert_eq!(
        tag(&refused, "Message"),
        "Requires capabilities : [CAPABILITY_NAMED_IAM]"
    );
}

#[tokio::test]
async fn a_stack_that_is_not_there_is_named() {
    let stage = Stage::bare().await;
    let refused = stage
        .refused("DescribeStacks", &[("StackName", "ghost")])
        .await;
    assert_eq!(tag(&refused, "Code"), "ValidationError");
    assert_eq!(
        tag(&refused, "Message"),
        "Stack with id ghost does not exist"
    );
    stage.ok("DeleteStack", &[("StackName", "ghost")]).await;
}

#[tokio::test]
async fn a_protected_stack_is_not_deleted() {
    let stage = Stage::bare().await;
    stage.apply("s", "CREATE", ROLE, &[]).await;
    let protect = [("StackName", "s"), ("EnableTerminationProtection", "true")];
    stage.ok("UpdateTerminationProtection", &protect).await;
    let refused = stage.refused("DeleteStack", &[("StackName", "s")]).await;
    assert_eq!(
        tag(&refused, "Message"),
        "Stack [s] cannot be deleted while TerminationProtection is enabled"
    );
}

#[tokio::test]
async fn what_is_denied_is_refused_in_the_words_of_the_service() {
    let stage = Stage::bare().await;
    stage
        .control
        .deny("AKIALOCALADMIN", "cloudformation:DescribeStacks");
    stage.control.deny("AKIALOCALADMIN", "ec2:DescribeSubnets");
    let refused = stage.refused("DescribeStacks", &[]).await;
    assert_eq!(tag(&refused, "Code"), "AccessDenied");
    let said = tag(&refused, "Message");
    assert!(
        said.contains("user/admin is not authorized to perform: cloudformation:DescribeStacks"),
        "{said}"
    );
    let (status, refused) = stage.call("ec2", &[("Action", "DescribeSubnets")]).await;
    assert_eq!(
        (status, tag(&refused, "Code")),
        (403, "UnauthorizedOperation".to_owned())
    );
    stage.control.allow_all();
    stage.ok("DescribeStacks", &[]).await;
}

#[tokio::test]
async fn the_role_of_ecs_is_made_once() {
    let stage = Stage::bare().await;
    let fields = [
        ("Action", "CreateServiceLinkedRole"),
        ("AWSServiceName", "ecs.amazonaws.com"),
    ];
    assert_eq!(stage.call("iam", &fields).await.0, 200);
    let (status, refused) = stage.call("iam", &fields).await;
    assert_eq!(
        (status, tag(&refused, "Code")),
        (400, "InvalidInput".to_owned())
    );
    let said = tag(&refused, "Message");
    assert!(
        said.contains("AWSServiceRoleForECS has been taken in this account"),
        "{said}"
    );
}

#[tokio::test]
async fn declared_subnets_show_how_they_reach_the_internet() {
    use runvoy_aws_local::Egress;
    let stage = Stage::bare().await;
    let network = stage.control.network();
    network.declare_subnet("subnet-a", "vpc-1", Egress::Public);
    network.declare_subnet("subnet-b", "vpc-1", Egress::Nat);
    network.declare_subnet("subnet-c", "vpc-1", Egress::None);
    for (subnet, wanted) in [("subnet-a", "igw-"), ("subnet-b", "nat-"), ("subnet-c", "")] {
        let fields = [
            ("Action", "DescribeRouteTables"),
            ("Filter.1.Name", "association.subnet-id"),
            ("Filter.1.Value.1", subnet),
        ];
        let (_, tables) = stage.call("ec2", &fields).await;
        assert_eq!(tag(&tables, "subnetId"), subnet, "{tables}");
        let is_out = tables.contains("0.0.0.0/0");
        assert_eq!(
            is_out && tables.contains(wanted),
            !wanted.is_empty(),
            "{tables}"
        );
    }
    let (status, _) = stage
        .call(
            "ec2",
            &[("Action", "DescribeSubnets"), ("SubnetId.1", "subnet-x")],
        )
        .await;
    assert_eq!(status, 400);
}
