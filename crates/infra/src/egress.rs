//! Whether subnets that were given lead out: images are pulled, and the control plane is called, over the internet.

use std::fmt::Write as _;

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use jiff::Timestamp;

use crate::account::Aws;
use crate::error::{InfraError, explain, no_credentials};
use crate::web;

const VERSION: &str = "2016-11-15";
const WHAT: &str = "the routes of the subnets cannot be read";

/// How a subnet reaches the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Egress {
    /// By an internet gateway: only what has a public address gets out.
    Public,
    /// By a NAT, a transit gateway or the like: a private address is enough.
    Private,
    /// There is no way that routes show.
    None,
}

/// Looks at the default route of `subnet`.
pub(crate) async fn of_subnet(
    aws: &Aws,
    subnet: &str,
    now: Timestamp,
) -> Result<Egress, InfraError> {
    let own = call(
        aws,
        "DescribeRouteTables",
        &[
            ("Filter.1.Name", "association.subnet-id"),
            ("Filter.1.Value.1", subnet),
        ],
        now,
    )
    .await?;
    if own.contains("<routeTableId>") {
        return Ok(egress(&own));
    }
    // A subnet without a table of its own has the main one of its network.
    let subnets = call(aws, "DescribeSubnets", &[("SubnetId.1", subnet)], now).await?;
    let Some(vpc) = element(&subnets, "vpcId") else {
        return Err(InfraError::input(format!(
            "there is no subnet {subnet} in this region"
        )));
    };
    let filters = [
        ("Filter.1.Name", "vpc-id"),
        ("Filter.1.Value.1", vpc),
        ("Filter.2.Name", "association.main"),
        ("Filter.2.Value.1", "true"),
    ];
    Ok(egress(
        &call(aws, "DescribeRouteTables", &filters, now).await?,
    ))
}

/// What to tell the admin, if anything.
pub(crate) fn warning(subnet: &str, egress: Egress, has_public_address: bool) -> Option<String> {
    match (egress, has_public_address) {
        (Egress::Private, _) | (Egress::Public, true) => None,
        (Egress::Public, false) => Some(format!(
            "{subnet} reaches the internet only from public addresses, and tasks get none: images could not be pulled, and agents could not report; set AssignPublicIp to ENABLED, or give subnets with a NAT gateway"
        )),
        (Egress::None, _) => Some(format!(
            "{subnet} has no route to the internet: images could be pulled only by VPC endpoints, and agents report only through a proxy that their images name; give subnets with a NAT gateway if there is neither"
        )),
    }
}

/// One call of EC2's Query API. Its SDK would weigh more than all others together.
async fn call(
    aws: &Aws,
    action: &str,
    parameters: &[(&str, &str)],
    now: Timestamp,
) -> Result<String, InfraError> {
    let url = endpoint(aws);
    let body = body(action, parameters);
    let mut request = web::client()?
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in signature(aws, &url, &body, now).await? {
        request = request.header(name, value);
    }
    let answer = request.body(body).send().await;
    let answer = answer.map_err(|error| web::unanswered(WHAT, &error))?;
    let is_success = answer.status().is_success();
    let text = answer
        .text()
        .await
        .map_err(|error| web::unanswered(WHAT, &error))?;
    if is_success {
        return Ok(text);
    }
    let code = element(&text, "Code").unwrap_or_default();
    let message = element(&text, "Message").unwrap_or_default();
    Err(explain(WHAT, &format!("ec2:{action}"), code, message))
}

async fn signature(
    aws: &Aws,
    url: &str,
    body: &str,
    now: Timestamp,
) -> Result<Vec<(String, String)>, InfraError> {
    let provider = aws.config.credentials_provider();
    let provider = provider.ok_or_else(|| InfraError::denied("no AWS credentials can be used"))?;
    let credentials = provider.provide_credentials().await;
    let identity = credentials
        .map_err(|error| no_credentials(&error, None))?
        .into();
    let broken =
        |error: &(dyn std::error::Error + 'static)| InfraError::failed(WHAT).because_of(error);
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&aws.account.region)
        .name("ec2")
        .time(now.into())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| broken(&error))?
        .into();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let signable = SignableRequest::new(
        "POST",
        url,
        headers.into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    )
    .map_err(|error| broken(&error))?;
    let signed = sign(signable, &parameters).map_err(|error| broken(&error))?;
    let (instructions, _) = signed.into_parts();
    let headers = instructions.headers();
    Ok(headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

fn endpoint(aws: &Aws) -> String {
    if let Some(url) = aws.config.endpoint_url() {
        return format!("{}/", url.trim_end_matches('/'));
    }
    let region = &aws.account.region;
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://ec2.{region}.amazonaws.com{suffix}/")
}

/// Names and values are of letters, digits, dots and hyphens; nothing else is let in, so nothing needs to be escaped.
fn body(action: &str, parameters: &[(&str, &str)]) -> String {
    let mut body = format!("Action={action}&Version={VERSION}");
    for (name, value) in parameters {
        let value: String = value
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c))
            .collect();
        // Writing to a string cannot fail.
        write!(body, "&{name}={value}").ok();
    }
    body
}

/// How the default route in the answer leads out.
fn egress(answer: &str) -> Egress {
    let routes = answer.split("<item>");
    let mut defaults = routes.filter(|route| {
        element(route, "destinationCidrBlock") == Some("0.0.0.0/0")
            && element(route, "state") != Some("blackhole")
    });
    let Some(route) = defaults.next() else {
        return Egress::None;
    };
    match element(route, "gatewayId") {
        Some(gateway) if gateway.starts_with("igw-") => Egress::Public,
        _ => Egress::Private,
    }
}

/// The text of the first element of this name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let rest = xml.split_once(&format!("<{name}>"))?.1;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(routes: &[&str]) -> String {
        let mut others = String::new();
        for target in routes {
            let destination = "<destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>";
            write!(others, "<item>{destination}{target}</item>").unwrap();
        }
        format!(
            "<DescribeRouteTablesResponse><routeTableSet><item><routeTableId>rtb-1</routeTableId><routeSet>\
             <item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state></item>\
             {others}</routeSet></item></routeTableSet></DescribeRouteTablesResponse>"
        )
    }

    #[test]
    fn the_default_route_tells_how_a_subnet_leads_out() {
        let gateway = "<gatewayId>igw-1</gatewayId><state>active</state>";
        let nat = "<natGatewayId>nat-1</natGatewayId><state>active</state>";
        let dead = "<natGatewayId>nat-1</natGatewayId><state>blackhole</state>";
        assert_eq!(egress(&table(&[gateway])), Egress::Public);
        assert_eq!(egress(&table(&[nat])), Egress::Private);
        assert_eq!(egress(&table(&[dead])), Egress::None);
        assert_eq!(egress(&table(&[])), Egress::None);
    }

    #[test]
    fn only_a_way_that_tasks_can_take_is_silent() {
        assert_eq!(warning("subnet-1", Egress::Private, false), None);
        assert_eq!(warning("subnet-1", Egress::Public, true), None);
        assert!(
            warning("subnet-1", Egress::Public, false)
                .unwrap()
                .contains("AssignPublicIp")
        );
        assert!(
            warning("subnet-1", Egress::None, true)
                .unwrap()
                .contains("NAT")
        );
    }

    #[test]
    fn nothing_can_be_smuggled_into_a_call() {
        let body = body(
            "DescribeSubnets",
            &[("SubnetId.1", "subnet-1&Action=DeleteVpc")],
        );
        assert_eq!(body.matches("Action=").count(), 1);
        assert!(body.ends_with("&SubnetId.1=subnet-1ActionDeleteVpc"));
    }
}
