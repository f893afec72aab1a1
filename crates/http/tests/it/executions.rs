//! `/executions`: lists, single ones, and stopping them.

use runvoy_core::role::Role;
use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::{World, hello, locked};

/// Ids of a list, as they come.
async fn ids(world: &World, caller: &Caller, query: &str) -> Vec<String> {
    let answer = world.get(caller, &format!("/executions{query}")).await;
    answer.assert_status(200);
    let list = answer.json.as_array().unwrap().iter();
    list.map(|one| one["execution_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn bad_filters_are_refused_with_what_they_may_be() {
    let world = World::new().await;
    let requests = [
        "GET /executions?status=DONE",
        "GET /executions?status=RUNNING,done",
        "GET /executions?limit=0",
        "GET /executions?limit=1001",
        "GET /executions?limit=-1",
        "GET /executions?limit=ten",
        "GET /executions?cursor=abc",
        "GET /executions?user=nobody",
        "GET /executions?lock=-prod",
        "GET /executions?user=a@b.c&lock=prod",
        "GET /executions?colour=red",
    ]
    .map(|line| (line, ""));
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    GET /executions?status=DONE
      400 {"code":"INVALID_REQUEST","error":"status must be one of QUEUED, STARTING, RUNNING, TERMINATING, SUCCEEDED, FAILED, STOPPED, not `DONE`"}
    GET /executions?status=RUNNING,done
      400 {"code":"INVALID_REQUEST","error":"status must be one of QUEUED, STARTING, RUNNING, TERMINATING, SUCCEEDED, FAILED, STOPPED, not `done`"}
    GET /executions?limit=0
      400 {"code":"INVALID_REQUEST","error":"limit must be from 1 to 1000"}
    GET /executions?limit=1001
      400 {"code":"INVALID_REQUEST","error":"limit must be from 1 to 1000"}
    GET /executions?limit=-1
      400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: limit: invalid digit found in string"}
    GET /executions?limit=ten
      400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: limit: invalid digit found in string"}
    GET /executions?cursor=abc
      400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: cursor: execution id must be 32 lower-case hex digits, not `abc`"}
    GET /executions?user=nobody
      400 {"code":"INVALID_REQUEST","error":"e-mail address must look like alice@example.com in lower case, not `nobody`"}
    GET /executions?lock=-prod
      400 {"code":"INVALID_REQUEST","error":"lock name must be 1 to 128 letters, digits or . _ - / : and begin with a letter or digit, not `-prod`"}
    GET /executions?user=a@b.c&lock=prod
      400 {"code":"INVALID_REQUEST","error":"filter by user or by lock, not both"}
    GET /executions?colour=red
      400 {"code":"INVALID_REQUEST","error":"the address has a bad parameter: colour: unknown field `colour`, expected one of `limit`, `cursor`, `status`, `user`, `lock`"}
    "#);
}

#[tokio::test]
async fn a_bad_id_is_refused_and_an_unknown_one_not_found() {
    let world = World::new().await;
    let requests = [
        "GET /executions/last",
        "GET /executions/0197F2A4C1D27C3E8B6A5D4E3F2A1B0C/status",
        "GET /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-1/logs",
        "DELETE /executions/..%2Fusers",
        "POST /executions/%1B%5B31m/kill",
        "GET /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c",
        "GET /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c/status",
        "GET /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c/logs",
        "DELETE /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c",
        "POST /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c/kill",
    ]
    .map(|line| (line, ""));
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    GET /executions/last
      400 {"code":"INVALID_REQUEST","error":"execution id must be 32 lower-case hex digits, not `last`"}
    GET /executions/0197F2A4C1D27C3E8B6A5D4E3F2A1B0C/status
      400 {"code":"INVALID_REQUEST","error":"execution id must be 32 lower-case hex digits, not `[id]`"}
    GET /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-1/logs
      400 {"code":"INVALID_REQUEST","error":"execution id must be 32 lower-case hex digits, not `[id]-1`"}
    DELETE /executions/..%2Fusers
      400 {"code":"INVALID_REQUEST","error":"execution id must be 32 lower-case hex digits, not `../users`"}
    POST /executions/%1B%5B31m/kill
      400 {"code":"INVALID_REQUEST","error":"execution id must be 32 lower-case hex digits, not `\\u{1b}[31m`"}
    GET /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c
      404 {"code":"NOT_FOUND","error":"no such execution"}
    GET /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c/status
      404 {"code":"NOT_FOUND","error":"no such execution"}
    GET /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c/logs
      404 {"code":"NOT_FOUND","error":"no such execution"}
    DELETE /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c
      404 {"code":"NOT_FOUND","error":"no such execution"}
    POST /executions/0197f2a4c1d27c3e8b6a5d4e3f2a1b0c/kill
      404 {"code":"NOT_FOUND","error":"no such execution"}
    "#);
}

#[tokio::test]
async fn another_s_execution_looks_to_a_developer_as_if_it_were_not_there() {
    let world = World::new().await;
    let developer = world.user("dev", Role::Developer).await;
    let other = world.submit(&world.root, hello()).await;
    let nothing = "0".repeat(32);
    for path in ["", "/status", "/logs", "/logs?wait=1"] {
        let hidden = world
            .get(&developer, &format!("/executions/{other}{path}"))
            .await;
        let absent = world
            .get(&developer, &format!("/executions/{nothing}{path}"))
            .await;
        assert_eq!(hidden.shown(), absent.shown());
        assert_eq!(hidden.refusal(), (404, "NOT_FOUND"));
    }
    let hidden = world
        .delete(&developer, &format!("/executions/{other}"), Value::Null)
        .await;
    let absent = world
        .delete(&developer, &format!("/executions/{nothing}"), Value::Null)
        .await;
    assert_eq!(hidden.shown(), absent.shown());
    assert_eq!(world.status(&other).await, "STARTING");
}

#[tokio::test]
async fn pages_follow_their_links_newest_first_and_show_each_execution_once() {
    let world = World::new().await;
    let mut submitted = Vec::new();
    for _ in 0..7 {
        submitted.push(world.submit(&world.root, locked("prod")).await.to_string());
        world.pass(1);
    }
    submitted.reverse();
    let (mut path, mut seen, mut pages) =
        ("/executions?limit=3&lock=prod".to_owned(), Vec::new(), 0);
    loop {
        let page = world.get(&world.root, &path).await;
        let list = page.json.as_array().unwrap().iter();
        seen.extend(list.map(|one| one["execution_id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(link) = page.header("link") else {
            break;
        };
        let address = link.strip_prefix("</api/v1").unwrap();
        address
            .strip_suffix(">; rel=\"next\"")
            .unwrap()
            .clone_into(&mut path);
    }
    assert_eq!((seen, pages), (submitted, 3));
}

#[tokio::test]
async fn a_page_has_ten_where_nothing_is_said() {
    let world = World::new().await;
    for _ in 0..12 {
        world.submit(&world.root, hello()).await;
    }
    assert_eq!(ids(&world, &world.root, "").await.len(), 10);
    assert_eq!(ids(&world, &world.root, "?limit=1000").await.len(), 12);
}

#[tokio::test]
async fn filters_narrow_a_list_down() {
    let world = World::new().await;
    let developer = world.user("dev", Role::Developer).await;
    let free = world.submit(&world.root, hello()).await.to_string();
    let holder = world.submit(&developer, locked("prod")).await.to_string();
    let waiter = world.submit(&world.root, locked("prod")).await.to_string();
    let list = async |query: &str| ids(&world, &world.root, query).await;
    assert_eq!(list("?status=QUEUED").await, [waiter.as_str()]);
    assert_eq!(
        list("?status=QUEUED,STARTING").await,
        [waiter.clone(), holder.clone(), free.clone()]
    );
    assert_eq!(list("?status=").await.len(), 3);
    assert_eq!(list("?user=DEV@example.com").await, [holder.as_str()]);
    assert_eq!(list("?lock=prod").await, [waiter.clone(), holder]);
    assert_eq!(list("?lock=prod&status=QUEUED").await, [waiter]);
    assert!(list("?user=nobody@example.com").await.is_empty());
}

#[tokio::test]
async fn a_developer_s_lists_hold_only_their_own_whatever_they_ask_for() {
    let world = World::new().await;
    let developer = world.user("dev", Role::Developer).await;
    world.submit(&world.root, locked("prod")).await;
    let own = world.submit(&developer, locked("prod")).await.to_string();
    world.submit(&world.root, locked("prod")).await;
    for query in [
        "",
        "?user=dev@example.com",
        "?lock=prod",
        "?lock=prod&limit=1",
    ] {
        assert_eq!(
            ids(&world, &developer, query).await,
            [own.as_str()],
            "{query}"
        );
    }
    assert!(
        ids(&world, &developer, "?user=root@example.com")
            .await
            .is_empty()
    );
    assert!(ids(&world, &developer, "?lock=other").await.is_empty());
}

#[tokio::test]
async fn a_kill_before_the_start_is_the_end() {
    let world = World::new().await;
    let holder = world.submit(&world.root, locked("prod")).await;
    let waiter = world.submit(&world.root, locked("prod")).await;
    for id in [&waiter, &holder] {
        let killed = world
            .delete(&world.root, &format!("/executions/{id}"), Value::Null)
            .await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(killed.shown(), @r#"200 {"execution_id":"[id]","message":"stopped before it ran","status":"STOPPED"}"#);
        }
        let ended = world.execution(id).await;
        assert_eq!(
            (ended.text("reason"), &ended.json["exit_code"]),
            ("cancelled", &Value::Null)
        );
    }
    world.settle().await;
    assert!(world.launcher.launched().is_empty());
    let lock = world.get(&world.root, "/locks/prod").await;
    assert_eq!(
        (&lock.json["holder"], &lock.json["waiting"]),
        (&Value::Null, &json!(0))
    );
}

#[tokio::test]
async fn a_kill_of_a_run_is_under_way_until_its_agent_says_how_it_ended() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let id = agent.id().clone();
    let path = format!("/executions/{id}/kill");
    for _ in 0..2 {
        let killed = world.post(&world.root, &path, Value::Null).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(killed.shown(), @r#"200 {"execution_id":"[id]","message":"stopping","status":"TERMINATING"}"#);
        }
    }
    let mut end = agent.finish_body(143);
    end["ended_by"] = json!("cancel");
    agent
        .call("finish", &agent.session, end)
        .await
        .assert_status(200);
    let ended = world.execution(&id).await;
    assert_eq!(
        (ended.text("status"), ended.text("reason")),
        ("STOPPED", "cancelled")
    );
    assert_eq!(ended.json["exit_code"], 143);
    let stops = world
        .audited(&id)
        .await
        .iter()
        .filter(|action| *action == "execution.stop_asked")
        .count();
    assert_eq!(stops, 1);
}

#[tokio::test]
async fn a_kill_of_what_is_over_changes_nothing_and_says_nothing() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    let id = agent.finish(3).await;
    let before = world.execution(&id).await.json;
    let killed = world
        .delete(&world.root, &format!("/executions/{id}"), Value::Null)
        .await;
    assert_eq!((killed.status, killed.bytes.len()), (204, 0));
    assert_eq!(world.execution(&id).await.json, before);
}
