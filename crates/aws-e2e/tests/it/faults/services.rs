//! Services that are slow, refuse, forget, or tell what cannot be understood.

use std::time::Duration;

use runvoy_aws_local::FaultPlan;
use serde_json::{Value, json};

use super::account::{Account, EVENT_PROCESSOR, QUEUES, alone, within};
use super::story::{Run, judge};
use crate::world::RUNTIME;

/// Whatever is repaired at once is over within this time.
const SOON: Duration = Duration::from_mins(2);

/// A run under a plan.
fn run(account: &Account, fault: &str, plan: FaultPlan) -> Run {
    account.spoil(plan);
    let trace = account.trace();
    let command = format!("echo ran >> {}; echo said", trace.display());
    Run {
        id: account.submit(&[], &command),
        trace,
        status: "SUCCEEDED",
        fault: fault.to_owned(),
    }
}

fn plan(text: &str) -> FaultPlan {
    text.parse().unwrap()
}

/// Whether its command ran to its end.
fn ends(account: &Account, run: &Run) -> bool {
    within(SOON, || account.has_stopped(&run.id) && run.trace.exists())
}

#[test]
fn a_launch_that_is_answered_too_late_is_one_launch() {
    let account = alone();
    let slow = run(
        &account,
        "RunTask takes nine seconds",
        plan("api/ecs/RunTask:1:delay=9000"),
    );
    assert!(ends(&account, &slow));
    assert_eq!(account.tasks(&slow.id).len(), 1);
    drop(account);
    judge(alone, &[slow]);
}

#[test]
fn what_is_asked_too_often_is_asked_again() {
    let account = alone();
    let tables = "*/dynamodb/*:120/7:throttle";
    let launches = "api/ecs/RunTask:1:throttle,api/ecs/RunTask:2:throttle";
    let runs = [tables, tables, tables, launches].map(|faults| {
        let run = run(&account, faults, plan(faults));
        assert!(
            ends(&account, &run),
            "{faults}: {}",
            account.status(&run.id)
        );
        account.until_idle();
        run
    });
    drop(account);
    judge(alone, &runs);
}

/// Its record stays open for two minutes longer: until then a task of the first attempts might still turn up.
#[test]
fn a_launch_without_capacity_is_tried_again() {
    let account = alone();
    account.aws().ecs().fail_capacity(2);
    let third = run(&account, "no capacity twice", FaultPlan::none());
    assert!(ends(&account, &third), "{}", account.status(&third.id));
    account.until_idle();
    let execution = account.status(&third.id);
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    assert_eq!(account.tasks(&third.id).len(), 1);
}

/// What ECS would say of a task.
fn change(detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": "0",
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": "123456789012",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    })
}

#[test]
fn tasks_of_other_clusters_are_nobodys_business() {
    let account = alone();
    let detail = json!({
        "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/other",
        "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/other/0",
        "version": 1,
        "lastStatus": "STOPPED",
        "startedBy": "00000000000000000000000000000000-1",
    });
    let event = change(&detail);
    let rules = RUNTIME.block_on(async { account.aws().events().put_event(&event) });
    assert_eq!(rules, 0);
    let mark = account.aws().calls().mark();
    let payload = event.to_string().into();
    let told = account.aws().lambdas().invoke(EVENT_PROCESSOR, payload);
    RUNTIME.block_on(told).unwrap();
    let calls = account.aws().calls().since(mark, "events");
    let kept: Vec<_> = calls
        .iter()
        .filter(|call| call.action == "PutItem")
        .collect();
    assert!(kept.is_empty(), "{kept:#?}");
}

#[test]
fn an_event_that_cannot_be_read_is_kept_in_the_queue_of_errors() {
    let account = alone();
    let cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/runvoy";
    let event = change(&json!({ "clusterArn": cluster, "version": 1, "lastStatus": "STOPPED" }));
    let rules = RUNTIME.block_on(async { account.aws().events().put_event(&event) });
    assert_eq!(rules, 1);
    let [errors, _] = QUEUES;
    let queues = account.aws().queues();
    assert!(within(SOON, || queues.messages(errors).len() == 1));
    let kept: Value = serde_json::from_str(&queues.messages(errors)[0].body).unwrap();
    queues.purge(errors);
    assert_eq!(kept["requestPayload"], event);
    assert_eq!(kept["requestContext"]["condition"], "RetriesExhausted");
    assert!(
        kept["responsePayload"].to_string().contains("taskArn"),
        "{kept}"
    );
}
