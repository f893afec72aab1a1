//! The types, one by one.

use super::Id::{Arn, Named, QueueUrl, Random};
use super::{Kind, kind};

/// Every type that is known.
pub(super) const KINDS: &[Kind] = &[
    kind(
        "AWS::DynamoDB::Table",
        Named("TableName"),
        "arn:aws:dynamodb:{region}:{account}:table/{id}",
        &["KeySchema"],
    ),
    kind(
        "AWS::Lambda::Function",
        Named("FunctionName"),
        "arn:aws:lambda:{region}:{account}:function:{id}",
        &["PackageType"],
    ),
    kind(
        "AWS::Lambda::Url",
        Arn("TargetFunctionArn"),
        "{id}",
        &["TargetFunctionArn", "Qualifier"],
    ),
    kind("AWS::Lambda::Permission", Named(""), "", &["*"]),
    kind(
        "AWS::Lambda::EventInvokeConfig",
        Named(""),
        "",
        &["FunctionName", "Qualifier"],
    ),
    kind(
        "AWS::IAM::Role",
        Named("RoleName"),
        "arn:aws:iam::{account}:role/{id}",
        &["Path"],
    ),
    kind("AWS::IAM::Policy", Named(""), "", &["PolicyName"]),
    kind(
        "AWS::IAM::ManagedPolicy",
        Arn("ManagedPolicyName"),
        "arn:aws:iam::{account}:policy/{id}",
        &["Path", "Description"],
    ),
    kind(
        "AWS::ECS::Cluster",
        Named("ClusterName"),
        "arn:aws:ecs:{region}:{account}:cluster/{id}",
        &[],
    ),
    kind(
        "AWS::ECS::ClusterCapacityProviderAssociations",
        Named("Cluster"),
        "",
        &[],
    ),
    kind(
        "AWS::Events::Rule",
        Named("Name"),
        "arn:aws:events:{region}:{account}:rule/{id}",
        &["EventBusName"],
    ),
    kind(
        "AWS::SQS::Queue",
        QueueUrl("QueueName"),
        "arn:aws:sqs:{region}:{account}:{id}",
        &["FifoQueue"],
    ),
    kind("AWS::SQS::QueuePolicy", Named(""), "", &[]),
    kind(
        "AWS::SNS::Topic",
        Arn("TopicName"),
        "arn:aws:sns:{region}:{account}:{id}",
        &["FifoTopic"],
    ),
    kind("AWS::SNS::TopicPolicy", Named(""), "", &[]),
    kind(
        "AWS::SNS::Subscription",
        Random("arn:aws:sns:subscription:"),
        "",
        &["Endpoint", "Protocol", "TopicArn"],
    ),
    kind(
        "AWS::CloudWatch::Alarm",
        Named("AlarmName"),
        "arn:aws:cloudwatch:{region}:{account}:alarm:{id}",
        &[],
    ),
    kind(
        "AWS::CloudWatch::CompositeAlarm",
        Named("AlarmName"),
        "arn:aws:cloudwatch:{region}:{account}:alarm:{id}",
        &[],
    ),
    kind(
        "AWS::Logs::LogGroup",
        Named("LogGroupName"),
        "arn:aws:logs:{region}:{account}:log-group:{id}:*",
        &[],
    ),
    kind(
        "AWS::Logs::MetricFilter",
        Named("FilterName"),
        "",
        &["LogGroupName"],
    ),
    kind(
        "AWS::S3::Bucket",
        Named("BucketName"),
        "arn:aws:s3:::{id}",
        &["ObjectLockEnabled"],
    ),
    kind("AWS::S3::BucketPolicy", Named("Bucket"), "", &[]),
    kind(
        "AWS::ECR::Repository",
        Named("RepositoryName"),
        "arn:aws:ecr:{region}:{account}:repository/{id}",
        &["EncryptionConfiguration"],
    ),
    kind("AWS::EC2::VPC", Random("vpc-"), "", &["CidrBlock"]),
    kind(
        "AWS::EC2::Subnet",
        Random("subnet-"),
        "",
        &["VpcId", "CidrBlock", "AvailabilityZone"],
    ),
    kind("AWS::EC2::InternetGateway", Random("igw-"), "", &[]),
    kind("AWS::EC2::VPCGatewayAttachment", Named(""), "", &["VpcId"]),
    kind("AWS::EC2::RouteTable", Random("rtb-"), "", &["VpcId"]),
    kind(
        "AWS::EC2::Route",
        Random("rtb-route-"),
        "",
        &["RouteTableId", "DestinationCidrBlock"],
    ),
    kind(
        "AWS::EC2::SubnetRouteTableAssociation",
        Random("rtbassoc-"),
        "",
        &["SubnetId"],
    ),
    kind(
        "AWS::EC2::SecurityGroup",
        Random("sg-"),
        "",
        &["VpcId", "GroupName", "GroupDescription"],
    ),
    kind("AWS::EC2::SecurityGroupEgress", Random("sgr-"), "", &["*"]),
    kind("AWS::EC2::SecurityGroupIngress", Random("sgr-"), "", &["*"]),
    kind(
        "AWS::EC2::VPCEndpoint",
        Random("vpce-"),
        "",
        &["ServiceName", "VpcId", "VpcEndpointType"],
    ),
];
