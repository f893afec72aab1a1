//! EventBridge's rules, with a real function behind them.

use std::time::Duration;

use runvoy_aws_local::events::{Events, Rule, Target};
use runvoy_aws_local::lambda::Lambdas;
use runvoy_aws_local::queue::Message;
use runvoy_testkit::eventually;
use serde_json::{Value, json};

use crate::lambda::stage::{PATIENCE, host};

fn target(input: Option<Value>) -> Target {
    Target {
        function: "arn:aws:lambda:us-east-1:123456789012:function:f".to_owned(),
        input,
        dead_letter: Some("arn:aws:sqs:us-east-1:123456789012:p-delivery-failures".to_owned()),
    }
}

fn task_changes() -> Rule {
    Rule {
        name: "p-task-changes".to_owned(),
        pattern: Some(json!({
            "source": ["aws.ecs"],
            "detail-type": ["ECS Task State Change"],
            "detail": { "clusterArn": ["arn:aws:ecs:us-east-1:123456789012:cluster/p"] },
        })),
        every: None,
        targets: vec![target(None)],
        enabled: true,
    }
}

fn reconcile() -> Rule {
    Rule {
        name: "p-reconcile".to_owned(),
        pattern: None,
        every: Some(Duration::from_mins(1)),
        targets: vec![target(Some(json!({ "do": "reconcile" })))],
        enabled: true,
    }
}

/// A task change of a cluster; the function logs what its `do` says.
fn event(cluster: &str, label: &str) -> Value {
    json!({
        "source": "aws.ecs",
        "detail-type": "ECS Task State Change",
        "detail": { "clusterArn": format!("arn:aws:ecs:us-east-1:123456789012:cluster/{cluster}") },
        "do": label,
    })
}

async fn bus() -> (Lambdas, Events) {
    let lambdas = host().await;
    lambdas.queues().put("p-delivery-failures");
    let events = Events::new(lambdas.clone());
    (lambdas, events)
}

async fn until_logged(lambdas: &Lambdas, label: &str, times: usize) {
    eventually(PATIENCE, || async {
        (count(lambdas, label) >= times).then_some(())
    })
    .await;
}

fn count(lambdas: &Lambdas, label: &str) -> usize {
    lambdas
        .logs("f")
        .iter()
        .filter(|line| line.ends_with(&format!(": {label}")))
        .count()
}

async fn dead_letter(lambdas: &Lambdas) -> Message {
    eventually(PATIENCE, || async {
        lambdas.queues().messages("p-delivery-failures").pop()
    })
    .await
}

#[tokio::test]
async fn a_rule_delivers_the_events_it_means_and_no_others() {
    let (lambdas, events) = bus().await;
    events.put_rule(task_changes()).unwrap();
    assert_eq!(events.put_event(&event("p2", "other")), 0);
    assert_eq!(events.put_event(&event("p", "own")), 1);
    until_logged(&lambdas, "own", 1).await;
    assert!(events.enable_rule("p-task-changes", false));
    assert_eq!(events.put_event(&event("p", "disabled")), 0);
    assert!(events.delete_rule("p-task-changes"));
    assert_eq!(events.put_event(&event("p", "deleted")), 0);
    assert_eq!(
        (
            count(&lambdas, "own"),
            lambdas.stats("f").unwrap().invocations
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_schedule_ticks_with_its_constant_input() {
    let (lambdas, events) = bus().await;
    events.put_rule(reconcile()).unwrap();
    assert!(events.tick_now("p-reconcile"));
    until_logged(&lambdas, "reconcile", 1).await;
    events.set_pace(Some(Duration::from_millis(20)));
    until_logged(&lambdas, "reconcile", 3).await;
    assert!(events.delete_rule("p-reconcile"));
    assert!(!events.tick_now("p-reconcile"));
}

#[tokio::test]
async fn what_cannot_be_delivered_lands_in_the_dead_letter_queue() {
    let (lambdas, events) = bus().await;
    events.put_rule(task_changes()).unwrap();
    lambdas.refuse_deliveries("f", true).unwrap();
    events.put_event(&event("p", "one"));
    let throttled = dead_letter(&lambdas).await;
    assert_eq!(
        serde_json::from_str::<Value>(&throttled.body).unwrap(),
        event("p", "one")
    );
    assert_eq!(throttled.attributes["ERROR_CODE"], "THROTTLING");
    lambdas.queues().purge("p-delivery-failures");
    lambdas.delete_function("f");
    events.put_event(&event("p", "two"));
    let missing = dead_letter(&lambdas).await;
    assert_eq!(missing.attributes["ERROR_CODE"], "RESOURCE_NOT_FOUND");
    assert_eq!(
        missing.attributes["RULE_ARN"],
        "arn:aws:events:us-east-1:123456789012:rule/p-task-changes"
    );
}

#[tokio::test]
async fn a_pattern_that_cannot_be_judged_is_refused() {
    let (_lambdas, events) = bus().await;
    let mut rule = task_changes();
    rule.pattern = Some(json!({ "source": "aws.ecs" }));
    assert!(events.put_rule(rule).is_err());
    assert!(events.rule("p-task-changes").is_none());
}
