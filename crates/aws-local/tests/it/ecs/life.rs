//! Tasks are processes, and end as tasks end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use runvoy_aws_local::{End, Moto};
use runvoy_testkit::eventually;
use serde_json::{Value, json};

use super::stage::{Stage, definition, main_of, run};

const PATIENCE: Duration = Duration::from_mins(1);

fn ended(task: &Value) -> (&str, &str, Value) {
    (
        task["stopCode"].as_str().unwrap(),
        task["stoppedReason"].as_str().unwrap(),
        main_of(task)["exitCode"].clone(),
    )
}

/// A script's way to say that it runs: a file with its process.
async fn written(file: &Path) -> String {
    eventually(PATIENCE, || async {
        std::fs::read_to_string(file)
            .ok()
            .filter(|text| text.ends_with('\n'))
    })
    .await
}

fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn the_exit_code_is_the_containers() {
    let stage = Stage::new().await;
    let task = stage.run("a-1", "exit 7");
    let task = stage.reaches(&task, "STOPPED").await;
    assert_eq!(
        ended(&task),
        (
            "EssentialContainerExited",
            "Essential container in task exited",
            json!(7)
        )
    );
    assert_eq!(task["containers"][0]["exitCode"], json!(0), "the copier");
    for time in [
        "createdAt",
        "pullStartedAt",
        "pullStoppedAt",
        "startedAt",
        "stoppingAt",
        "executionStoppedAt",
        "stoppedAt",
    ] {
        assert!(task[time].is_f64(), "{time}: {}", task[time]);
    }
}

#[tokio::test]
async fn a_container_sees_its_own_variables_and_place_alone() {
    let stage = Stage::new().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut request = run(
        "a-1",
        &format!(
            "cd \"$SPOOL\" && pwd >x && cat x >>{0}; env >>{0}",
            file.path().display()
        ),
    );
    let one = &mut request["overrides"]["containerOverrides"][0];
    one["environment"] =
        json!([{ "name": "SPOOL", "value": "/.runvoy/work" }, { "name": "A", "value": "b c" }]);
    let task = stage.must("RunTask", &request)["tasks"][0]["taskArn"].clone();
    stage.reaches(task.as_str().unwrap(), "STOPPED").await;
    let said = std::fs::read_to_string(file.path()).unwrap();
    assert!(
        said.lines().next().unwrap().ends_with("/.runvoy/work"),
        "{said}"
    );
    let mut names: Vec<&str> = said
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('='))
        .map(|pair| pair.0)
        .collect();
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    names.sort_unstable();
    let expected = [
        "A",
        "AWS_EXECUTION_ENV",
        "AWS_REGION",
        "ECS_CONTAINER_METADATA_URI_V4",
        "HOME",
        "PATH",
        "SPOOL",
    ];
    assert_eq!(names, expected);
    assert!(said.contains("\nA=b c\n"));
}

#[tokio::test]
async fn a_stop_is_term_first() {
    let stage = Stage::new().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let task = stage.run(
        "a-1",
        &format!(
            "trap 'exit 5' TERM; echo $$ >{}; while :; do sleep 0.05; done",
            file.display()
        ),
    );
    written(&file).await;
    let answer = stage.must(
        "StopTask",
        &json!({ "cluster": "p", "task": task, "reason": "killed by ada" }),
    );
    assert_eq!(answer["task"]["desiredStatus"], json!("STOPPED"));
    let task = stage.reaches(&task, "STOPPED").await;
    assert_eq!(ended(&task), ("UserInitiated", "killed by ada", json!(5)));
}

#[tokio::test]
async fn a_stop_kills_what_does_not_heed_it_with_all_that_it_started() {
    let stage = Stage::new().await;
    stage
        .ecs
        .set_delays(|delays| delays.most_stop_timeout = Duration::from_millis(200));
    let (task, pid) = stubborn(&stage).await;
    stage.must("StopTask", &json!({ "cluster": "p", "task": task }));
    let task = stage.reaches(&task, "STOPPED").await;
    assert_eq!(
        ended(&task),
        ("UserInitiated", "Task stopped by user", json!(137))
    );
    assert!(!is_alive(&pid));
}

/// A task that ignores TERM, and the process that it left in a session of its own.
async fn stubborn(stage: &Stage) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let file: PathBuf = dir.path().join("pid");
    let daemon = format!(
        "setsid sh -c 'trap \"\" TERM; echo $$ >{}; exec sleep 60' &",
        file.display()
    );
    let task = stage.run(
        "a-1",
        &format!("trap '' TERM; {daemon} while :; do sleep 0.05; done"),
    );
    let pid = written(&file).await;
    assert!(is_alive(&pid));
    (task, pid)
}

#[tokio::test]
async fn the_end_of_the_main_process_is_the_end_of_all_others() {
    let stage = Stage::new().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let daemon = format!(
        "setsid sh -c 'cd /; echo $$ >{}; exec sleep 60'",
        file.display()
    );
    let task = stage.run(
        "a-1",
        &format!(
            "{daemon} & until [ -s {} ]; do :; done; exit 3",
            file.display()
        ),
    );
    let task = stage.reaches(&task, "STOPPED").await;
    assert_eq!(ended(&task).2, json!(3));
    assert!(!is_alive(&written(&file).await));
}

#[tokio::test]
async fn a_task_that_is_stopped_before_it_runs_never_runs() {
    let stage = Stage::new().await;
    stage
        .ecs
        .set_delays(|delays| delays.pull = Duration::from_mins(1));
    let task = stage.run("a-1", "exit 7");
    stage.reaches(&task, "PENDING").await;
    stage.must(
        "StopTask",
        &json!({ "cluster": "p", "task": task, "reason": "no more" }),
    );
    let task = stage.reaches(&task, "STOPPED").await;
    assert_eq!(ended(&task), ("UserInitiated", "no more", Value::Null));
    assert_eq!(task["startedAt"], Value::Null);
}

#[tokio::test]
async fn a_task_ends_as_its_place_does() {
    let stage = Stage::new().await;
    let ends = [
        (
            End::Spot,
            "SpotInterruption",
            "Your Spot Task was interrupted.",
            json!(143),
            Value::Null,
        ),
        (
            End::OutOfMemory,
            "EssentialContainerExited",
            "Essential container in task exited",
            json!(137),
            json!("OutOfMemoryError: Container killed due to memory usage"),
        ),
        (
            End::HostLoss,
            "EssentialContainerExited",
            "Essential container in task exited",
            Value::Null,
            Value::Null,
        ),
    ];
    for (number, (end, code, reason, exit_code, word)) in ends.into_iter().enumerate() {
        let label = format!("a-{number}");
        let task = stage.run(&label, "exec sleep 60");
        stage.reaches(&task, "RUNNING").await;
        assert_eq!(stage.ecs.end(&label, &end), 1);
        let task = stage.reaches(&task, "STOPPED").await;
        assert_eq!(ended(&task), (code, reason, exit_code), "{end:?}");
        assert_eq!(main_of(&task)["reason"], word, "{end:?}");
    }
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_or_started_says_why() {
    let stage = Stage::new().await;
    for (image, words) in [
        ("cannot-pull/x", "CannotPullContainerError: "),
        ("cannot-start/x", "CannotStartContainerError: "),
    ] {
        stage.must("RegisterTaskDefinition", &definition(image));
        let task = stage.run(image, "true");
        let task = stage.reaches(&task, "STOPPED").await;
        let (code, reason, exit_code) = ended(&task);
        assert_eq!((code, exit_code), ("TaskFailedToStart", Value::Null));
        assert!(reason.starts_with(words), "{reason}");
        assert_eq!(main_of(&task)["reason"], json!(reason));
    }
}

#[tokio::test]
async fn metadata_name_the_task() {
    let stage = Stage::new().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let script = format!(
        "printf '%s' \"$ECS_CONTAINER_METADATA_URI_V4\" >{}; exec sleep 60",
        file.path().display()
    );
    let task = stage.run("a-1", &script);
    let uri = eventually(PATIENCE, || async {
        std::fs::read_to_string(file.path())
            .ok()
            .filter(|text| !text.is_empty())
    })
    .await;
    let (host, path) = uri
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let (status, body) = crate::gateway::get(host, &format!("/{path}/task"))
        .await
        .unwrap();
    let metadata: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &metadata["TaskARN"]), (200, &json!(task)));
    assert_eq!(
        metadata["Cluster"],
        json!("arn:aws:ecs:us-east-1:123456789012:cluster/p")
    );
}

fn logging(group: &str) -> Value {
    let mut definition = definition("alpine");
    let main = &mut definition["containerDefinitions"][1];
    main["logConfiguration"] = json!({ "logDriver": "awslogs", "options": {
        "awslogs-group": group, "awslogs-stream-prefix": "run", "awslogs-region": "us-east-1", "mode": "blocking",
    }});
    main["entryPoint"] = json!(["/.runvoy/agent"]);
    definition
}

#[tokio::test]
async fn what_the_agent_writes_is_in_the_log_stream_when_the_task_has_stopped() {
    let moto = Moto::start().await.unwrap();
    let stage = Stage::with(Some(moto.endpoint().to_owned()), "/bin/sh").await;
    let host = moto.endpoint().strip_prefix("http://").unwrap();
    let logs = |action: &'static str, body: Value| async move {
        crate::gateway::post(
            host,
            "logs",
            &format!("Logs_20140328.{action}"),
            &body.to_string(),
        )
        .await
        .unwrap()
    };
    logs(
        "CreateLogGroup",
        json!({ "logGroupName": "/runvoy/p/tasks" }),
    )
    .await;
    stage.must("RegisterTaskDefinition", &logging("/runvoy/p/tasks"));
    let mut request = run("a-1", "");
    request["overrides"]["containerOverrides"][0]["command"] =
        json!(["-c", "echo one; echo; echo two >&2; printf three"]);
    let task = stage.must("RunTask", &request)["tasks"][0]["taskArn"]
        .as_str()
        .unwrap()
        .to_owned();
    stage.reaches(&task, "STOPPED").await;
    let stream = format!("run/main/{}", task.rsplit('/').next().unwrap());
    let names = json!({ "logGroupName": "/runvoy/p/tasks", "logStreamName": stream, "startFromHead": true });
    let (_, body) = logs("GetLogEvents", names).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    let lines: Vec<&str> = answer["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["message"].as_str().unwrap())
        .collect();
    assert_eq!(lines, ["one", "two", "three"]);

    stage.must("RegisterTaskDefinition", &logging("/runvoy/absent"));
    let task = stage.run("b-1", "true");
    let task = stage.reaches(&task, "STOPPED").await;
    assert!(
        ended(&task).1.starts_with("ResourceInitializationError: "),
        "{}",
        ended(&task).1
    );
}
