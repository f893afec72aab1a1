//! An hour after the end of a task ECS has forgotten it and the token of its launch: what ran does not run again.

use std::fs;
use std::time::Duration;

use runvoy_aws_local::{End, EventMode, Fault, FaultPlan, When};
use serde_json::{Value, json};

use super::account::{Account, EVENT_PROCESSOR, alone, within};
use super::story::{Run, judge};
use crate::world::RUNTIME;

/// Whatever is not held up is over within this time.
const SOON: Duration = Duration::from_mins(2);
/// After so long ECS has forgotten a token.
const FORGETS: Duration = Duration::from_mins(61);
/// Longer than anybody waits for a task that ECS does not know any more.
const LONG_AGO: &str = "2026-01-01T00:00:00Z";
/// A launch may be under way for so long, and a while more.
const LEASE: Duration = Duration::from_secs(90);
/// The key under which a submission is repeated.
const ONCE: &str = "forgotten";

/// Runs in all states that an execution can be in when its task has been over for an hour: of each, ECS would make
/// another task if it were asked to.
#[test]
fn a_token_that_ecs_has_forgotten_runs_no_command_again() {
    let account = alone();
    let closed = closed(&account);
    account.aws().ecs().set_events(EventMode::Dropped);
    let (finished, silent) = (finished(&account), silent(&account));
    let early = early(&account);
    account.aws().ecs().clock().advance(FORGETS);
    account.spoil(FaultPlan::none());
    repeat(&account, &closed);
    account.tick();
    account.until_idle();
    for run in [&finished, &silent] {
        time_passes(&account, run);
    }
    drop(account);
    let ran = [closed, finished, silent];
    judge(alone, &ran);
    judge(alone, std::slice::from_ref(&early));
    let account = alone();
    for run in &ran {
        assert_eq!(account.tasks(&run.id).len(), 1, "{}", run.fault);
    }
    assert_eq!(account.tasks(&early.id).len(), 2, "{}", early.fault);
    account.aws().ecs().clock().put_back(FORGETS);
}

/// A command that leaves its trace, and the run that it is to be.
fn command(account: &Account, state: &str, rest: &str) -> (String, impl FnOnce(String) -> Run) {
    let (trace, fault) = (account.trace(), format!("it was {state}"));
    let command = format!("echo ran >> {}; {rest}echo said", trace.display());
    let run = move |id| Run {
        id,
        trace,
        status: "SUCCEEDED",
        fault,
    };
    (command, run)
}

/// The request that is repeated later.
fn post(account: &Account, command: &str) -> String {
    let (status, answer) = account.post(ONCE, &json!({ "command": command }));
    assert_eq!(status, 202, "{answer}");
    answer["execution_id"].as_str().unwrap().to_owned()
}

/// It is history.
fn closed(account: &Account) -> Run {
    let (command, run) = command(account, "closed", "");
    let run = run(post(account, &command));
    assert!(within(SOON, || account.has_stopped(&run.id)));
    account.until_idle();
    let again = post(account, &command);
    assert_eq!(again, run.id);
    run
}

/// Its agent has reported the end; the launch was never answered, and ECS has told nothing.
fn finished(account: &Account) -> Run {
    let (command, run) = command(account, "over, and not closed", "");
    account.spoil("api/ecs/RunTask:1:kill-after".parse().unwrap());
    let run = run(account.submit(&[], &command));
    assert!(within(SOON, || account.has_stopped(&run.id)));
    account.until_idle();
    run
}

/// Its command has ended, but its agent was lost before it could say so.
fn silent(account: &Account) -> Run {
    let gate = account.trace();
    let wait = format!("until [ -e {} ]; do sleep 0.05; done; ", gate.display());
    let (command, run) = command(account, "running", &wait);
    account.spoil("api/ecs/RunTask:1:kill-after".parse().unwrap());
    let run = run(account.submit(&[], &command));
    assert!(within(SOON, || run.trace.exists()));
    account.until_idle();
    account.spoil("agent/*/*:*:throttle".parse().unwrap());
    fs::write(gate, "").unwrap();
    let is_whole = || {
        let copy = account.world.cloudwatch(&run.id);
        copy.iter().any(|line| line.starts_with("#end"))
    };
    assert!(within(SOON, is_whole));
    account.aws().ecs().end(&label(&run), &End::HostLoss);
    assert!(within(SOON, || account.has_stopped(&run.id)));
    run
}

/// Its task died before the agent had asked for the command; nobody has heard of it, nor can ask.
fn early(account: &Account) -> Run {
    let ecs = account.aws().ecs();
    ecs.set_delays(|delays| delays.starting = Duration::from_mins(10));
    let blind = "api/ecs/RunTask:1:kill-after".parse::<FaultPlan>();
    let refused = Fault::Refuse("ServerException".to_owned());
    account.spoil(blind.unwrap().with("events/ecs/*", When::From(1), refused));
    let (command, run) = command(account, "starting", "");
    let run = run(account.submit(&[], &command));
    assert_eq!(ecs.end(&label(&run), &End::HostLoss), 1);
    assert!(within(SOON, || account.has_stopped(&run.id)));
    account.until_idle();
    ecs.set_delays(|delays| delays.starting = Duration::from_millis(20));
    run
}

/// What its launch is called.
fn label(run: &Run) -> String {
    format!("{}-1", run.id)
}

/// Everything that once led to the launch comes again: the request, what ECS told of the task, the work handed on.
fn repeat(account: &Account, run: &Run) {
    let trace = run.trace.display();
    assert_eq!(
        post(account, &format!("echo ran >> {trace}; echo said")),
        run.id
    );
    let tasks = account.world.tasks_of(&run.id);
    let drive = json!({ "tasks": [{ "drive": run.id }] });
    for payload in [
        drive,
        change(&tasks[0], "PROVISIONING"),
        change(&tasks[0], "RUNNING"),
    ] {
        let payload = payload.to_string().into();
        let told = account.aws().lambdas().invoke(EVENT_PROCESSOR, payload);
        RUNTIME.block_on(told).unwrap();
    }
}

/// What ECS told of the task when it was in this state.
fn change(task: &Value, status: &str) -> Value {
    let told = |name: &str| task[name].clone();
    json!({
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "detail": {
            "clusterArn": told("clusterArn"), "taskArn": told("taskArn"), "startedBy": told("startedBy"),
            "version": 1, "lastStatus": status, "desiredStatus": "RUNNING",
        },
    })
}

/// ECS has not known the run's task for long: since when is noted, once the lease of its launch is over.
fn time_passes(account: &Account, run: &Run) {
    let noted = json!({
        "TableName": "runvoy-tasks",
        "Key": { "attempt": { "S": label(run) }, "task": { "S": "missing" } },
        "UpdateExpression": "SET since = :since",
        "ConditionExpression": "attribute_exists(since)",
        "ExpressionAttributeValues": { ":since": { "S": LONG_AGO } },
    });
    let is_noted = || {
        let (status, _) = account.world.dynamodb("UpdateItem", &noted);
        if status != 200 {
            account.tick();
            account.until_idle();
        }
        status == 200
    };
    assert!(within(LEASE, is_noted), "{}", run.fault);
}
