//! Execution environments: started, frozen, thawed, crashed, timed out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use runvoy_aws_local::lambda::{InvokeError, Lambdas};
use runvoy_testkit::eventually;
use serde_json::{Value, json};

use super::stage::{PATIENCE, echo, fail, host, invoke, payload, started, until_gone, until_state};

/// Invokes `f` so that it waits in a directory for its `go`.
#[expect(clippy::disallowed_methods, reason = "the test joins it")]
fn wait_in(
    lambdas: &Lambdas,
    directory: &tempfile::TempDir,
) -> tokio::task::JoinHandle<Result<Value, InvokeError>> {
    let event = payload(&json!({ "do": "wait", "directory": directory.path() }));
    let lambdas = lambdas.clone();
    tokio::task::spawn(async move {
        let answer = lambdas.invoke("f", event).await?;
        Ok(serde_json::from_slice(&answer).unwrap())
    })
}

#[tokio::test]
async fn a_process_gets_lambdas_variables_and_its_own_and_inherits_nothing_but_path() {
    let lambdas = Lambdas::new("http://127.0.0.1:9".to_owned());
    let mut function = echo("f");
    function
        .environment
        .insert("RUNVOY_FUNCTION".to_owned(), "api".to_owned());
    lambdas.put_function(function).await.unwrap();
    let shown = invoke(&lambdas, &json!({})).await;
    let variables = shown["variables"].as_object().unwrap();
    let names: Vec<&str> = variables.keys().map(String::as_str).collect();
    let expected = [
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "PATH",
        "RUNVOY_FUNCTION",
        "TZ",
        "_HANDLER",
    ];
    assert_eq!(names, expected);
    assert_eq!(variables["AWS_ENDPOINT_URL"], "http://127.0.0.1:9");
    assert_eq!(variables["AWS_ACCESS_KEY_ID"], "AKIALOCALAPI");
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256");
    let invocation = &shown["invocation"];
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:f";
    assert_eq!(invocation["lambda-runtime-invoked-function-arn"], arn);
    let deadline: i64 = invocation["lambda-runtime-deadline-ms"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(deadline > 1_700_000_000_000);
    assert!(
        invocation["lambda-runtime-trace-id"]
            .as_str()
            .unwrap()
            .starts_with("Root=1-")
    );
    assert_eq!(
        invocation["lambda-runtime-aws-request-id"]
            .as_str()
            .unwrap()
            .len(),
        36
    );
}

#[tokio::test]
async fn an_environment_does_one_invocation_at_a_time_and_is_used_again() {
    let lambdas = host().await;
    let directory = tempfile::tempdir().unwrap();
    let waiting = [
        wait_in(&lambdas, &directory),
        wait_in(&lambdas, &directory),
        wait_in(&lambdas, &directory),
    ];
    let pids = started(directory.path(), 3).await;
    assert_eq!(lambdas.stats("f").unwrap().environments, 3);
    std::fs::write(directory.path().join("go"), b"").unwrap();
    for answer in waiting {
        assert!(pids.contains(&answer.await.unwrap().unwrap()["pid"].as_u64().unwrap()));
    }
    for pid in &pids {
        until_state(*pid, 'T').await;
    }
    let first = invoke(&lambdas, &json!({})).await;
    let second = invoke(&lambdas, &json!({})).await;
    assert!(pids.contains(&first["pid"].as_u64().unwrap()));
    assert!(first["served"].as_u64() == Some(2) && second["served"].as_u64() >= Some(2));
    let stats = lambdas.stats("f").unwrap();
    assert_eq!(
        (stats.inits.len(), stats.invocations, stats.failures),
        (3, 5, 0)
    );
    assert!(stats.inits.iter().all(|init| *init > Duration::ZERO));
    assert!(stats.peak_rss_kib > 0);
}

#[tokio::test]
async fn beyond_its_concurrency_a_function_is_throttled() {
    let lambdas = host().await;
    lambdas.put_concurrency("f", Some(1)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let waiting = wait_in(&lambdas, &directory);
    started(directory.path(), 1).await;
    assert_eq!(
        lambdas.invoke("f", payload(&json!({}))).await,
        Err(InvokeError::Throttled)
    );
    std::fs::write(directory.path().join("go"), b"").unwrap();
    waiting.await.unwrap().unwrap();
    invoke(&lambdas, &json!({})).await;
    lambdas.adjust(|settings| settings.account_concurrency = 0);
    assert_eq!(
        lambdas.invoke("f", payload(&json!({}))).await,
        Err(InvokeError::Throttled)
    );
}

#[tokio::test]
async fn an_environment_is_frozen_between_invocations_and_its_caller_named() {
    let lambdas = host().await;
    let frozen = Arc::new(Mutex::new(Vec::new()));
    let named = Arc::clone(&frozen);
    lambdas.on_freeze(Arc::new(move |caller| {
        named.lock().unwrap().push(caller.to_owned());
    }));
    let first = invoke(&lambdas, &json!({})).await;
    let pid = first["pid"].as_u64().unwrap();
    until_state(pid, 'T').await;
    eventually(PATIENCE, || async {
        (*frozen.lock().unwrap() == ["AKIALOCALAPI"]).then_some(())
    })
    .await;
    let second = invoke(&lambdas, &json!({})).await;
    assert_eq!(
        (second["pid"].as_u64(), second["served"].as_u64()),
        (Some(pid), Some(2))
    );
}

#[tokio::test]
async fn a_crash_ends_an_invocation_at_once_and_the_next_one_starts_anew() {
    let lambdas = host().await;
    let directory = tempfile::tempdir().unwrap();
    for name in ["f", "AKIALOCALAPI"] {
        let waiting = wait_in(&lambdas, &directory);
        let pid = started(directory.path(), 1).await[0];
        assert_eq!(lambdas.crash(name), 1);
        let error = waiting.await.unwrap().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("Runtime exited with error: signal: killed"),
            "{error}"
        );
        until_gone(pid).await;
        std::fs::remove_file(directory.path().join(format!("started-{pid}"))).unwrap();
        let next = invoke(&lambdas, &json!({})).await;
        assert_eq!(next["served"], 1);
        until_state(next["pid"].as_u64().unwrap(), 'T').await;
        assert_eq!(lambdas.crash(name), 1, "a frozen environment dies as well");
    }
    assert_eq!(lambdas.stats("f").unwrap().environments, 0);
}

#[tokio::test]
async fn a_process_that_ends_in_an_invocation_fails_it() {
    let lambdas = host().await;
    let error = fail(&lambdas, &json!({ "do": "exit" })).await;
    assert_eq!(error["errorType"], "Runtime.ExitError");
    assert!(
        error["errorMessage"]
            .as_str()
            .unwrap()
            .ends_with("Runtime exited with error: signal: aborted")
    );
    assert_eq!(invoke(&lambdas, &json!({})).await["served"], 1);
}

#[tokio::test]
async fn an_invocation_is_killed_at_its_deadline() {
    let lambdas = Lambdas::new("http://127.0.0.1:9".to_owned());
    let mut function = echo("f");
    function.timeout = Duration::from_secs(3);
    lambdas.put_function(function).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let waiting = wait_in(&lambdas, &directory);
    let pid = started(directory.path(), 1).await[0];
    let error = waiting.await.unwrap().unwrap_err().to_string();
    assert!(
        error.contains("Sandbox.Timedout") && error.contains("Task timed out after 3.00 seconds"),
        "{error}"
    );
    until_gone(pid).await;
    assert!(
        lambdas
            .logs("f")
            .iter()
            .any(|line| line.contains("Task timed out"))
    );
}

#[tokio::test]
async fn what_cannot_start_fails_its_invocation() {
    for (how, kind, message) in [
        (
            "exit",
            "Runtime.ExitError",
            "Error: Runtime exited with error: exit status 3",
        ),
        ("report", "Config", "a variable is missing"),
    ] {
        let lambdas = Lambdas::new("http://127.0.0.1:9".to_owned());
        let mut function = echo("f");
        function
            .environment
            .insert("FAIL_INIT".to_owned(), how.to_owned());
        lambdas.put_function(function).await.unwrap();
        let error = fail(&lambdas, &json!({})).await;
        assert_eq!(
            (error["errorType"].as_str(), error["errorMessage"].as_str()),
            (Some(kind), Some(message))
        );
        assert_eq!(lambdas.stats("f").unwrap().environments, 0);
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_an_error() {
    let lambdas = host().await;
    let error = fail(&lambdas, &json!({ "do": "large" })).await;
    assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
    assert_eq!(
        invoke(&lambdas, &json!({})).await["served"],
        2,
        "the environment lives on"
    );
}

#[tokio::test]
async fn new_settings_replace_frozen_environments() {
    let lambdas = host().await;
    let old = invoke(&lambdas, &json!({})).await["pid"].as_u64().unwrap();
    until_state(old, 'T').await;
    let mut function = echo("f");
    function
        .environment
        .insert("VERSION".to_owned(), "2".to_owned());
    lambdas.put_function(function).await.unwrap();
    assert_eq!(
        invoke(&lambdas, &json!({})).await["variables"]["VERSION"],
        "2"
    );
    until_gone(old).await;
}

#[tokio::test]
async fn processes_end_with_their_function_and_with_the_last_handle() {
    let lambdas = host().await;
    lambdas.put_function(echo("g")).await.unwrap();
    let first = invoke(&lambdas, &json!({})).await["pid"].as_u64().unwrap();
    assert!(lambdas.delete_function("f"));
    until_gone(first).await;
    let missing =
        InvokeError::NotFound("arn:aws:lambda:us-east-1:123456789012:function:f".to_owned());
    assert_eq!(lambdas.invoke("f", payload(&json!({}))).await, Err(missing));
    let answer: Value =
        serde_json::from_slice(&lambdas.invoke("g", payload(&json!({}))).await.unwrap()).unwrap();
    drop(lambdas);
    until_gone(answer["pid"].as_u64().unwrap()).await;
}

#[tokio::test]
async fn the_lines_of_a_function_are_kept_and_passed_on() {
    let lambdas = host().await;
    let passed = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&passed);
    lambdas.on_log(Arc::new(move |name, line| {
        sink.lock().unwrap().push(format!("{name}: {line}"));
    }));
    invoke(&lambdas, &json!({ "do": "something" })).await;
    eventually(PATIENCE, || async {
        (lambdas.logs("f").len() == 2).then_some(())
    })
    .await;
    let logs = lambdas.logs("f");
    assert!(
        logs.contains(&"starting".to_owned())
            && logs.contains(&"invocation 1: something".to_owned()),
        "{logs:?}"
    );
    assert_eq!(passed.lock().unwrap().len(), 2);
    assert!(passed.lock().unwrap().contains(&"f: starting".to_owned()));
}
