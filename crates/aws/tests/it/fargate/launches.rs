//! What is planned, and what ECS is asked.

use std::time::Duration;

use runvoy_core::container::{Architecture, ContainerWish, Cpu, Memory};
use runvoy_core::money::Money;
use runvoy_ports::{LaunchError, LaunchRequest, Launcher as _, UnfitKind};
use serde_json::{Value, json};

use super::{ARN, Stage, TOKEN, attempt, request};

const NOT_FOUND: &str = "TaskDefinition not found.";

fn placed() -> Value {
    json!({"tasks": [{"taskArn": ARN, "lastStatus": "PROVISIONING", "version": 1}], "failures": []})
}

#[tokio::test]
async fn a_price_is_an_estimate_on_spot_and_where_the_region_has_no_list() {
    let cases = [
        ("us-east-1", false, true, false),
        ("us-east-1", false, false, false),
        ("us-east-1", true, true, true),
        ("mars-north-1", false, true, true),
    ];
    for (region, is_spot, has_address, is_estimate) in cases {
        let stage = Stage::with(|settings| {
            settings.region = region.to_owned();
            settings.is_spot = is_spot;
            settings.assign_public_ip = has_address;
        })
        .await;
        let container = stage.launcher.plan(&ContainerWish::default());
        let container = container.unwrap().unwrap();
        let hour = Duration::from_hours(1);
        let price = stage.launcher.price(&container, hour).unwrap();
        assert_eq!(price.is_estimate, is_estimate, "{region} {is_spot}");
        let address = price.public_ipv4.map(Money::micro_dollars);
        assert_eq!(address, has_address.then_some(5_000), "{region}");
    }
}

/// The request that a launch without any wish makes.
fn run_task(definition: &str, project: &str) -> Value {
    let attempt = attempt();
    json!({
        "cluster": "runvoy",
        "taskDefinition": definition,
        "count": 1,
        "launchType": "FARGATE",
        "clientToken": attempt.to_string(),
        "startedBy": attempt.to_string(),
        "enableExecuteCommand": false,
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED",
        }},
        "overrides": {
            "containerOverrides": [{"name": "main", "environment": [
                {"name": "RUNVOY_AGENT_URL", "value": "https://agent.example"},
                {"name": "RUNVOY_AGENT_TOKEN", "value": TOKEN},
                {"name": "RUNVOY_ATTEMPT", "value": attempt.to_string()},
                {"name": "RUNVOY_AGENT_SPOOL_DIR", "value": "/.runvoy/work"},
            ]}],
            "cpu": "256",
            "memory": "512",
            "taskRoleArn": "arn:aws:iam::123456789012:role/task",
            "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        },
        "tags": [
            {"key": "runvoy:execution", "value": attempt.execution().as_str()},
            {"key": "runvoy:project", "value": project},
        ],
    })
}

fn registration(definition: &str, project: &str) -> Value {
    let log = json!({"logDriver": "awslogs", "options": {
        "awslogs-group": "/runvoy/runvoy/tasks", "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "run", "mode": "blocking",
    }});
    let mount = json!([{"sourceVolume": "runvoy", "containerPath": "/.runvoy", "readOnly": false}]);
    json!({
        "family": definition,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "volumes": [{"name": "runvoy"}],
        "containerDefinitions": [
            {
                "name": "copier", "image": "registry.example/agent@sha256:00", "essential": false,
                "entryPoint": ["/runvoy-agent"], "command": ["install", "/.runvoy"],
                "mountPoints": mount, "logConfiguration": log,
            },
            {
                "name": "main", "image": "public.ecr.aws/docker/library/alpine:3.22", "essential": true,
                "dependsOn": [{"containerName": "copier", "condition": "SUCCESS"}],
                "entryPoint": ["/.runvoy/agent"], "command": ["exec"], "workingDirectory": "/.runvoy/work",
                "mountPoints": mount, "stopTimeout": 120, "logConfiguration": log,
            },
        ],
        "tags": [{"key": "runvoy:project", "value": project}],
    })
}

/// The project that a definition belongs to.
fn project(definition: &str) -> &str {
    definition.split_once('-').unwrap().0
}

#[tokio::test]
async fn a_warm_launch_is_one_call() {
    let stage = Stage::new().await;
    stage.aws.say("RunTask", placed());
    let container = stage.container();
    stage
        .launcher
        .launch(&request(container.clone()))
        .await
        .unwrap();
    let expected = run_task(&container.definition, project(&container.definition));
    assert_eq!(stage.aws.take_calls(), [("RunTask".to_owned(), expected)]);
}

#[tokio::test]
async fn an_unknown_definition_is_registered_and_asked_for_again() {
    for words in [
        NOT_FOUND,
        "TaskDefinition is inactive",
        "Unable to describe task definition.",
    ] {
        let stage = Stage::new().await;
        stage.aws.refuse("RunTask", 400, "ClientException", words);
        stage.aws.say("RunTask", placed());
        stage
            .aws
            .say("RegisterTaskDefinition", json!({"taskDefinition": {}}));
        let container = stage.container();
        stage
            .launcher
            .launch(&request(container.clone()))
            .await
            .unwrap();
        let calls = stage.aws.take_calls();
        let definition = &container.definition;
        assert_eq!(calls.len(), 3, "{words}");
        assert_eq!(calls[1].1, registration(definition, project(definition)));
        assert_eq!(calls[0], calls[2], "the same token wants the same words");
        // The token is for `start` of this attempt alone; a definition is for all.
        assert!(!calls[1].1.to_string().contains(TOKEN));
    }
}

#[tokio::test]
async fn spot_size_and_disk_are_said_at_the_launch() {
    let stage = Stage::new().await;
    stage.aws.say("RunTask", placed());
    let mut container = stage.container();
    (container.is_spot, container.storage_gib) = (true, 100);
    (container.cpu, container.memory) = (Cpu::from_units(1024), Memory::from_mib(2048));
    stage.launcher.launch(&request(container)).await.unwrap();
    let (_, call) = stage.aws.take_calls().remove(0);
    assert_eq!(call["launchType"], Value::Null);
    assert_eq!(
        call["capacityProviderStrategy"],
        json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
    );
    assert_eq!(
        call["overrides"]["ephemeralStorage"],
        json!({"sizeInGiB": 100})
    );
    assert_eq!(
        (&call["overrides"]["cpu"], &call["overrides"]["memory"]),
        (&json!("1024"), &json!("2048"))
    );
}

/// What becomes of one answer to RunTask: `Ok`, the words of a definite no, or `None` where nobody knows.
async fn outcome(status: u16, body: Value) -> Result<(), Option<String>> {
    let stage = Stage::new().await;
    stage.aws.answer("RunTask", status, body);
    match stage.launcher.launch(&request(stage.container())).await {
        Ok(()) => Ok(()),
        Err(LaunchError::Refused(words)) => Err(Some(words)),
        Err(LaunchError::Impossible(words)) => panic!("for good: {words}"),
        Err(LaunchError::Unknown(_)) => Err(None),
    }
}

#[tokio::test]
async fn a_definite_no_is_told_in_the_words_of_ecs() {
    for (code, message) in [
        (
            "AccessDeniedException",
            "User: x is not authorized to perform: ecs:RunTask",
        ),
        (
            "InvalidParameterException",
            "No Fargate configuration exists for given values.",
        ),
        ("ClusterNotFoundException", "Cluster not found."),
        (
            "ClientException",
            "Capacity is unavailable at this time. Please try again later",
        ),
        ("BlockedException", "Your AWS account is currently blocked."),
    ] {
        let refused = outcome(400, json!({"__type": code, "message": message})).await;
        assert_eq!(refused, Err(Some(format!("{code}: {message}"))));
    }
    let failures = json!({"tasks": [], "failures": [
        {"arn": "a", "reason": "RESOURCE:ENI", "detail": "no addresses left"}, {"reason": "AGENT"},
    ]});
    assert_eq!(
        outcome(200, failures).await,
        Err(Some("RESOURCE:ENI: no addresses left; AGENT".to_owned()))
    );
}

#[tokio::test]
async fn without_an_answer_nobody_knows() {
    for (status, code, message) in [
        (
            500,
            "ServerException",
            "Service Unavailable. Please try again later.",
        ),
        (400, "ThrottlingException", "Rate exceeded"),
        (400, "ClientException", "Rate exceeded"),
        (503, "ServiceUnavailable", ""),
        (0, "", ""),
    ] {
        let answer = outcome(status, json!({"__type": code, "message": message})).await;
        assert_eq!(answer, Err(None), "{status} {code}");
    }
    assert_eq!(
        outcome(200, json!({"tasks": [], "failures": []})).await,
        Err(None)
    );
}

#[tokio::test]
async fn what_was_launched_before_counts_as_launched() {
    let conflict = json!({"__type": "ConflictException", "message": "x", "resourceIds": [ARN]});
    assert_eq!(outcome(400, conflict).await, Ok(()));
}

#[tokio::test]
async fn a_spent_token_without_a_task_is_a_no() {
    for ids in [json!([]), Value::Null] {
        let conflict = json!({"__type": "ConflictException", "message": "x", "resourceIds": ids});
        let no = Err(Some("ConflictException: x".to_owned()));
        assert_eq!(outcome(400, conflict).await, no);
    }
}

#[tokio::test]
async fn a_task_of_the_same_token_that_has_stopped_is_a_no() {
    let pull = "CannotPullContainerError: no such image";
    let stopped = json!({"taskArn": ARN, "lastStatus": "STOPPED", "stopCode": "TaskFailedToStart", "stoppedReason": pull});
    let answer = outcome(200, json!({"tasks": [stopped], "failures": []})).await;
    assert_eq!(answer, Err(Some(format!("TaskFailedToStart; {pull}"))));
    let stage = Stage::new().await;
    let pull = "CannotPullContainerError: failed to resolve ref docker.io/library/no:1: docker.io/library/no:1: not found";
    let stopped = json!({"taskArn": ARN, "lastStatus": "STOPPED", "stopCode": "TaskFailedToStart", "stoppedReason": pull});
    let answer = json!({"tasks": [stopped], "failures": []});
    stage.aws.answer("RunTask", 200, answer);
    let refused = stage.launcher.launch(&request(stage.container())).await;
    assert!(
        matches!(refused, Err(LaunchError::Impossible(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn without_a_plan_nothing_is_asked() {
    let stage = Stage::new().await;
    let request = LaunchRequest {
        attempt: attempt(),
        token: TOKEN.into(),
        container: None,
    };
    assert!(matches!(
        stage.launcher.launch(&request).await,
        Err(LaunchError::Impossible(_))
    ));
    assert_eq!(stage.aws.take_actions(), Vec::<String>::new());
}

#[tokio::test]
async fn a_plan_fills_in_what_is_not_wished_for() {
    let stage = Stage::new().await;
    let plan = stage.container();
    assert_eq!(
        plan.image.as_str(),
        "public.ecr.aws/docker/library/alpine:3.22"
    );
    assert_eq!(
        (plan.cpu.units(), plan.memory.mib(), plan.storage_gib),
        (256, 512, 20)
    );
    assert_eq!(
        (plan.architecture, plan.is_spot),
        (Architecture::Arm64, false)
    );
    assert_eq!(
        plan.role.as_deref(),
        Some("arn:aws:iam::123456789012:role/task")
    );
    let (project, hash) = plan.definition.split_once('-').unwrap();
    assert!(
        project.starts_with('p') && hash.len() == 32 && hash.bytes().all(|b| b.is_ascii_hexdigit())
    );
}

#[tokio::test]
async fn a_definition_is_that_of_its_image_whatever_the_size() {
    let stage = Stage::new().await;
    let plan = |wish: ContainerWish| stage.launcher.plan(&wish).unwrap().unwrap().definition;
    let standard = plan(ContainerWish::default());
    let large = ContainerWish {
        cpu: Some(Cpu::from_units(2048)),
        ..ContainerWish::default()
    };
    assert_eq!(plan(large), standard);
    let other = ContainerWish {
        image: Some("alpine:3.21".parse().unwrap()),
        ..ContainerWish::default()
    };
    assert_ne!(plan(other), standard);
}

#[tokio::test]
async fn what_cannot_be_had_names_its_field() {
    let stage = Stage::new().await;
    let wish = ContainerWish {
        memory: Some(Memory::from_mib(700)),
        ..ContainerWish::default()
    };
    let unfit = stage.launcher.plan(&wish).unwrap_err();
    assert_eq!((unfit.field, unfit.kind), ("memory", UnfitKind::Invalid));
}
