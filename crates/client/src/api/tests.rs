use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::Response;
use tower::util::BoxCloneSyncService;

use super::*;

type Seen = Arc<Mutex<Vec<Request<Bytes>>>>;

/// An API whose server gives `answers` in turn and keeps what it was asked.
fn scripted(answers: Vec<(u16, &'static str)>) -> (Api, Seen) {
    let seen = Seen::default();
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let keep = seen.clone();
    let service = tower::service_fn(move |request: Request<Bytes>| {
        keep.lock().unwrap().push(request);
        let (status, body) = answers.lock().unwrap().next().expect("no answer is left");
        async move {
            let mut response = Response::new(Bytes::from(body));
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            if status == 200 {
                let link = r#"</api/v1/executions?cursor=c2>; rel="next""#;
                response.headers_mut().insert(LINK, link.parse().unwrap());
            } else if status == 429 {
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, "7".parse().unwrap());
            }
            Ok::<_, Infallible>(response)
        }
    });
    let transport = Transport::in_process(BoxCloneSyncService::new(service));
    let key = SecretString::from("rvy_secret");
    (Api::new(transport, Some(key), "runvoy-test"), seen)
}

const ACCEPTED: &str =
    r#"{"execution_id":"e","log_url":"/l","status":"STARTING","command":"true"}"#;
const AWAY: &str = r#"{"error":"away","code":"SERVICE_UNAVAILABLE"}"#;

#[tokio::test(start_paused = true)]
async fn a_run_is_repeated_under_the_same_key_until_it_is_answered() {
    let (api, seen) = scripted(vec![(503, AWAY), (502, "<html>"), (202, ACCEPTED)]);
    let response = api
        .run(&runvoy_wire::execution::RunRequest::default(), "once")
        .await
        .unwrap();
    assert_eq!(response.status, "STARTING");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    for request in &*seen {
        assert_eq!(request.headers()[IDEMPOTENCY_HEADER], "once");
        assert_eq!(request.headers()[API_KEY_HEADER], "rvy_secret");
        assert_eq!(request.uri(), "/api/v1/run");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_done_twice_is_sent_once() {
    let (api, seen) = scripted(vec![(503, AWAY)]);
    let release = runvoy_wire::lock::ReleaseRequest::default();
    let error = api.release("prod/eu", &release).await.unwrap_err();
    assert!(error.is_passing());
    assert_eq!(error.code().unwrap().to_string(), "SERVICE_UNAVAILABLE");
    assert_eq!(seen.lock().unwrap().len(), 1);
    assert_eq!(seen.lock().unwrap()[0].uri(), "/api/v1/locks/prod%2Feu");
}

#[tokio::test(start_paused = true)]
async fn trying_again_has_an_end() {
    let (api, seen) = scripted(vec![(503, AWAY); TRIES]);
    assert!(api.whoami().await.is_err());
    assert_eq!(seen.lock().unwrap().len(), TRIES);
}

const TOO_OFTEN: &str = r#"{"error":"too many requests","code":"RATE_LIMITED"}"#;
const TOO_MANY: &str = r#"{"error":"too many runs","code":"TOO_MANY_RUNS"}"#;

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_waits_as_long_as_the_server_says_whatever_was_asked() {
    let (api, seen) = scripted(vec![(429, TOO_OFTEN), (429, TOO_OFTEN), (200, "{}")]);
    let began = tokio::time::Instant::now();
    let release = runvoy_wire::lock::ReleaseRequest::default();
    let error = api.release("prod", &release).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreadable { status: 200, .. }));
    assert_eq!(seen.lock().unwrap().len(), 3);
    assert_eq!(began.elapsed(), Duration::from_secs(14));
}

#[tokio::test(start_paused = true)]
async fn room_for_another_run_is_not_waited_for() {
    let (api, seen) = scripted(vec![(429, TOO_MANY)]);
    let request = runvoy_wire::execution::RunRequest::default();
    let error = api.run(&request, "once").await.unwrap_err();
    assert_eq!(
        error.code(),
        Some(&runvoy_wire::error::ErrorCode::TooManyRuns)
    );
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn a_pause_is_whole_seconds() {
    let pause = |value: &'static str| seconds(&HeaderValue::from_static(value));
    assert_eq!(pause("7"), Some(Duration::from_secs(7)));
    for other in ["", "-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"] {
        assert_eq!(pause(other), None, "{other}");
    }
}

#[tokio::test]
async fn a_page_knows_where_the_next_begins() {
    let (api, seen) = scripted(vec![(200, "[]")]);
    let query = ListQuery {
        status: vec!["FAILED".to_owned(), "STOPPED".to_owned()],
        ..ListQuery::default()
    };
    let page = api.executions(&query).await.unwrap();
    assert_eq!(page.next.as_deref(), Some("c2"));
    assert_eq!(
        seen.lock().unwrap()[0].uri(),
        "/api/v1/executions?status=FAILED%2CSTOPPED"
    );
}

#[tokio::test]
async fn a_kill_of_what_is_over_is_no_error() {
    let (api, _) = scripted(vec![(204, "")]);
    assert_eq!(api.kill("e").await.unwrap(), None);
}

#[tokio::test]
async fn a_page_of_another_server_is_told_from_a_refusal() {
    let (api, _) = scripted(vec![(404, "<html>\n  nginx </html>")]);
    let error = api.health().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the answer (HTTP 404) is not runvoy's: <html> nginx </html>"
    );
}

#[test]
fn the_key_is_in_no_debug_output() {
    let (api, _) = scripted(vec![]);
    assert!(!format!("{api:?}").contains("rvy_secret"));
}
