//! Lines and heartbeats.

use std::io::Write as _;

use axum::body::Body;
use flate2::Compression;
use flate2::write::GzEncoder;
use runvoy_core::log::MAX_ENTRY_BYTES;
use runvoy_wire::MAX_BODY_BYTES;
use serde_json::{Value, json};

use crate::harness::agent::{Agent, micros};
use crate::harness::answer::Answer;
use crate::harness::{World, hello};

/// The log as readers see it, a page of entries.
async fn texts(world: &World, agent: &Agent<'_>) -> Vec<String> {
    let page = world
        .get(
            &world.root,
            &format!("/executions/{}/logs?after=0", agent.id()),
        )
        .await;
    let events = page.json["events"].as_array().unwrap().iter();
    events
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn push_encoded(agent: &Agent<'_>, encoding: &str, body: Vec<u8>) -> Answer {
    let request = agent
        .request("logs", &agent.session)
        .header("content-encoding", encoding);
    agent
        .world
        .send_as_agent(request.body(Body::from(body)).unwrap())
        .await
}

#[tokio::test]
async fn lines_are_stored_once_and_in_order() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one", "two"]).await;
    let twice = agent
        .push_from(1, &[("o", "one", "\n"), ("o", "two", "\n")])
        .await;
    assert_eq!(
        twice.json["next_seq"], 3,
        "what is there is not written again"
    );
    let recut = agent
        .push_from(2, &[("o", "two", "\n"), ("o", "three", "\n")])
        .await;
    assert_eq!(
        recut.json["next_seq"], 3,
        "the agent must cut anew from there"
    );
    let gap = agent.push_from(4, &[("o", "four", "\n")]).await;
    assert_eq!(gap.json["next_seq"], 3, "nothing is written past a gap");
    agent.print(&["three"]).await;
    assert_eq!(texts(&world, &agent).await, ["one", "two", "three"]);
}

#[tokio::test]
async fn an_empty_push_only_tells_where_the_log_stands() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one"]).await;
    let answer = agent.push_from(9, &[]).await;
    insta::assert_snapshot!(answer.shown(), @r#"200 {"cancel":false,"flush_ms":500,"next_seq":2}"#);
    let heartbeat = agent.heartbeat().await;
    insta::assert_snapshot!(heartbeat.shown(), @r#"200 {"cancel":false,"flush_ms":500,"heartbeat_ms":2000}"#);
}

#[tokio::test]
async fn a_session_that_is_not_the_bound_one_must_leave() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let other = world.run(&world.root, hello()).await;
    let key = world.root.key.clone().unwrap();
    for session in [other.session.as_str(), "", "x", &key] {
        let body = json!({"first": 1, "entries": [[1, "o", "forged", "\n"]]});
        assert_eq!(
            agent.call("logs", session, body).await.refusal(),
            (410, "LEAVE")
        );
        let body = json!({"next_seq": 1});
        assert_eq!(
            agent.call("heartbeat", session, body).await.refusal(),
            (410, "LEAVE")
        );
        assert_eq!(
            agent
                .call("finish", session, agent.finish_body(0))
                .await
                .refusal(),
            (410, "LEAVE")
        );
    }
    assert!(texts(&world, &agent).await.is_empty());
    assert_eq!(world.status(agent.id()).await, "RUNNING");
}

#[tokio::test]
async fn a_compressed_chunk_is_a_chunk() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let body = json!({"first": 1, "entries": [[micros(1), "e", "oops", "\n"]]});
    let answer = push_encoded(&agent, "gzip", gzip(body.to_string().as_bytes())).await;
    assert_eq!(answer.json["next_seq"], 2);
    assert_eq!(texts(&world, &agent).await, ["oops"]);
}

#[tokio::test]
async fn a_chunk_that_unpacks_to_too_much_is_refused() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let bomb = gzip(&vec![b' '; 100 * 1024 * 1024]);
    assert!(bomb.len() < MAX_BODY_BYTES);
    let answer = push_encoded(&agent, "gzip", bomb).await;
    insta::assert_snapshot!(answer.shown(), @r#"413 {"code":"PAYLOAD_TOO_LARGE","error":"the chunk is too large"}"#);
    let large = push_encoded(&agent, "gzip", vec![0; MAX_BODY_BYTES + 1]).await;
    assert_eq!(large.refusal(), (413, "PAYLOAD_TOO_LARGE"));
}

#[tokio::test]
async fn an_encoding_that_is_none_is_refused() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let body = br#"{"first":1,"entries":[]}"#;
    let plain = push_encoded(&agent, "gzip", body.to_vec()).await;
    insta::assert_snapshot!(plain.shown(), @r#"400 {"code":"INVALID_REQUEST","error":"the body is not gzip"}"#);
    let mut cut = gzip(body);
    cut.truncate(cut.len() - 4);
    assert_eq!(
        push_encoded(&agent, "gzip", cut).await.shown(),
        plain.shown()
    );
    let unknown = push_encoded(&agent, "br", body.to_vec()).await;
    insta::assert_snapshot!(unknown.shown(), @r#"400 {"code":"INVALID_REQUEST","error":"the body may be plain or gzip"}"#);
}

#[tokio::test]
async fn an_entry_that_is_none_is_refused_and_stores_nothing_of_its_chunk() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let good = json!([micros(1), "o", "good", "\n"]);
    let long = "x".repeat(MAX_ENTRY_BYTES + 1);
    let bad = [
        json!([1, "x", "unknown stream", "\n"]),
        json!([1, "oo", "two letters", "\n"]),
        json!([1, "o", "unknown end", "\r"]),
        json!([1, "o", "two\nlines", "\n"]),
        json!([i64::MAX, "o", "no time", "\n"]),
        json!([1, "o", long, "\n"]),
        json!([1, "o", "no end"]),
        json!({"text": "no list"}),
    ];
    for entry in bad {
        let body = json!({"first": 1, "entries": [good, entry]});
        let answer = agent.call("logs", &agent.session, body).await;
        assert_eq!(answer.refusal(), (400, "INVALID_REQUEST"), "{entry}");
    }
    assert!(texts(&world, &agent).await.is_empty());
}

#[tokio::test]
async fn numbers_at_the_edge_of_what_can_be_counted_store_nothing() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let entry = json!([micros(1), "o", "x", "\n"]);
    for (first, status) in [
        (0, 200),
        (u64::MAX / 2, 400),
        (u64::MAX - 1, 400),
        (u64::MAX, 400),
    ] {
        let body = json!({"first": first, "entries": [entry, entry]});
        let answer = agent.call("logs", &agent.session, body).await;
        assert_eq!(answer.status, status, "{first}");
    }
    assert!(texts(&world, &agent).await.is_empty());
}

#[tokio::test]
async fn after_the_end_every_call_but_finish_must_leave() {
    let world = World::new().await;
    let mut agent = world.run(&world.root, hello()).await;
    agent.print(&["one"]).await;
    let end = agent.finish_body(0);
    agent
        .call("finish", &agent.session, end.clone())
        .await
        .assert_status(200);
    let late = agent.push_from(2, &[("o", "late", "\n")]).await;
    assert_eq!(late.refusal(), (410, "LEAVE"));
    assert_eq!(agent.heartbeat().await.refusal(), (410, "LEAVE"));
    assert_eq!(agent.start().await.refusal(), (410, "LEAVE"));
    let again = agent.call("finish", &agent.session, end).await;
    assert_eq!((again.status, &again.json["accepted"]), (200, &json!(true)));
    assert_eq!(texts(&world, &agent).await, ["one"]);
}

#[tokio::test]
async fn an_agent_is_told_to_hurry_while_somebody_reads() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let calm = agent.heartbeat().await.json["flush_ms"].as_u64().unwrap();
    let follow = format!("/executions/{}/logs?after=0&wait=30", agent.id());
    let hurry = async {
        let hurry = agent.heartbeat().await.json["flush_ms"].as_u64().unwrap();
        agent
            .push_from(1, &[("o", "one", "\n")])
            .await
            .assert_status(200);
        hurry
    };
    let (page, hurry) = tokio::join!(world.get(&world.root, &follow), hurry);
    assert_eq!(page.json["events"][0]["message"], "one");
    assert!(hurry < calm, "{hurry} {calm}");
    let again: Value = agent.heartbeat().await.json;
    assert_eq!(again["flush_ms"], calm, "nobody reads any more");
}
