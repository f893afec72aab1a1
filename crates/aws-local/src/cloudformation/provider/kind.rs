//! The resource types that are known, and what can be said of each in one line.

mod table;

use serde_json::{Map, Value, json};

use crate::control::ACCOUNT;

/// A resource type.
#[derive(Debug)]
pub(crate) struct Kind {
    /// `AWS::DynamoDB::Table`, …
    pub(crate) name: &'static str,
    /// How its physical id comes to be.
    id: Id,
    /// Its ARN, with `{region}`, `{account}` and `{id}`; empty when it has none.
    arn: &'static str,
    /// Properties that cannot change: a new resource takes its place.
    fixed: &'static [&'static str],
}

/// How a physical id comes to be.
#[derive(Debug)]
enum Id {
    /// The property, or a name made up from the stack's.
    Named(&'static str),
    /// A made-up id with this prefix.
    Random(&'static str),
    /// The name is as above, but `Ref` gives the ARN.
    Arn(&'static str),
    /// As above, and `Ref` gives the queue's URL.
    QueueUrl(&'static str),
}

/// The type of that name.
pub(crate) fn find(name: &str) -> Option<&'static Kind> {
    table::KINDS.iter().find(|kind| kind.name == name)
}

impl Kind {
    /// The physical id for these properties; `made_up` ends a name that nobody gave.
    pub(crate) fn physical_id(&self, region: &str, properties: &Value, made_up: &str) -> String {
        let named = |property: &str| {
            let given = properties.get(property).and_then(Value::as_str);
            // Buckets and repositories know no capitals.
            let is_lower = matches!(self.name, "AWS::S3::Bucket" | "AWS::ECR::Repository");
            let made_up = || {
                if is_lower {
                    made_up.to_lowercase()
                } else {
                    made_up.to_owned()
                }
            };
            given.map_or_else(made_up, str::to_owned)
        };
        match self.id {
            Id::Named(property) => named(property),
            Id::Random(prefix) => {
                let hex = super::digest(made_up);
                format!("{prefix}{}", &hex[..17])
            }
            Id::Arn(property) => fill(self.arn, region, &named(property)),
            Id::QueueUrl(property) => {
                let name = named(property);
                format!("https://sqs.{region}.amazonaws.com/{ACCOUNT}/{name}")
            }
        }
    }

    /// The property that names it; empty when nothing does.
    pub(crate) fn name_property(&self) -> &'static str {
        match self.id {
            Id::Named(property) | Id::Arn(property) | Id::QueueUrl(property) => property,
            Id::Random(_) => "",
        }
    }

    /// What `Fn::GetAtt` gives.
    pub(crate) fn attributes(
        &self,
        region: &str,
        id: &str,
        properties: &Value,
    ) -> Map<String, Value> {
        let mut attributes = Map::new();
        let mut set = |name: &str, value: Value| attributes.insert(name.to_owned(), value);
        let short = match self.id {
            Id::Arn(_) => id.rsplit(':').next().unwrap_or(id),
            Id::QueueUrl(_) => id.rsplit('/').next().unwrap_or(id),
            _ => id,
        };
        if !self.arn.is_empty() {
            set("Arn", json!(fill(self.arn, region, short)));
        }
        match self.name {
            "AWS::SQS::Queue" => {
                set("QueueName", json!(short));
                set("QueueUrl", json!(id));
            }
            "AWS::SNS::Topic" => {
                set("TopicName", json!(short));
                set("TopicArn", json!(id));
            }
            "AWS::S3::Bucket" => {
                let domain = format!("{id}.s3.amazonaws.com");
                set("DomainName", json!(domain));
                let domain = format!("{id}.s3.{region}.amazonaws.com");
                set("RegionalDomainName", json!(domain));
            }
            "AWS::IAM::Role" => {
                set(
                    "RoleId",
                    json!(format!("AROA{}", super::digest(id)[..16].to_uppercase())),
                );
            }
            _ => attributes.extend(network_attributes(self.name, id, properties)),
        }
        attributes
    }

    /// Whether going from `old` to `new` takes a new resource.
    pub(crate) fn is_replaced(&self, old: &Value, new: &Value) -> bool {
        let named = self.name_property();
        let mut fixed = self.fixed.iter().chain([&named]);
        fixed.any(|property| {
            *property == "*" && old != new || old.get(*property) != new.get(*property)
        })
    }
}

/// The attributes of a part of a network: its own id, and properties that are given back.
fn network_attributes(kind: &str, id: &str, properties: &Value) -> Vec<(String, Value)> {
    let (own, given): (&str, &[&str]) = match kind {
        "AWS::EC2::VPC" => ("VpcId", &["CidrBlock"]),
        "AWS::EC2::Subnet" => ("SubnetId", &["AvailabilityZone", "VpcId", "CidrBlock"]),
        "AWS::EC2::SecurityGroup" => ("GroupId", &["VpcId"]),
        "AWS::EC2::InternetGateway" => ("InternetGatewayId", &[]),
        "AWS::EC2::RouteTable" => ("RouteTableId", &[]),
        _ => return Vec::new(),
    };
    let mut attributes = vec![(own.to_owned(), json!(id))];
    for name in given {
        let value = properties.get(*name).cloned();
        attributes.push(((*name).to_owned(), value.unwrap_or_default()));
    }
    if kind == "AWS::EC2::VPC" {
        let group = json!(id.replace("vpc-", "sg-"));
        attributes.push(("DefaultSecurityGroup".to_owned(), group));
    }
    attributes
}

fn fill(arn: &str, region: &str, id: &str) -> String {
    arn.replace("{region}", region)
        .replace("{account}", ACCOUNT)
        .replace("{id}", id)
}

const fn kind(
    name: &'static str,
    id: Id,
    arn: &'static str,
    fixed: &'static [&'static str],
) -> Kind {
    Kind {
        name,
        id,
        arn,
        fixed,
    }
}
