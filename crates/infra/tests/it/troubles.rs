//! What goes wrong ends in words that say what to do, and the next attempt goes on from there.

use std::sync::Mutex;
use std::time::Duration;

use runvoy_aws_local::Egress;
use runvoy_infra::{ADMIN_POLICY, ApplyRequest, ErrorKind, Infra, Progress, Source};

use crate::world::World;

const CALLER: &str = "AKIALOCALADMIN";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named() {
    let world = World::new().await;
    let infra = world.infra("acme").await;
    let control = world.aws.control();
    for action in [
        "iam:CreateServiceLinkedRole",
        "cloudformation:CreateChangeSet",
        "ssm:PutParameter",
    ] {
        control.deny(CALLER, action);
        let error = world.apply(&infra, &[]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{error:?}");
        let hint = &error.hints[0];
        assert!(
            hint.contains(action) && hint.contains(ADMIN_POLICY),
            "{error:?}"
        );
        control.allow_all();
    }
    assert!(world.apply(&infra, &[]).await.unwrap().is_changed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_creation_says_why_and_is_made_anew() {
    let world = World::new().await;
    let infra = world.infra("acme").await;
    let reason = "Specified ReservedConcurrentExecutions decreases UnreservedConcurrentExecution";
    world.aws.control().fail("ApiFunction", reason);
    let error = world.apply(&infra, &[]).await.unwrap_err();
    assert!(error.causes[0].starts_with("ApiFunction ("), "{error:?}");
    assert!(error.causes[0].contains(reason) && error.hints[0].contains("ReservedConcurrency"));

    let plan = world.plan(&infra, &[]).await;
    let broken = [("acme".to_owned(), "ROLLBACK_COMPLETE".to_owned())];
    assert_eq!(plan.deletes_first, broken);
    assert!(infra.apply(plan, &|_| {}).await.unwrap().is_changed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_change_goes_back_and_can_be_tried_again() {
    let world = World::new().await;
    let infra = world.infra("acme").await;
    world.apply(&infra, &[]).await.unwrap();
    world.build("2");
    world.aws.control().fail(
        "ApiFunction",
        "it is not authorized to perform: lambda:UpdateFunctionCode",
    );
    let error = world.apply(&infra, &[]).await.unwrap_err();
    assert!(error.causes[0].starts_with("ApiFunction (") && error.hints[0].contains(ADMIN_POLICY));
    assert!(world.apply(&infra, &[]).await.unwrap().is_changed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_somebody_changes_is_left_alone() {
    let world = World::new().await;
    let infra = world.infra("acme").await;
    world.apply(&infra, &[]).await.unwrap();
    world.aws.control().set_pace(Duration::from_secs(10));
    world.build("2");
    let plan = world.plan(&infra, &[]).await;
    let other = world.infra("acme").await;
    let request = ApplyRequest {
        source: Source::Directory(world.artifacts()),
        parameters: Vec::new(),
    };
    let quiet = |_| {};
    let applying = infra.apply(plan, &quiet);
    let looking = async {
        while !is_busy(&other).await {
            tokio::task::yield_now().await;
        }
        let refused = other.plan(request, &quiet).await.map(drop).unwrap_err();
        world.aws.control().set_pace(Duration::from_millis(20));
        refused
    };
    let (applied, refused) = tokio::join!(applying, looking);
    assert!(refused.hints[0].starts_with("wait"), "{refused:?}");
    assert!(applied.unwrap().is_changed);
}

async fn is_busy(infra: &Infra) -> bool {
    let stack = infra.status().await.unwrap().stack;
    stack.is_some_and(|stack| stack.status == "UPDATE_IN_PROGRESS")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subnets_that_lead_nowhere_are_warned_of() {
    let world = World::new().await;
    let infra = world.infra("acme").await;
    let network = world.aws.control().network();
    network.declare_subnet("subnet-00000001", "vpc-00000001", Egress::None);
    network.declare_subnet("subnet-00000002", "vpc-00000001", Egress::Nat);
    network.declare_subnet("subnet-00000003", "vpc-00000001", Egress::Public);
    let parameters = [
        (
            "SubnetIds",
            "subnet-00000001,subnet-00000002,subnet-00000003",
        ),
        ("AssignPublicIp", "DISABLED"),
    ];
    let mut warnings = warnings(&world, &infra, &parameters).await;
    warnings.retain(|text| text.contains("subnet-"));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("subnet-00000001") && warnings[0].contains("no route"));
    assert!(warnings[1].contains("subnet-00000003") && warnings[1].contains("AssignPublicIp"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_low_quota_of_lambda_is_warned_of() {
    let world = World::new().await;
    let infra = world.infra("acme").await;
    assert_eq!(warnings(&world, &infra, &[]).await, Vec::<String>::new());
    let lambdas = world.aws.lambdas();
    lambdas.adjust(|settings| settings.account_concurrency = 10);
    let warned = warnings(&world, &infra, &[]).await;
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("only 10 Lambda functions at once"));
    assert!(warned[0].contains("Service Quotas"), "{warned:?}");
}

/// What the admin is warned of before anything is made.
async fn warnings(world: &World, infra: &Infra, parameters: &[(&str, &str)]) -> Vec<String> {
    let warnings = Mutex::new(Vec::new());
    let listener = |progress| {
        if let Progress::Warning(text) = progress {
            warnings.lock().unwrap().push(text);
        }
    };
    let given = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let request = ApplyRequest {
        source: Source::Directory(world.artifacts()),
        parameters: given.collect(),
    };
    infra.plan(request, &listener).await.unwrap();
    warnings.into_inner().unwrap()
}
