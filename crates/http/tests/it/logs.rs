//! `/executions/{id}/logs`: pages with a cursor, waiting for news, and the whole log at once.

mod wait;
mod whole;

use std::fmt::Write as _;

use runvoy_core::id::ExecutionId;
use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::{World, hello};

/// A page of the log.
async fn page(world: &World, id: &ExecutionId, query: &str) -> Value {
    let path = format!("/executions/{id}/logs?{query}");
    let answer = world.get(&world.root, &path).await;
    answer.assert_status(200);
    answer.json
}

fn texts(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().unwrap().iter();
    events
        .map(|event| event["message"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn bad_cursors_are_refused() {
    let world = World::new().await;
    let id = world.submit(&world.root, hello()).await;
    let queries = [
        "after=-1",
        "after=x",
        "after=9223372036854775808",
        "after=18446744073709551616",
        "limit=-1",
        "limit=x",
        "wait=x",
        "wait=-1",
        "tail=5",
    ];
    let mut told = String::new();
    for query in queries {
        let answer = world
            .get(&world.root, &format!("/executions/{id}/logs?{query}"))
            .await;
        writeln!(told, "{query}: {}", answer.shown()).unwrap();
    }
    insta::assert_snapshot!(told, @r#"
    after=-1: 400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: after: invalid digit found in string"}
    after=x: 400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: after: invalid digit found in string"}
    after=9223372036854775808: 400 {"code":"INVALID_REQUEST","error":"after is beyond the end of any log"}
    after=18446744073709551616: 400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: after: number too large to fit in target type"}
    limit=-1: 400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: limit: invalid digit found in string"}
    limit=x: 400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: limit: invalid digit found in string"}
    wait=x: 400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: wait: invalid digit found in string"}
    wait=-1: 400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: wait: invalid digit found in string"}
    tail=5: 400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: tail: unknown field `tail`, expected one of `after`, `limit`, `wait`"}
    "#);
}

#[tokio::test]
async fn an_entry_has_its_number_its_time_its_stream_and_its_end() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent
        .push(&[
            ("s", "started", "\n"),
            ("o", "50\r100 %", ""),
            ("e", "ü\u{1b}[31m", "\n"),
        ])
        .await;
    let page = page(&world, agent.id(), "after=0").await;
    insta::assert_snapshot!(crate::harness::answer::without_ids(&page.to_string()), @r#"{"complete":false,"events":[{"end":"\n","event_id":"1","line":1,"message":"started","stream":"system","timestamp":1750000000001},{"end":"","event_id":"2","line":2,"message":"50\r100 %","stream":"stdout","timestamp":1750000000002},{"end":"\n","event_id":"3","line":3,"message":"ü\u001b[31m","stream":"stderr","timestamp":1750000000003}],"execution_id":"[id]","next":3,"phase":"running","poll_after_ms":0,"status":"RUNNING"}"#);
}

#[tokio::test]
async fn reading_goes_on_after_the_cursor() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one", "two", "three"]).await;
    let id = agent.id().clone();
    let first = page(&world, &id, "limit=2").await;
    assert_eq!(
        (texts(&first), &first["next"], &first["complete"]),
        (vec!["one", "two"], &json!(2), &json!(false))
    );
    let second = page(&world, &id, "limit=2&after=2").await;
    assert_eq!(
        (texts(&second), &second["next"], &second["complete"]),
        (vec!["three"], &json!(3), &json!(false))
    );
    let nothing = page(&world, &id, "after=3").await;
    assert_eq!((texts(&nothing), &nothing["next"]), (vec![], &json!(3)));
    assert!(
        nothing["poll_after_ms"].as_u64().unwrap() > 0,
        "asking again at once would bring nothing"
    );
    agent.print(&["four"]).await;
    assert_eq!(texts(&page(&world, &id, "after=3").await), ["four"]);
    assert_eq!(
        texts(&page(&world, &id, "after=99").await),
        Vec::<&str>::new()
    );
}

#[tokio::test]
async fn a_log_is_complete_only_once_it_is_closed_and_read_to_its_end() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one", "two"]).await;
    let id = agent.id().clone();
    assert_eq!(
        page(&world, &id, "after=2").await["complete"],
        false,
        "it still runs"
    );
    agent.finish(0).await;
    let partly = page(&world, &id, "limit=1").await;
    assert_eq!(
        (&partly["complete"], &partly["next"]),
        (&json!(false), &json!(1))
    );
    let rest = page(&world, &id, "limit=1&after=1").await;
    assert_eq!(
        (texts(&rest), &rest["complete"]),
        (vec!["two"], &json!(true))
    );
    let end = page(&world, &id, "after=2").await;
    assert_eq!((texts(&end), &end["complete"]), (vec![], &json!(true)));
    assert_eq!(page(&world, &id, "after=0").await["complete"], true);
}

#[tokio::test]
async fn a_run_that_never_started_has_an_empty_log_that_is_complete() {
    let world = World::new().await;
    let id = world.submit(&world.root, hello()).await;
    assert_eq!(page(&world, &id, "after=0").await["complete"], false);
    world
        .delete(&world.root, &format!("/executions/{id}"), Value::Null)
        .await
        .assert_status(200);
    let end = page(&world, &id, "after=0").await;
    assert_eq!(
        (texts(&end), &end["complete"], &end["status"]),
        (vec![], &json!(true), &json!("STOPPED"))
    );
}

#[tokio::test]
async fn many_pages_bring_every_entry_once() {
    let world = World::new().await;
    let agent = filled(&world, &world.root, 5000).await;
    let id = agent.finish(0).await;
    let (mut after, mut seen, mut pages) = (0, Vec::new(), 0);
    loop {
        let page = page(&world, &id, &format!("after={after}")).await;
        seen.extend(
            page["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["line"].as_u64().unwrap()),
        );
        after = page["next"].as_u64().unwrap();
        pages += 1;
        if page["complete"] == true {
            break;
        }
    }
    assert!(seen.into_iter().eq(1..=5000));
    assert!(pages > 3, "{pages}");
}

/// A run with so many lines, about half a kilobyte each.
async fn filled<'w>(
    world: &'w World,
    caller: &Caller,
    lines: usize,
) -> crate::harness::agent::Agent<'w> {
    let mut agent = world.run(caller, hello()).await;
    let line = "x".repeat(500);
    let chunk = vec![line.as_str(); 250];
    for _ in 0..lines / 250 {
        agent.print(&chunk).await;
    }
    agent
}
