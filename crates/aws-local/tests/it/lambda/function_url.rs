//! Function URLs: payload format 2.0, both ways.

use bytes::Bytes;
use runvoy_aws_local::lambda::Lambdas;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::stage::{echo, host};

/// An HTTP response, read to its end.
struct Page {
    status: u16,
    head: String,
    body: Bytes,
}

/// Sends a request as it is written here, headers and all.
async fn send(
    url: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Page {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).await.unwrap();
    let fields: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let fields = fields.concat();
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: f.example\r\nconnection: close\r\ncontent-length: {length}\r\n{fields}\r\n"
    );
    let (mut reader, mut writer) = stream.split();
    let request = [head.as_bytes(), body].concat();
    let sending = async move {
        // A refused request need not be read to its end.
        drop(writer.write_all(&request).await);
    };
    let receiving = async move {
        let mut answer = Vec::new();
        while matches!(reader.read_buf(&mut answer).await, Ok(bytes) if bytes > 0) {}
        answer
    };
    let ((), answer) = tokio::join!(sending, receiving);
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Page {
        status,
        head,
        body: Bytes::from(answer[end + 4..].to_vec()),
    }
}

async fn get(url: &str, target: &str) -> Page {
    send(url, "GET", target, &[], b"").await
}

fn shown(page: &Page) -> Value {
    let shown: Value = serde_json::from_slice(&page.body).unwrap();
    shown["event"].clone()
}

#[tokio::test]
async fn a_request_becomes_an_event_of_format_2() {
    let lambdas = host().await;
    let url = lambdas.put_url("f").await.unwrap();
    let headers = [
        ("X-Two", "1"),
        ("x-two", "2"),
        ("Cookie", "a=1; b=2"),
        ("user-agent", "test/1"),
    ];
    let page = send(
        &url,
        "DELETE",
        "/a%20b/c?x=1&x=2&y=z%20w&flag",
        &headers,
        b"",
    )
    .await;
    let event = shown(&page);
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "$default");
    assert_eq!(event["rawPath"], "/a%20b/c");
    assert_eq!(event["rawQueryString"], "x=1&x=2&y=z%20w&flag");
    assert_eq!(
        event["queryStringParameters"],
        json!({ "x": "1,2", "y": "z w", "flag": "" })
    );
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(event["headers"]["x-two"], "1,2");
    assert_eq!(event["headers"]["cookie"], Value::Null);
    assert_eq!(event["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event["body"], Value::Null);
    let context = &event["requestContext"];
    assert_eq!(context["accountId"], "anonymous");
    assert_eq!(context["domainName"], "f.example");
    assert_eq!(context["stage"], "$default");
    assert!(context["timeEpoch"].as_i64() > Some(1_700_000_000_000));
    assert!(context["time"].as_str().unwrap().ends_with(" +0000"));
    let id = context["requestId"].as_str().unwrap();
    assert!(page.head.contains(&format!("x-amzn-requestid: {id}")));
    let http = json!({
        "method": "DELETE", "path": "/a%20b/c", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test/1",
    });
    assert_eq!(context["http"], http);
}

#[tokio::test]
async fn a_body_goes_in_and_comes_back_byte_for_byte() {
    let lambdas = host().await;
    let url = lambdas.put_url("f").await.unwrap();
    let binary: Vec<u8> = (0..=255).collect();
    for (kind, body) in [
        ("application/json", br#"{"a": "\u00fc"}"#.as_slice()),
        ("text/plain; charset=utf-8", "grün\n".as_bytes()),
        ("application/octet-stream", &binary),
        ("text/plain", &binary),
    ] {
        let page = send(&url, "POST", "/body", &[("content-type", kind)], body).await;
        assert_eq!((page.status, &page.body[..]), (200, body), "{kind}");
        assert!(page.head.contains(&format!("content-type: {kind}")));
    }
}

#[tokio::test]
async fn only_plain_text_and_json_travel_as_they_are() {
    let lambdas = host().await;
    let url = lambdas.put_url("f").await.unwrap();
    let text = [("content-type", "application/json")];
    let zipped = [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ];
    let event = shown(&send(&url, "POST", "/", &text, b"{}").await);
    assert_eq!(
        (&event["body"], &event["isBase64Encoded"]),
        (&json!("{}"), &json!(false))
    );
    for headers in [
        zipped.as_slice(),
        &[],
        &[("content-type", "application/x-www-form-urlencoded")],
    ] {
        let event = shown(&send(&url, "POST", "/", headers, b"{}").await);
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!("e30="), &json!(true)),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_says_its_status_headers_and_cookies() {
    let lambdas = host().await;
    let url = lambdas.put_url("f").await.unwrap();
    let page = get(&url, "/teapot").await;
    assert_eq!((page.status, &page.body[..]), (418, b"short".as_slice()));
    for line in [
        "x-kind: tea",
        "set-cookie: a=1",
        "set-cookie: b=2",
        "content-type: application/json",
    ] {
        assert!(page.head.contains(line), "{line} in {}", page.head);
    }
    let page = get(&url, "/plain").await;
    assert_eq!(
        (page.status, &page.body[..]),
        (200, br#"{"no":"status"}"#.as_slice())
    );
}

#[tokio::test]
async fn failures_are_a_bad_gateway_and_say_nothing() {
    let lambdas = host().await;
    let url = lambdas.put_url("f").await.unwrap();
    let mut broken = echo("g");
    broken
        .environment
        .insert("FAIL_INIT".to_owned(), "exit".to_owned());
    lambdas.put_function(broken).await.unwrap();
    let broken = lambdas.put_url("g").await.unwrap();
    for (url, target) in [
        (&url, "/fail"),
        (&url, "/exit"),
        (&url, "/nonsense"),
        (&broken, "/"),
    ] {
        let page = get(url, target).await;
        assert_eq!(
            (page.status, &page.body[..]),
            (502, b"Internal Server Error".as_slice()),
            "{target}"
        );
    }
}

#[tokio::test]
async fn a_request_is_refused_that_is_too_large_one_too_many_or_forbidden() {
    let lambdas = host().await;
    let url = lambdas.put_url("f").await.unwrap();
    let plain = [("content-type", "text/plain")];
    assert_eq!(
        send(&url, "POST", "/body", &plain, &vec![b'x'; 6_000_000])
            .await
            .status,
        200
    );
    assert_eq!(
        send(&url, "POST", "/body", &plain, &vec![b'x'; 6_300_000])
            .await
            .status,
        413
    );
    assert_eq!(
        send(&url, "POST", "/body", &[], &vec![b'x'; 5_000_000])
            .await
            .status,
        413,
        "base64 counts"
    );
    lambdas.put_concurrency("f", Some(0)).unwrap();
    assert_eq!(get(&url, "/").await.status, 429);
    lambdas.put_public("f", false).unwrap();
    assert_eq!(get(&url, "/").await.status, 403);
}

#[tokio::test]
async fn a_url_lasts_as_long_as_its_function() {
    let lambdas: Lambdas = host().await;
    let url = lambdas.put_url("f").await.unwrap();
    assert_eq!(lambdas.put_url("f").await.unwrap(), url);
    lambdas.put_function(echo("f")).await.unwrap();
    assert_eq!(get(&url, "/").await.status, 200);
    lambdas.delete_function("f");
    let address = url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    runvoy_testkit::eventually(super::stage::PATIENCE, || async {
        TcpStream::connect(&address).await.is_err().then_some(())
    })
    .await;
}
