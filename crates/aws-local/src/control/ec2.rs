//! Networks: those of stacks, and those that were there before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::ACCOUNT;
use super::query::{Failure, Form, answer_ec2, refuse_ec2};
use crate::sync::lock;
use crate::{Call, Reply};

/// How a subnet reaches the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Egress {
    /// Through an internet gateway: with a public address only.
    Public,
    /// Through a NAT gateway.
    Nat,
    /// Not at all.
    None,
}

/// The networks of the account. Clones share them.
#[derive(Debug, Clone)]
pub struct Network {
    region: String,
    /// Type and properties, in the manner of CloudFormation, by physical id.
    parts: Arc<Mutex<BTreeMap<String, (String, Value)>>>,
}

impl Network {
    /// No networks.
    pub fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            parts: Arc::default(),
        }
    }

    /// Declares a subnet that no stack has made; its VPC comes with it.
    pub fn declare_subnet(&self, subnet: &str, vpc: &str, egress: Egress) {
        let table = format!("rtb-of-{subnet}");
        let zone = format!("{}a", self.region);
        self.put(vpc, "AWS::EC2::VPC", &json!({ "CidrBlock": "10.0.0.0/16" }));
        let properties =
            json!({ "VpcId": vpc, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": zone });
        self.put(subnet, "AWS::EC2::Subnet", &properties);
        self.put(&table, "AWS::EC2::RouteTable", &json!({ "VpcId": vpc }));
        let association = json!({ "SubnetId": subnet, "RouteTableId": table });
        let id = format!("rtbassoc-of-{subnet}");
        self.put(&id, "AWS::EC2::SubnetRouteTableAssociation", &association);
        let target = match egress {
            Egress::Public => ("GatewayId", "igw-declared"),
            Egress::Nat => ("NatGatewayId", "nat-declared"),
            Egress::None => return,
        };
        let mut route = json!({ "RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0" });
        route[target.0] = json!(target.1);
        self.put(&format!("route-of-{subnet}"), "AWS::EC2::Route", &route);
    }

    /// Declares an endpoint of a VPC, for example for `com.amazonaws.us-east-1.ecr.dkr`.
    pub fn declare_endpoint(&self, vpc: &str, service: &str) {
        let id = format!("vpce-{vpc}-{service}");
        self.put(
            &id,
            "AWS::EC2::VPCEndpoint",
            &json!({ "VpcId": vpc, "ServiceName": service }),
        );
    }

    /// Keeps a part of a network.
    pub(crate) fn put(&self, id: &str, kind: &str, properties: &Value) {
        lock(&self.parts).insert(id.to_owned(), (kind.to_owned(), properties.clone()));
    }

    /// Forgets a part.
    pub(crate) fn remove(&self, id: &str) {
        lock(&self.parts).remove(id);
    }

    /// Answers a call to EC2.
    pub(crate) fn handle(&self, call: &Call) -> Reply {
        let body = if call.body.is_empty() {
            call.uri.query().unwrap_or_default().as_bytes()
        } else {
            &call.body
        };
        let form = Form::parse(body);
        let action = form.get("Action").unwrap_or_default();
        let described = match action {
            "DescribeVpcs" => self.vpcs(&form),
            "DescribeSubnets" => self.subnets(&form),
            "DescribeRouteTables" => Ok(self.route_tables(&form)),
            "DescribeVpcEndpoints" => Ok(self.endpoints(&form)),
            "DescribeSecurityGroups" => self.security_groups(&form),
            "DescribeAvailabilityZones" => Ok(self.zones()),
            _ => Err(Failure::new(
                "InvalidAction",
                format!("The action {action} is not valid for this web service."),
            )),
        };
        match described {
            Ok(result) => answer_ec2(action, &result),
            Err(failure) => refuse_ec2(&failure),
        }
    }

    fn vpcs(&self, form: &Form) -> Result<Value, Failure> {
        let each = self.wanted(
            "AWS::EC2::VPC",
            &form.list("VpcId"),
            "InvalidVpcID.NotFound",
            "vpc",
        )?;
        let each = each.into_iter().map(|(id, properties)| {
            json!({ "vpcId": id, "state": "available", "cidrBlock": properties["CidrBlock"], "ownerId": ACCOUNT })
        });
        Ok(json!({ "vpcSet": each.collect::<Vec<_>>() }))
    }

    fn subnets(&self, form: &Form) -> Result<Value, Failure> {
        let ids = form.list("SubnetId");
        let each = self.wanted(
            "AWS::EC2::Subnet",
            &ids,
            "InvalidSubnetID.NotFound",
            "subnet",
        )?;
        let vpcs = filter(form, "vpc-id");
        let each = each
            .into_iter()
            .filter(|(_, properties)| is_among(&vpcs, &properties["VpcId"]))
            .map(|(id, properties)| {
                json!({
                    "subnetId": id,
                    "vpcId": properties["VpcId"],
                    "state": "available",
                    "cidrBlock": properties["CidrBlock"],
                    "availabilityZone": properties["AvailabilityZone"],
                    "mapPublicIpOnLaunch": properties["MapPublicIpOnLaunch"],
                })
            });
        Ok(json!({ "subnetSet": each.collect::<Vec<_>>() }))
    }

    fn security_groups(&self, form: &Form) -> Result<Value, Failure> {
        let ids = form.list("GroupId");
        let each = self.wanted(
            "AWS::EC2::SecurityGroup",
            &ids,
            "InvalidGroup.NotFound",
            "security group",
        )?;
        let each = each.into_iter().map(|(id, properties)| {
            json!({ "groupId": id, "vpcId": properties["VpcId"], "groupDescription": properties["GroupDescription"] })
        });
        Ok(json!({ "securityGroupInfo": each.collect::<Vec<_>>() }))
    }

    fn route_tables(&self, form: &Form) -> Value {
        let (ids, vpcs) = (form.list("RouteTableId"), filter(form, "vpc-id"));
        let subnets = filter(form, "association.subnet-id");
        let (routes, associations) = (
            self.of_kind("AWS::EC2::Route"),
            self.of_kind("AWS::EC2::SubnetRouteTableAssociation"),
        );
        let mut tables = Vec::new();
        for (id, properties) in self.of_kind("AWS::EC2::RouteTable") {
            let mine = |part: &&(String, Value)| part.1["RouteTableId"] == json!(id);
            let associated: Vec<_> = associations.iter().filter(mine).collect();
            let has_subnet = subnets.is_empty()
                || associated
                    .iter()
                    .any(|(_, one)| is_among(&subnets, &one["SubnetId"]));
            let is_wanted = ids.is_empty() || ids.contains(&id);
            if !is_wanted || !has_subnet || !is_among(&vpcs, &properties["VpcId"]) {
                continue;
            }
            let associated = associated.into_iter().map(|(association, one)| {
                json!({ "routeTableAssociationId": association, "routeTableId": id, "subnetId": one["SubnetId"], "main": false })
            });
            let mut set = vec![
                json!({ "destinationCidrBlock": "10.0.0.0/16", "gatewayId": "local", "state": "active" }),
            ];
            set.extend(
                routes
                    .iter()
                    .filter(mine)
                    .map(|(_, route)| described_route(route)),
            );
            tables.push(json!({
                "routeTableId": id,
                "vpcId": properties["VpcId"],
                "routeSet": set,
                "associationSet": associated.collect::<Vec<_>>(),
            }));
        }
        json!({ "routeTableSet": tables })
    }

    fn endpoints(&self, form: &Form) -> Value {
        let vpcs = filter(form, "vpc-id");
        let each = self.of_kind("AWS::EC2::VPCEndpoint").into_iter();
        let each = each.filter(|(_, properties)| is_among(&vpcs, &properties["VpcId"]));
        let each = each.map(|(id, properties)| {
            let kind = properties.get("VpcEndpointType").cloned();
            json!({
                "vpcEndpointId": id,
                "vpcId": properties["VpcId"],
                "serviceName": properties["ServiceName"],
                "vpcEndpointType": kind.unwrap_or_else(|| json!("Gateway")),
                "state": "available",
            })
        });
        json!({ "vpcEndpointSet": each.collect::<Vec<_>>() })
    }

    fn zones(&self) -> Value {
        let zone = |letter| json!({ "zoneName": format!("{}{letter}", self.region), "zoneState": "available", "regionName": self.region });
        let zones = ["a", "b", "c"].map(zone);
        json!({ "availabilityZoneInfo": zones })
    }

    fn of_kind(&self, kind: &str) -> Vec<(String, Value)> {
        let parts = lock(&self.parts);
        let of_kind = parts.iter().filter(|(_, (found, _))| found == kind);
        of_kind
            .map(|(id, (_, properties))| (id.clone(), properties.clone()))
            .collect()
    }

    fn wanted(
        &self,
        kind: &str,
        ids: &[String],
        code: &'static str,
        what: &str,
    ) -> Result<Vec<(String, Value)>, Failure> {
        let mut all = self.of_kind(kind);
        if ids.is_empty() {
            return Ok(all);
        }
        if let Some(missing) = ids
            .iter()
            .find(|id| !all.iter().any(|(found, _)| found == *id))
        {
            return Err(Failure::new(
                code,
                format!("The {what} ID '{missing}' does not exist"),
            ));
        }
        all.retain(|(id, _)| ids.contains(id));
        Ok(all)
    }
}

fn described_route(route: &Value) -> Value {
    json!({
        "destinationCidrBlock": route["DestinationCidrBlock"],
        "gatewayId": route["GatewayId"],
        "natGatewayId": route["NatGatewayId"],
        "transitGatewayId": route["TransitGatewayId"],
        "state": "active",
    })
}

fn filter(form: &Form, name: &str) -> Vec<String> {
    let filters = form.records("Filter").into_iter();
    let mut named = filters.filter(|filter| filter.get("Name") == Some(name));
    named
        .next()
        .map(|filter| filter.list("Value"))
        .unwrap_or_default()
}

fn is_among(wanted: &[String], value: &Value) -> bool {
    wanted.is_empty()
        || value
            .as_str()
            .is_some_and(|value| wanted.iter().any(|one| one == value))
}
