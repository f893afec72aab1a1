use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use runvoy_client::transport::Transport;
use runvoy_wire::log::LogEventView;
use tower::util::BoxCloneSyncService;

use super::*;

const ENTRIES: u64 = 25;

/// A server with a log of [`ENTRIES`] entries that gives three a page, repeats the last one of the page before,
/// and is away for every second request.
fn unsteady(asked: Arc<Mutex<Vec<String>>>) -> Api {
    let service = tower::service_fn(move |request: Request<Bytes>| {
        let mut asked = asked.lock().unwrap();
        asked.push(request.uri().to_string());
        let is_away = asked.len().is_multiple_of(2);
        let query = request.uri().query().unwrap();
        let after: u64 = query[6..].split('&').next().unwrap().parse().unwrap();
        async move {
            let mut response = Response::new(Bytes::new());
            if is_away {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                return Ok::<_, Infallible>(response);
            }
            let last = (after + 3).min(ENTRIES);
            let page = LogsView {
                execution_id: "e".to_owned(),
                events: Some((after.max(1)..=last).map(entry).collect()),
                status: "RUNNING".to_owned(),
                phase: None,
                next: last,
                complete: last == ENTRIES,
                poll_after_ms: 0,
            };
            *response.body_mut() = serde_json::to_vec(&page).unwrap().into();
            Ok(response)
        }
    });
    let transport = Transport::in_process(BoxCloneSyncService::new(service));
    Api::new(transport, None, "runvoy-test")
}

fn entry(line: u64) -> LogEventView {
    LogEventView {
        event_id: line.to_string(),
        line,
        timestamp: 0,
        message: format!("line {line}"),
        stream: "stdout".to_owned(),
        end: "\n".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn every_entry_comes_once_and_in_order_over_an_unsteady_connection() {
    let asked = Arc::default();
    let api = unsteady(Arc::clone(&asked));
    let mut follow = Follow::new(&api, "e");
    let mut seen = Vec::new();
    loop {
        let Step::Page(page) = follow.next(Waiting::ForMore).await.unwrap() else {
            continue;
        };
        seen.extend(page.events.unwrap().iter().map(|event| event.line));
        if page.complete {
            break;
        }
    }
    assert_eq!(seen, (1..=ENTRIES).collect::<Vec<_>>());
    assert!(
        asked
            .lock()
            .unwrap()
            .iter()
            .all(|uri| uri.ends_with("&limit=20000&wait=10"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_dropped_loses_nothing() {
    let api = unsteady(Arc::default());
    let mut follow = Follow::new(&api, "e");
    let mut seen = Vec::new();
    loop {
        // Every step is first begun and dropped.
        tokio::select! {
            biased;
            step = follow.next(Waiting::ForMore) => {
                if let Ok(Step::Page(page)) = step {
                    seen.extend(page.events.unwrap().iter().map(|event| event.line));
                    if page.complete {
                        break;
                    }
                }
            }
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
        let Ok(Step::Page(page)) = follow.next(Waiting::ForMore).await else {
            continue;
        };
        seen.extend(page.events.unwrap().iter().map(|event| event.line));
        if page.complete {
            break;
        }
    }
    assert_eq!(seen, (1..=ENTRIES).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_away_is_given_up() {
    let service = tower::service_fn(|_: Request<Bytes>| async {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        Ok::<_, Infallible>(response)
    });
    let transport = Transport::in_process(BoxCloneSyncService::new(service));
    let api = Api::new(transport, None, "runvoy-test");
    let mut follow = Follow::new(&api, "e").of_known();
    let began = Instant::now();
    let error = loop {
        match follow.next(Waiting::ForMore).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.status(), Some(503));
    assert!(began.elapsed() > PATIENCE && began.elapsed() < PATIENCE * 2);
    assert!(Follow::new(&api, "e").next(Waiting::No).await.is_err());
}
