//! Whether a placement runs, and how it is stopped.

use std::time::Duration;

use runvoy_core::execution::ProviderWord;
use runvoy_ports::{Launcher as _, Placement, Presence};
use serde_json::{Value, json};

use super::{ARN, Stage, attempt, named, stopped, task, unnamed};

/// What ECS itself says of the task: with times as numbers.
fn described(version: i64, last_status: &str) -> Value {
    let mut task = task(version, last_status);
    task["pullStartedAt"] = json!(1_793_000_000.5);
    if last_status == "STOPPED" {
        task["stoppedAt"] = json!(1_793_000_090.5);
    }
    json!({"tasks": [task], "failures": []})
}

fn missing() -> Value {
    json!({"tasks": [], "failures": [{"arn": ARN, "reason": "MISSING"}]})
}

fn listed(arns: &[&str]) -> Value {
    json!({"taskArns": arns})
}

async fn probe(stage: &Stage, placement: &Placement) -> Presence {
    stage.launcher.probe(placement).await
}

#[tokio::test]
async fn facts_prove_an_end_without_asking_ecs() {
    let stage = Stage::new().await;
    stage.tell(stopped(5)).await;
    for placement in [unnamed(), named(ARN)] {
        let Presence::Gone(evidence) = probe(&stage, &placement).await else {
            panic!("it is not gone");
        };
        assert_eq!(
            evidence.words.as_deref(),
            Some("EssentialContainerExited; Essential container in task exited")
        );
        assert_eq!(
            (evidence.word, evidence.report, evidence.billed.len()),
            (None, None, 1)
        );
        let billed = evidence.billed[0];
        assert_eq!(billed.until.duration_since(billed.from).as_secs(), 90);
    }
    assert_eq!(stage.aws.take_actions(), Vec::<String>::new());
}

#[tokio::test]
async fn the_words_that_are_known_are_understood() {
    let stage = Stage::new().await;
    let mut killed = stopped(5);
    let reason = "OutOfMemoryError: Container killed due to memory usage";
    killed["containers"] =
        json!([{"name": "main", "lastStatus": "STOPPED", "exitCode": 137, "reason": reason}]);
    stage.tell(killed).await;
    assert!(
        matches!(probe(&stage, &named(ARN)).await, Presence::Gone(e) if e.word == Some(ProviderWord::OutOfMemory))
    );
    let stage = Stage::new().await;
    let mut taken = stopped(5);
    taken["stopCode"] = "SpotInterruption".into();
    stage.tell(taken).await;
    assert!(
        matches!(probe(&stage, &named(ARN)).await, Presence::Gone(e) if e.word == Some(ProviderWord::Interrupted))
    );
}

#[tokio::test]
async fn ecs_itself_is_asked_where_no_event_came() {
    let stage = Stage::new().await;
    stage.aws.say("ListTasks", listed(&[ARN]));
    stage.aws.say("DescribeTasks", described(2, "RUNNING"));
    assert_eq!(probe(&stage, &unnamed()).await, Presence::Running);
    let calls = stage.aws.take_calls();
    assert_eq!(
        calls[0].1,
        json!({"cluster": "runvoy", "startedBy": attempt().to_string()})
    );
    assert_eq!(calls[1].1, json!({"cluster": "runvoy", "tasks": [ARN]}));

    stage.aws.forget("DescribeTasks");
    stage.aws.say("DescribeTasks", described(6, "STOPPED"));
    assert!(matches!(probe(&stage, &named(ARN)).await, Presence::Gone(e) if e.billed.len() == 1));
    // What ECS said is kept: it forgets.
    stage.aws.take_calls();
    assert!(matches!(probe(&stage, &unnamed()).await, Presence::Gone(_)));
    assert_eq!(stage.aws.take_actions(), Vec::<String>::new());
}

#[tokio::test]
async fn one_task_that_runs_is_enough_before_the_start_and_only_the_named_one_counts_after() {
    let stage = Stage::new().await;
    stage.tell(stopped(5)).await;
    let other = format!("{ARN}ee");
    let mut running = task(2, "RUNNING");
    running["taskArn"] = other.as_str().into();
    stage.tell(running.clone()).await;
    stage.aws.say("ListTasks", listed(&[&other]));
    stage.aws.say("DescribeTasks", json!({"tasks": [running]}));
    assert_eq!(probe(&stage, &unnamed()).await, Presence::Running);
    assert!(matches!(
        probe(&stage, &named(ARN)).await,
        Presence::Gone(_)
    ));
    assert_eq!(probe(&stage, &named(&other)).await, Presence::Running);
}

#[tokio::test]
async fn what_never_reached_ecs_is_gone_after_two_minutes() {
    let stage = Stage::new().await;
    stage.aws.say("ListTasks", listed(&[]));
    assert_eq!(probe(&stage, &unnamed()).await, Presence::Unknown);
    stage.clock.advance(Duration::from_secs(119));
    assert_eq!(probe(&stage, &unnamed()).await, Presence::Unknown);
    stage.clock.advance(Duration::from_secs(1));
    assert!(
        matches!(probe(&stage, &unnamed()).await, Presence::Gone(e) if e.words.is_none() && e.billed.is_empty())
    );
}

#[tokio::test]
async fn a_named_task_that_ecs_does_not_know_frees_nothing_for_ten_minutes() {
    let stage = Stage::new().await;
    stage.aws.say("DescribeTasks", missing());
    assert_eq!(probe(&stage, &named(ARN)).await, Presence::Unknown);
    stage.clock.advance(Duration::from_mins(9));
    assert_eq!(probe(&stage, &named(ARN)).await, Presence::Unknown);
    stage.clock.advance(Duration::from_mins(1));
    assert!(matches!(probe(&stage, &named(ARN)).await, Presence::Gone(e) if e.words.is_some()));
}

#[tokio::test]
async fn a_task_that_is_seen_again_was_never_missing() {
    let stage = Stage::new().await;
    for answer in [missing(), described(2, "RUNNING"), missing()] {
        stage.aws.say("DescribeTasks", answer);
    }
    assert_eq!(probe(&stage, &named(ARN)).await, Presence::Unknown);
    stage.clock.advance(Duration::from_mins(30));
    assert_eq!(probe(&stage, &named(ARN)).await, Presence::Running);
    assert_eq!(probe(&stage, &named(ARN)).await, Presence::Unknown);
}

#[tokio::test]
async fn a_call_that_fails_proves_nothing() {
    let stage = Stage::new().await;
    for (status, code) in [
        (400, "AccessDeniedException"),
        (400, "ThrottlingException"),
        (500, "ServerException"),
        (0, ""),
    ] {
        for action in ["ListTasks", "DescribeTasks"] {
            stage.aws.forget(action);
            stage.aws.refuse(action, status, code, "x");
        }
        assert_eq!(probe(&stage, &unnamed()).await, Presence::Unknown, "{code}");
        assert_eq!(
            probe(&stage, &named(ARN)).await,
            Presence::Unknown,
            "{code}"
        );
        stage.clock.advance(Duration::from_hours(1));
    }
}

#[tokio::test]
async fn a_task_that_ran_runs_for_a_while_when_ecs_does_not_answer() {
    for (status, code) in [
        (400, "ThrottlingException"),
        (500, "ServerException"),
        (0, ""),
    ] {
        let stage = Stage::new().await;
        stage.tell(task(3, "RUNNING")).await;
        stage.aws.refuse("DescribeTasks", status, code, "x");
        let named = named(ARN);
        assert_eq!(probe(&stage, &named).await, Presence::Running, "{code}");
        stage.clock.advance(Duration::from_secs(179));
        assert_eq!(probe(&stage, &named).await, Presence::Running, "{code}");
        stage.clock.advance(Duration::from_secs(1));
        for _ in 0..2 {
            assert_eq!(probe(&stage, &named).await, Presence::Unknown, "{code}");
        }
        // Once it answers, its next silence is a new one.
        stage.aws.forget("DescribeTasks");
        stage.aws.say("DescribeTasks", described(3, "RUNNING"));
        assert_eq!(probe(&stage, &named).await, Presence::Running);
        stage.aws.forget("DescribeTasks");
        stage.aws.refuse("DescribeTasks", status, code, "x");
        assert_eq!(probe(&stage, &named).await, Presence::Running, "{code}");
    }
}

#[tokio::test]
async fn who_may_not_ask_ecs_is_told_at_once() {
    let stage = Stage::new().await;
    stage.tell(task(3, "RUNNING")).await;
    let denied = "AccessDeniedException";
    stage.aws.refuse("DescribeTasks", 400, denied, "x");
    assert_eq!(probe(&stage, &named(ARN)).await, Presence::Unknown);
}

#[tokio::test]
async fn opening_connections_writes_nothing() {
    let stage = Stage::new().await;
    stage.aws.say("ListTasks", listed(&[]));
    stage.launcher.open_connections(&attempt()).await;
    assert_eq!(stage.aws.take_actions(), ["ListTasks"]);
    // Nothing was noted: the two minutes begin now.
    stage.clock.advance(Duration::from_mins(5));
    assert_eq!(probe(&stage, &unnamed()).await, Presence::Unknown);
}

#[tokio::test]
async fn nothing_is_said_of_another_clusters_task() {
    let stage = Stage::new().await;
    for foreign in [
        ARN.replace("/runvoy/", "/other/"),
        ARN.replace("us-east-1", "eu-west-1"),
    ] {
        assert_eq!(probe(&stage, &named(&foreign)).await, Presence::Unknown);
        stage.clock.advance(Duration::from_hours(1));
        assert_eq!(probe(&stage, &named(&foreign)).await, Presence::Unknown);
        stage.launcher.stop(&named(&foreign)).await;
    }
    assert_eq!(stage.aws.take_actions(), Vec::<String>::new());
}

#[tokio::test]
async fn a_place_that_is_no_task_stands_for_the_whole_attempt() {
    let stage = Stage::new().await;
    stage.tell(stopped(5)).await;
    assert!(matches!(
        probe(&stage, &named("pid 7 start 1 boot 2")).await,
        Presence::Gone(_)
    ));
}

#[tokio::test]
async fn what_runs_is_stopped_and_what_has_stopped_is_left_alone() {
    let stage = Stage::new().await;
    stage.aws.say("StopTask", json!({"task": {}}));
    stage.aws.say("ListTasks", listed(&[ARN]));
    let stop = json!({"cluster": "runvoy", "task": ARN, "reason": "runvoy: stop asked"});
    for placement in [unnamed(), named(ARN)] {
        stage.launcher.stop(&placement).await;
        assert!(
            stage
                .aws
                .take_calls()
                .contains(&("StopTask".to_owned(), stop.clone()))
        );
    }
    stage.tell(stopped(5)).await;
    for placement in [unnamed(), named(ARN)] {
        stage.launcher.stop(&placement).await;
        assert!(!stage.aws.take_actions().contains(&"StopTask".to_owned()));
    }
}
