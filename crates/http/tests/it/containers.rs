//! What may be wished of the container, what is shown of it, and what it costs.

use jiff::Timestamp;
use runvoy_app::{Actor, OpContext};
use runvoy_core::container::{Architecture, Container, Cpu, Memory};
use runvoy_core::execution::{Billed, Evidence};
use runvoy_core::id::ExecutionId;
use runvoy_core::role::Role;
use runvoy_ports::Presence;
use runvoy_testkit::{ScriptedLaunch, sample};
use serde_json::{Value, json};

use crate::harness::{World, hello};

/// A deployment that runs containers: `alpine:3.22` with a quarter of a processor and 512 MB where nothing is wished.
async fn containers() -> World {
    let world = World::new().await;
    world.launcher.run_containers(Container {
        image: "alpine:3.22".parse().unwrap(),
        architecture: Architecture::Arm64,
        cpu: Cpu::from_units(256),
        memory: Memory::from_mib(512),
        storage_gib: 20,
        is_spot: false,
        definition: "standard".to_owned(),
        role: None,
    });
    world
}

/// The container in the record: image, units of processor time, mebibytes.
async fn recorded(world: &World, id: &ExecutionId) -> (String, u32, u32) {
    let root = OpContext {
        actor: Actor {
            email: sample::email("root"),
            role: Role::Admin,
            key: None,
        },
        request_id: "request-1".parse().unwrap(),
    };
    let found = world.app.execution(&root, id).await.unwrap();
    let container = found.execution.submission().container.clone().unwrap();
    let (cpu, memory) = (container.cpu.units(), container.memory.mib());
    (container.image.to_string(), cpu, memory)
}

#[tokio::test]
async fn a_wish_is_understood_in_every_spelling_recorded_and_shown() {
    let world = containers().await;
    let digest = format!("public.ecr.aws/a/b@sha256:{}", "0f".repeat(32));
    let standard = ("alpine:3.22", 256, 512);
    let cases = [
        (json!({}), standard),
        (json!({"image": "", "cpu": 0, "memory": ""}), standard),
        (
            json!({"image": null, "cpu": null, "memory": null}),
            standard,
        ),
        (json!({"image": "debian"}), ("debian", 256, 512)),
        (json!({"image": digest}), (digest.as_str(), 256, 512)),
        (json!({"cpu": 512}), ("alpine:3.22", 512, 512)),
        (json!({"cpu": "512"}), ("alpine:3.22", 512, 512)),
        (json!({"cpu": 0.5}), ("alpine:3.22", 512, 512)),
        (json!({"cpu": "0.5"}), ("alpine:3.22", 512, 512)),
        (json!({"cpu": 4}), ("alpine:3.22", 4096, 512)),
        (json!({"cpu": "4096"}), ("alpine:3.22", 4096, 512)),
        (json!({"memory": 2048}), ("alpine:3.22", 256, 2048)),
        (json!({"memory": "2048"}), ("alpine:3.22", 256, 2048)),
        (json!({"memory": "2GB"}), ("alpine:3.22", 256, 2048)),
        (json!({"memory": "2 GiB"}), ("alpine:3.22", 256, 2048)),
        (json!({"memory": "1.5g"}), ("alpine:3.22", 256, 1536)),
        (
            json!({"image": "debian:13", "cpu": 1, "memory": "3GB"}),
            ("debian:13", 1024, 3072),
        ),
    ];
    for (wish, (image, cpu, memory)) in cases {
        let mut body = hello();
        body.as_object_mut()
            .unwrap()
            .extend(wish.as_object().unwrap().clone());
        let answer = world.post(&world.root, "/run", body).await;
        answer.assert_status(202);
        assert_eq!(answer.text("image_id"), image, "{wish}");
        let id = answer.text("execution_id").parse().unwrap();
        let expected = (image.to_owned(), cpu, memory);
        assert_eq!(recorded(&world, &id).await, expected, "{wish}");
        assert_eq!(world.execution(&id).await.text("image_id"), image);
    }
    let list = world.get(&world.root, "/executions?limit=2").await;
    let images = list.json.as_array().unwrap().iter();
    let images: Vec<&Value> = images.map(|one| &one["image_id"]).collect();
    assert_eq!(images, ["debian:13", "alpine:3.22"]);
}

#[tokio::test]
async fn a_wish_that_makes_no_sense_is_refused_with_what_does() {
    let world = containers().await;
    let bodies = [
        r#"{"command":"true","image":"alpine latest"}"#,
        r#"{"command":"true","image":"$(id)"}"#,
        r#"{"command":"true","image":"-x"}"#,
        r#"{"command":"true","image":1}"#,
        r#"{"command":"true","cpu":"four"}"#,
        r#"{"command":"true","cpu":-1}"#,
        r#"{"command":"true","cpu":0.0}"#,
        r#"{"command":"true","cpu":"0"}"#,
        r#"{"command":"true","cpu":99999999999}"#,
        r#"{"command":"true","cpu":true}"#,
        r#"{"command":"true","cpu":[1]}"#,
        r#"{"command":"true","memory":"2TB"}"#,
        r#"{"command":"true","memory":-512}"#,
        r#"{"command":"true","memory":"0GB"}"#,
        r#"{"command":"true","memory":"99999999GB"}"#,
        r#"{"command":"true","memory":{"mb":512}}"#,
    ];
    let requests = bodies.map(|body| ("POST /run", body));
    insta::assert_snapshot!(world.transcript(&world.root, &requests).await, @r#"
    POST /run {"command":"true","image":"alpine latest"}
      400 {"code":"INVALID_REQUEST","error":"image must be the name of a container image such as alpine:3.22, not `alpine latest`"}
    POST /run {"command":"true","image":"$(id)"}
      400 {"code":"INVALID_REQUEST","error":"image must be the name of a container image such as alpine:3.22, not `$(id)`"}
    POST /run {"command":"true","image":"-x"}
      400 {"code":"INVALID_REQUEST","error":"image must be the name of a container image such as alpine:3.22, not `-x`"}
    POST /run {"command":"true","image":1}
      400 {"code":"INVALID_REQUEST","details":"docs/api.md lists the fields of each request","error":"the body is not the JSON that is expected: invalid type: integer `1`, expected a string at line 1 column 27"}
    POST /run {"command":"true","cpu":"four"}
      400 {"code":"INVALID_REQUEST","error":"cpu must be virtual processors (0.25, 2) or 1024ths of one (256), not `four`"}
    POST /run {"command":"true","cpu":-1}
      400 {"code":"INVALID_REQUEST","error":"cpu must be virtual processors (0.25, 2) or 1024ths of one (256), not `-1`"}
    POST /run {"command":"true","cpu":0.0}
      400 {"code":"INVALID_REQUEST","error":"cpu must be virtual processors (0.25, 2) or 1024ths of one (256), not `0.0`"}
    POST /run {"command":"true","cpu":"0"}
      400 {"code":"INVALID_REQUEST","error":"cpu must be virtual processors (0.25, 2) or 1024ths of one (256), not `0`"}
    POST /run {"command":"true","cpu":99999999999}
      400 {"code":"INVALID_REQUEST","error":"cpu must be virtual processors (0.25, 2) or 1024ths of one (256), not `99999999999`"}
    POST /run {"command":"true","cpu":true}
      400 {"code":"INVALID_REQUEST","error":"cpu must be a number or a text"}
    POST /run {"command":"true","cpu":[1]}
      400 {"code":"INVALID_REQUEST","error":"cpu must be a number or a text"}
    POST /run {"command":"true","memory":"2TB"}
      400 {"code":"INVALID_REQUEST","error":"memory must be an amount such as 512MB or 2GB, not `2TB`"}
    POST /run {"command":"true","memory":-512}
      400 {"code":"INVALID_REQUEST","error":"memory must be an amount such as 512MB or 2GB, not `-512`"}
    POST /run {"command":"true","memory":"0GB"}
      400 {"code":"INVALID_REQUEST","error":"memory must be an amount such as 512MB or 2GB, not `0GB`"}
    POST /run {"command":"true","memory":"99999999GB"}
      400 {"code":"INVALID_REQUEST","error":"memory must be an amount such as 512MB or 2GB, not `99999999GB`"}
    POST /run {"command":"true","memory":{"mb":512}}
      400 {"code":"INVALID_REQUEST","error":"memory must be a number or a text"}
    "#);
    let list = world.get(&world.root, "/executions").await;
    assert_eq!(list.json, json!([]));
}

/// What is shown of the cost, and whether it is an estimate.
async fn cost(world: &World, id: &ExecutionId) -> (Value, bool) {
    let shown = world.execution(id).await.json;
    let list = world.get(&world.root, "/executions").await;
    assert_eq!(list.json[0]["cost_usd"], shown["cost_usd"]);
    assert_eq!(list.json[0]["cost_is_estimate"], shown["cost_is_estimate"]);
    let is_estimate = shown["cost_is_estimate"].as_bool().unwrap_or_default();
    (shown["cost_usd"].clone(), is_estimate)
}

#[tokio::test]
async fn the_cost_is_an_estimate_until_the_provider_has_billed() {
    let world = containers().await;
    let id = world.submit(&world.root, hello()).await;
    assert_eq!(cost(&world, &id).await, (Value::Null, false));
    let agent = world.start(&id).await;
    assert_eq!(cost(&world, &id).await, (json!("0.000000"), true));
    world.pass(30);
    assert_eq!(cost(&world, &id).await, (json!("0.000030"), true));
    let finish = agent.finish_body(0);
    let answer = agent.call("finish", &agent.session, finish).await;
    assert_eq!(answer.json["accepted"], true);
    world.pass(5);
    // Two seconds by its agent's clock.
    assert_eq!(cost(&world, &id).await, (json!("0.000002"), true));
    let moment = |second| Timestamp::from_second(second).unwrap();
    let billed = Billed {
        from: moment(100),
        until: moment(100 + 1_234_567),
    };
    let evidence = Evidence {
        billed: vec![billed],
        ..Evidence::default()
    };
    let gone = Presence::Gone(evidence);
    world.launcher.set_presence(&agent.attempt, gone);
    world.app.drive(&id).await.unwrap();
    assert_eq!(cost(&world, &id).await, (json!("1.234567"), false));
}

#[tokio::test]
async fn a_process_has_no_estimate() {
    let world = World::new().await;
    let agent = world.run(&world.root, hello()).await;
    world.pass(30);
    assert_eq!(cost(&world, agent.id()).await, (Value::Null, false));
}

#[tokio::test]
async fn a_run_whose_agent_never_connected_shows_the_providers_lines_to_every_reader() {
    let world = World::new().await;
    for _ in 0..4 {
        let refused = ScriptedLaunch::Refuse("no room".to_owned());
        world.launcher.script(refused);
    }
    let id = world.submit(&world.root, hello()).await;
    for _ in 0..4 {
        world.settle().await;
        world.app.drive(&id).await.unwrap();
        world.pass(10);
    }
    let attempt = world.launcher.launched().pop().unwrap();
    world
        .launcher
        .set_provider_lines(&attempt, &["exec format error", "the last words"]);
    let says_so = "The agent never connected. These are the last lines that scripted has:";
    let expected = json!([
        [1, "system", says_so],
        [2, "system", "exec format error"],
        [3, "system", "the last words"],
    ]);
    for query in ["", "?after=0", "?after=0&wait=1"] {
        let path = format!("/executions/{id}/logs{query}");
        let answer = world.get(&world.root, &path).await;
        answer.assert_status(200);
        let events = answer.json["events"].as_array().unwrap().iter();
        let lines: Vec<Value> = events
            .map(|event| json!([event["line"], event["stream"], event["message"]]))
            .collect();
        assert_eq!(json!(lines), expected, "{query}");
        assert_eq!(answer.json["complete"], true);
        assert_eq!(answer.text("status"), "FAILED");
    }
    let path = format!("/executions/{id}/logs?after=3");
    let rest = world.get(&world.root, &path).await;
    assert_eq!(
        (&rest.json["events"], &rest.json["complete"]),
        (&json!([]), &json!(true))
    );
}

#[tokio::test]
async fn the_providers_lines_come_in_pages_too() {
    let world = World::new().await;
    for _ in 0..4 {
        let refused = ScriptedLaunch::Refuse("no room".to_owned());
        world.launcher.script(refused);
    }
    let id = world.submit(&world.root, hello()).await;
    for _ in 0..4 {
        world.settle().await;
        world.app.drive(&id).await.unwrap();
        world.pass(10);
    }
    let attempt = world.launcher.launched().pop().unwrap();
    world.launcher.set_provider_lines(&attempt, &["a", "b"]);
    let mut seen = Vec::new();
    let mut after = json!(0);
    for _ in 0..3 {
        let path = format!("/executions/{id}/logs?after={after}&limit=1");
        let page = world.get(&world.root, &path).await.json;
        seen.extend(page["events"].as_array().unwrap().clone());
        after = page["next"].clone();
    }
    assert_eq!(seen.len(), 3);
}
