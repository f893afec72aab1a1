//! Names and tags: two deployments in an account never meet.

use std::collections::BTreeSet;

use serde_json::json;

use crate::stack_template::{Name, Template, names, values, visit};

/// Properties by which a resource gets a name of its own.
const NAMES: [&str; 11] = [
    "AlarmName",
    "BucketName",
    "ClusterName",
    "FunctionName",
    "LogGroupName",
    "Name",
    "QueueName",
    "RepositoryName",
    "RoleName",
    "TableName",
    "TopicName",
];

/// Kinds of resources that cannot carry tags.
const WITHOUT_TAGS: [&str; 11] = [
    "AWS::EC2::Route",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::IAM::Policy",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Url",
    "AWS::Logs::MetricFilter",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SQS::QueuePolicy",
];

#[test]
fn no_name_of_a_project_is_the_beginning_of_anothers() {
    for template in Template::both() {
        let mut seen = BTreeSet::new();
        for resource in template.resources() {
            for name in NAMES {
                let value = resource.property(name);
                let is_reference = value
                    .get("Ref")
                    .is_some_and(|id| *id != json!("ProjectName"));
                if value.is_null() || is_reference || value.get("Fn::GetAtt").is_some() {
                    continue;
                }
                let text = value["Fn::Sub"].as_str().or(value.as_str());
                let text = text.unwrap_or("${ProjectName}");
                assert!(is_apart(text), "{}: {value}", resource.id);
                assert!(
                    seen.insert((resource.kind, text.to_owned())),
                    "{text} twice"
                );
            }
        }
    }
}

/// Whether the project's name stands between characters that no project's name has.
fn is_apart(text: &str) -> bool {
    let Some((before, after)) = text.split_once("${ProjectName}") else {
        return false;
    };
    (before.is_empty() || before.ends_with('/'))
        && (after.is_empty() || after.starts_with(['-', '/']))
}

#[test]
fn resources_in_policies_are_kept_apart_in_the_same_way() {
    let template = Template::main();
    let mut seen = 0;
    for kind in ["AWS::IAM::Role", "AWS::IAM::Policy"] {
        for resource in template.of_kind(kind) {
            let mut texts = Vec::new();
            visit(resource.body, &mut |key, value| {
                if key == "Fn::Sub" {
                    texts.push(value.as_str().unwrap());
                }
            });
            for text in texts.iter().filter(|text| text.contains("${ProjectName}")) {
                let (_, own) = text.rsplit_once(':').unwrap();
                let before = own.split("${ProjectName}").next().unwrap();
                let is_whole = before.is_empty() || before.ends_with('/');
                let after = own.split("${ProjectName}").nth(1).unwrap();
                assert!(
                    is_whole && after.starts_with(['-', '/']),
                    "{}: {text}",
                    resource.id
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 5);
}

#[test]
fn everything_that_can_carry_a_tag_names_the_deployment() {
    let tag = json!({"Key": "runvoy:project", "Value": {"Ref": "ProjectName"}});
    for template in Template::both() {
        for resource in template.resources() {
            let is_tagged = values(resource.property("Tags")).contains(&&tag);
            let can_be = !WITHOUT_TAGS.contains(&resource.kind);
            assert_eq!(is_tagged, can_be, "{} ({})", resource.id, resource.kind);
        }
    }
}

#[test]
fn no_template_is_written_for_one_account_region_or_partition() {
    for template in Template::both() {
        for part in ["Resources", "Outputs"] {
            let text = template.value(part).to_string();
            assert!(!text.contains("arn:aws:"), "a partition in {part}");
            assert!(!text.contains("us-east-1"), "a region in {part}");
        }
    }
}

#[test]
fn commands_may_go_out_and_nothing_may_come_in() {
    let template = Template::main();
    let group = template.resource("SecurityGroup");
    assert!(group.property("SecurityGroupIngress").is_null());
    let egress = group.property("SecurityGroupEgress");
    assert_eq!(egress[0]["CidrIp"], json!("0.0.0.0/0"));
    assert_eq!(egress[0]["IpProtocol"], json!("-1"));
    let vpc: BTreeSet<Name> = names(group.property("VpcId"));
    assert!(vpc.contains(&Name::Ref("ExistingVpcId".to_owned())));
}

#[test]
fn a_network_of_its_own_has_two_zones_and_a_way_out() {
    let template = Template::main();
    let zones: BTreeSet<String> = template
        .of_kind("AWS::EC2::Subnet")
        .iter()
        .map(|subnet| subnet.property("AvailabilityZone").to_string())
        .collect();
    assert_eq!(zones.len(), 2);
    let routed: BTreeSet<String> = template
        .of_kind("AWS::EC2::SubnetRouteTableAssociation")
        .iter()
        .map(|route| route.property("SubnetId").to_string())
        .collect();
    assert_eq!(
        routed,
        ["SubnetA", "SubnetB"]
            .map(|id| json!({ "Ref": id }).to_string())
            .into()
    );
    let route = template.resource("InternetRoute");
    assert_eq!(
        *route.property("GatewayId"),
        json!({"Ref": "InternetGateway"})
    );
    assert_eq!(route.depends_on(), ["InternetAttachment"]);
}
