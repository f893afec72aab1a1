//! The gateway tells calls apart, records them, and spoils those that it is told to.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use runvoy_aws_local::{Gateway, Routes, handler, json};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Status and body, or an error where the connection ends without an answer.
async fn exchange(host: &str, request: String) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    status
        .map(|status| (status, body.to_owned()))
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

pub(crate) async fn get(host: &str, path: &str) -> io::Result<(u16, String)> {
    exchange(
        host,
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
    )
    .await
}

pub(crate) async fn post(
    host: &str,
    service: &str,
    target: &str,
    body: &str,
) -> io::Result<(u16, String)> {
    call(host, "API", service, target, body).await
}

async fn call(
    host: &str,
    caller: &str,
    service: &str,
    target: &str,
    body: &str,
) -> io::Result<(u16, String)> {
    let scope = format!("AKIALOCAL{caller}/20260101/us-east-1/{service}/aws4_request");
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nx-amz-target: {target}\r\n\
         content-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0\r\n\r\n",
        body.len()
    );
    exchange(host, head + body).await
}

struct Stage {
    gateway: Gateway,
    served: Arc<AtomicUsize>,
    crashed: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    /// A gateway to a service that counts what it does.
    async fn new() -> Self {
        let served: Arc<AtomicUsize> = Arc::default();
        let counter = Arc::clone(&served);
        let engine = handler(move |call| {
            counter.fetch_add(1, Ordering::SeqCst);
            let said =
                json!({ "caller": call.caller, "service": call.service, "action": call.action });
            async move { json(200, "application/x-amz-json-1.0", &said) }
        });
        let crashed: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&crashed);
        let crash = Arc::new(move |caller: &str| seen.lock().unwrap().push(caller.to_owned()));
        let routes = Routes::default().with(&["dynamodb", "ecs"], &engine);
        let guard = Arc::new(
            |call: &runvoy_aws_local::Call, _: &[runvoy_aws_local::Permission]| {
                (call.caller == "AKIALOCALNOBODY")
                    .then(|| runvoy_aws_local::json_error(400, "AccessDeniedException", "no"))
            },
        );
        let gateway = Gateway::bind().await.unwrap().serve(routes, guard, crash);
        Self {
            gateway,
            served,
            crashed,
        }
    }

    async fn call(&self, caller: &str, service: &str, action: &str) -> io::Result<(u16, String)> {
        let host = self.gateway.endpoint().strip_prefix("http://").unwrap();
        call(
            host,
            caller,
            service,
            &format!("X.{action}"),
            r#"{"TableName":"p-locks"}"#,
        )
        .await
    }

    fn spoil(&self, plan: &str) {
        self.gateway.faults().set(plan.parse().unwrap());
    }

    fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn the_signature_says_who_calls_which_service() {
    let stage = Stage::new().await;
    let (status, body) = stage.call("EVENTS", "dynamodb", "GetItem").await.unwrap();
    let said: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        said,
        json!({ "caller": "AKIALOCALEVENTS", "service": "dynamodb", "action": "GetItem" })
    );
    let all = stage.gateway.calls().all();
    assert_eq!((all.len(), all[0].status), (1, Some(200)));
    assert_eq!(all[0].needs[0].action, "dynamodb:GetItem");
    assert_eq!(
        all[0].needs[0].resource,
        "arn:aws:dynamodb:us-east-1:123456789012:table/p-locks"
    );
}

#[tokio::test]
async fn a_service_that_nobody_serves_and_a_call_without_signature_are_refused() {
    let stage = Stage::new().await;
    assert_eq!(stage.call("API", "glacier", "Freeze").await.unwrap().0, 501);
    let host = stage.gateway.endpoint().strip_prefix("http://").unwrap();
    assert_eq!(get(host, "/").await.unwrap().0, 403);
    assert_eq!(stage.call("NOBODY", "ecs", "RunTask").await.unwrap().0, 400);
    assert_eq!(stage.served(), 0);
}

#[tokio::test]
async fn a_refusal_has_no_effect() {
    let stage = Stage::new().await;
    stage.spoil("api/ecs/RunTask:1:refuse=ClusterNotFoundException,api/ecs/RunTask:2:throttle");
    for code in ["ClusterNotFoundException", "ThrottlingException"] {
        let (status, body) = stage.call("API", "ecs", "RunTask").await.unwrap();
        assert_eq!(status, 400);
        assert!(body.contains(code), "{body}");
    }
    assert_eq!(stage.served(), 0);
    assert_eq!(stage.call("API", "ecs", "RunTask").await.unwrap().0, 200);
}

#[tokio::test]
async fn a_dropped_reply_comes_after_the_effect() {
    let stage = Stage::new().await;
    stage.spoil("api/ecs/RunTask:1:drop-reply");
    assert!(stage.call("API", "ecs", "RunTask").await.is_err());
    assert_eq!(stage.served(), 1);
    assert_eq!(stage.gateway.calls().all()[0].status, None);
    assert_eq!(stage.call("API", "ecs", "RunTask").await.unwrap().0, 200);
}

#[tokio::test]
async fn a_caller_dies_before_or_after_its_call() {
    let stage = Stage::new().await;
    stage.spoil("api/ecs/RunTask:1:kill-before,events/ecs/RunTask:1:kill-after");
    assert!(stage.call("API", "ecs", "RunTask").await.is_err());
    assert_eq!(
        (stage.served(), stage.crashed.lock().unwrap().clone()),
        (0, vec!["AKIALOCALAPI".to_owned()])
    );
    assert!(stage.call("EVENTS", "ecs", "RunTask").await.is_err());
    assert_eq!(stage.served(), 1);
    assert_eq!(
        stage.crashed.lock().unwrap().last().unwrap(),
        "AKIALOCALEVENTS"
    );
}

#[tokio::test]
async fn a_delayed_call_goes_through() {
    let stage = Stage::new().await;
    stage.spoil("*/dynamodb/*:1:delay=300");
    let begin = Instant::now();
    assert_eq!(
        stage.call("API", "dynamodb", "GetItem").await.unwrap().0,
        200
    );
    assert!(begin.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn calls_that_overlap_are_one_round_trip() {
    let stage = Stage::new().await;
    stage.call("API", "ecs", "RunTask").await.unwrap();
    let mark = stage.gateway.calls().mark();
    stage.spoil("api/dynamodb/*:*:delay=300");
    let (one, two) = tokio::join!(
        stage.call("API", "dynamodb", "GetItem"),
        stage.call("API", "dynamodb", "Query")
    );
    assert_eq!((one.unwrap().0, two.unwrap().0), (200, 200));
    stage.call("API", "ecs", "RunTask").await.unwrap();
    stage.call("AGENT", "ecs", "ListTasks").await.unwrap();
    let calls = stage.gateway.calls();
    assert_eq!(
        (
            calls.since(mark, "api").len(),
            calls.round_trips(mark, "api")
        ),
        (3, 2)
    );
    assert_eq!(calls.round_trips(mark, "agent"), 1);
}
