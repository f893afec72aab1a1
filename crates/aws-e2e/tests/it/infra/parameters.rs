//! What an admin chooses by parameters is what ECS is asked for.

use runvoy_aws_local::Egress;
use serde_json::json;

use super::account::Deployment;

const VPC: &str = "vpc-0c0ffee0";
const SUBNETS: [&str; 2] = ["subnet-0c0ffee1", "subnet-0c0ffee2"];
const GROUPS: [&str; 2] = ["sg-0c0ffee1", "sg-0c0ffee2"];
const ROLES: [&str; 2] = [
    "arn:aws:iam::123456789012:role/terraform",
    "arn:aws:iam::123456789012:role/backups",
];
/// A role that nobody has named.
const OTHER_ROLE: &str = "arn:aws:iam::123456789012:role/admin";

/// A deployment into a network of the admin's own.
fn deploy() -> Deployment {
    let chosen = Deployment::of("chosen");
    let network = chosen.account.aws.control().network();
    for subnet in SUBNETS {
        network.declare_subnet(subnet, VPC, Egress::Nat);
    }
    let roles = format!("TaskRoleArns={}", ROLES.join(","));
    let vpc = format!("ExistingVpcId={VPC}");
    let subnets = format!("SubnetIds={}", SUBNETS.join(","));
    let groups = format!("SecurityGroupIds={}", GROUPS.join(","));
    let parameters = [
        roles.as_str(),
        "UseSpot=true",
        &vpc,
        &subnets,
        &groups,
        "AssignPublicIp=DISABLED",
    ];
    let parameters = parameters.iter().flat_map(|one| ["--parameter", *one]);
    let mut options = vec!["--admin-email", "admin@example.com"];
    options.extend(parameters);
    let said = chosen.apply(&options);
    assert!(!said.err.contains("warning"), "{said:#?}");
    chosen
}

#[test]
fn a_command_gets_the_role_the_network_and_the_capacity_that_were_chosen() {
    let chosen = deploy();
    assert_eq!(chosen.admin.must(&["run", "echo well"]), "well\n");
    let id = chosen.admin.last();
    let requests = chosen.account.aws.ecs().requests(&id);
    assert_eq!(requests.len(), 1, "{requests:#?}");
    let asked = &requests[0];
    assert_eq!(asked["overrides"]["taskRoleArn"], ROLES[0]);
    let capacity = json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1 }]);
    assert_eq!(asked["capacityProviderStrategy"], capacity);
    let network =
        json!({ "subnets": SUBNETS, "securityGroups": GROUPS, "assignPublicIp": "DISABLED" });
    assert_eq!(
        asked["networkConfiguration"]["awsvpcConfiguration"],
        network
    );
    let tasks = chosen.account.tasks_of(&id);
    assert_eq!(tasks[0]["capacityProviderName"], "FARGATE_SPOT");
    only_these_roles_can_be_had(&chosen);
}

/// None is made beside those that were named.
fn only_these_roles_can_be_had(chosen: &Deployment) {
    let policies = chosen.account.aws.control().policies();
    let launcher = policies.role_of("AKIALOCALCHOSENAPI").unwrap();
    let may_pass = |role: &str| policies.allows(&launcher, "iam:PassRole", role);
    assert!(ROLES.iter().all(|role| may_pass(role)));
    assert!(!may_pass(OTHER_ROLE));
    let left = chosen.left();
    let is_made = |one: &String| one.starts_with("role ") && one.contains("TaskRole");
    assert!(!left.iter().any(is_made), "{left:#?}");
}
