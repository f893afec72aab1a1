//! The templates that the product ships.

use std::sync::Arc;

use runvoy_aws_local::Policies;
use rustls::crypto::aws_lc_rs;

use super::stage::{Stage, tag, tags};
use crate::lambda::stage::echo;

const BOOTSTRAP: &str = include_str!("../../../../../deployments/aws/bootstrap.yaml");
const TEMPLATE: &str = include_str!("../../../../../deployments/aws/template.yaml");

/// A client that speaks no TLS.
pub(crate) fn client() -> reqwest::Client {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .build()
        .unwrap()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story from beginning to end")]
async fn the_product_is_deployed_from_an_empty_account_and_removed_again() {
    let stage = Stage::full().await;
    let name = [("ProjectName", "runvoy")];
    let status = stage
        .apply("runvoy-bootstrap", "CREATE", BOOTSTRAP, &name)
        .await;
    assert_eq!(
        status,
        "CREATE_COMPLETE",
        "{:?}",
        stage.reasons("runvoy-bootstrap").await
    );
    let stack = stage
        .ok("DescribeStacks", &[("StackName", "runvoy-bootstrap")])
        .await;
    let outputs: Vec<_> = tags(&stack, "OutputKey")
        .into_iter()
        .zip(tags(&stack, "OutputValue"))
        .collect();
    let output = |key: &str| {
        outputs
            .iter()
            .find(|(found, _)| found == key)
            .unwrap()
            .1
            .clone()
    };
    let (bucket, repository) = (output("ArtifactsBucket"), output("AgentRepository"));
    assert_eq!(repository, stage.control.registry().uri("runvoy-agent"));

    let hash = "0".repeat(64);
    let keys = [
        format!("orchestrator-{hash}.zip"),
        format!("event-processor-{hash}.zip"),
    ];
    let (_, moto) = stage.engines.as_ref().unwrap();
    for key in &keys {
        let url = format!("{}/{bucket}/{key}", moto.endpoint());
        let scope = "AWS4-HMAC-SHA256 Credential=AKIALOCALADMIN/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let put = client()
            .put(url)
            .header("authorization", scope)
            .body(echo("x").zip);
        assert!(put.send().await.unwrap().status().is_success());
    }
    let image = format!("{repository}@sha256:{hash}");
    let given = [
        ("ProjectName", "runvoy"),
        ("ArtifactsBucket", &bucket),
        ("OrchestratorKey", &keys[0]),
        ("EventProcessorKey", &keys[1]),
        ("AgentImage", &image),
    ];
    let status = stage.apply("runvoy", "CREATE", TEMPLATE, &given).await;
    assert_eq!(
        status,
        "CREATE_COMPLETE",
        "{:#?}",
        stage.reasons("runvoy").await
    );
    let stack = stage.ok("DescribeStacks", &[("StackName", "runvoy")]).await;
    assert!(
        tags(&stack, "OutputValue").contains(&stage.lambdas.url("runvoy-api").unwrap()),
        "{stack}"
    );
    assert_eq!(
        stage.lambdas.names(),
        ["runvoy-agent", "runvoy-api", "runvoy-event-processor"]
    );
    assert!(stage.events.rule("runvoy-reconcile").is_some());
    check_roles(stage.control.policies());

    let set = stage.change_set("runvoy", "UPDATE", TEMPLATE, &given).await;
    assert_eq!(
        tag(&set, "Status"),
        "FAILED",
        "the same again changes nothing: {set}"
    );
    assert_eq!(
        stage.delete("runvoy").await,
        "DELETE_COMPLETE",
        "{:#?}",
        stage.reasons("runvoy").await
    );
    assert!(stage.lambdas.names().is_empty());
}

fn check_roles(policies: &Policies) {
    let role = |caller: &str| policies.role_of(caller).unwrap();
    let table = |name: &str| format!("arn:aws:dynamodb:us-east-1:123456789012:table/runvoy-{name}");
    assert!(policies.allows(
        &role("AKIALOCALAPI"),
        "dynamodb:PutItem",
        &table("executions")
    ));
    assert!(!policies.allows(&role("AKIALOCALAPI"), "dynamodb:Scan", &table("executions")));
    let role_of_agent = role("AKIALOCALAGENT");
    assert!(!policies.actions(&role_of_agent).contains("ecs:RunTask"));
}
