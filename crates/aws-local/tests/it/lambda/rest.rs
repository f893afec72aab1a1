//! The Lambda API, call by call.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use runvoy_aws_local::lambda::Lambdas;
use runvoy_aws_local::{Call, Reply};
use runvoy_testkit::eventually;
use serde_json::{Value, json};

use super::stage::{PATIENCE, host};

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

async fn call(
    lambdas: &Lambdas,
    method: Method,
    path: &str,
    kind: Option<&str>,
    body: &Value,
) -> Reply {
    let mut headers = HeaderMap::new();
    if let Some(kind) = kind {
        headers.insert(
            "x-amz-invocation-type",
            HeaderValue::from_str(kind).unwrap(),
        );
    }
    let call = Call {
        caller: "AKIALOCALADMIN".to_owned(),
        service: "lambda".to_owned(),
        action: format!("{method} {path}"),
        region: "us-east-1".to_owned(),
        method,
        uri: path.parse().unwrap(),
        headers,
        body: Bytes::from(body.to_string()),
    };
    lambdas.handle(call).await
}

async fn get(lambdas: &Lambdas, path: &str) -> Value {
    let reply = call(lambdas, Method::GET, path, None, &Value::Null).await;
    assert_eq!(reply.status(), 200, "{path}");
    document(&reply)
}

fn document(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body()).unwrap()
}

#[tokio::test]
async fn a_synchronous_invocation_answers_the_result_or_the_error() {
    let lambdas = host().await;
    let path = "/2015-03-31/functions/f/invocations";
    let reply = call(
        &lambdas,
        Method::POST,
        path,
        Some("RequestResponse"),
        &json!({ "n": 1 }),
    )
    .await;
    assert_eq!(
        (
            reply.status().as_u16(),
            document(&reply)["event"]["n"].as_u64()
        ),
        (200, Some(1))
    );
    assert!(!reply.headers().contains_key("x-amz-function-error"));
    let reply = call(&lambdas, Method::POST, path, None, &json!({ "do": "fail" })).await;
    assert_eq!(
        (reply.status().as_u16(), &document(&reply)["errorType"]),
        (200, &json!("Refused"))
    );
    assert_eq!(reply.headers()["x-amz-function-error"], "Unhandled");
}

#[tokio::test]
async fn an_event_is_accepted_and_invoked_later() {
    let lambdas = host().await;
    let path = format!(
        "/2015-03-31/functions/{}/invocations",
        ARN.replace(':', "%3A")
    );
    let reply = call(
        &lambdas,
        Method::POST,
        &path,
        Some("Event"),
        &json!({ "do": "something" }),
    )
    .await;
    assert_eq!((reply.status().as_u16(), reply.body().len()), (202, 0));
    eventually(PATIENCE, || async {
        lambdas
            .logs("f")
            .contains(&"invocation 1: something".to_owned())
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_unknown_function_is_not_found() {
    let lambdas = host().await;
    let reads = ["none", "none/configuration", "none/concurrency"]
        .map(|path| (Method::GET, format!("/2015-03-31/functions/{path}")));
    let url = (Method::GET, "/2021-10-31/functions/none/url".to_owned());
    let invoke = (
        Method::POST,
        "/2015-03-31/functions/none/invocations".to_owned(),
    );
    for (method, path) in reads.into_iter().chain([url, invoke]) {
        for kind in [None, Some("Event")] {
            let reply = call(&lambdas, method.clone(), &path, kind, &json!({})).await;
            assert_eq!(reply.status(), 404, "{path}");
            assert_eq!(
                reply.headers()["x-amzn-errortype"],
                "ResourceNotFoundException"
            );
            let message = "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none";
            assert_eq!(document(&reply)["Message"], message);
        }
    }
}

#[tokio::test]
async fn functions_can_be_read() {
    let lambdas = host().await;
    let function = get(&lambdas, "/2015-03-31/functions/f").await;
    assert_eq!(function["Configuration"]["FunctionArn"], ARN);
    assert_eq!(function["Configuration"]["MemorySize"], 256);
    assert_eq!(function["Configuration"]["State"], "Active");
    let configuration = get(&lambdas, "/2015-03-31/functions/f/configuration").await;
    assert_eq!(configuration, function["Configuration"]);
    assert_eq!(
        get(&lambdas, "/2015-03-31/functions/").await["Functions"],
        json!([configuration])
    );
    assert_eq!(
        get(&lambdas, "/2019-09-30/functions/f/concurrency").await,
        json!({})
    );
    lambdas.put_concurrency("f", Some(3)).unwrap();
    assert_eq!(
        get(&lambdas, "/2019-09-30/functions/f/concurrency").await,
        json!({ "ReservedConcurrentExecutions": 3 })
    );
    lambdas.adjust(|settings| settings.account_concurrency = 10);
    let limit = &get(&lambdas, "/2016-08-19/account-settings").await["AccountLimit"];
    assert_eq!(
        (
            &limit["ConcurrentExecutions"],
            &limit["UnreservedConcurrentExecutions"]
        ),
        (&json!(10), &json!(7))
    );
}

#[tokio::test]
async fn a_url_can_be_read_once_there_is_one() {
    let lambdas = host().await;
    let path = "/2021-10-31/functions/f/url";
    assert_eq!(
        call(&lambdas, Method::GET, path, None, &Value::Null)
            .await
            .status(),
        404
    );
    let url = lambdas.put_url("f").await.unwrap();
    assert_eq!(get(&lambdas, path).await["FunctionUrl"], url);
}
