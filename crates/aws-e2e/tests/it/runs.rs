//! Runs, from the command line through the functions to a task and back.

use std::fs;
use std::thread;

use serde_json::{Value, json};

use crate::shell::{Person, ended};
use crate::world::World;

/// What shells, formats and encodings stumble over.
const AWKWARD: &str = "it's \"quoted\" 100% %s $(echo no) `echo no` $HOME \\ \\n tab\there, é ✓ 𝄞 * ? & ; | < >\n\nend ";
/// Enough for more than one chunk, one page and one request of the agent.
const MANY_LINES: usize = 8000;

#[test]
fn a_command_runs_and_its_output_and_exit_code_come_back() {
    let world = World::shared();
    let script = "echo out; echo err >&2; printf 'no end'; exit 3";
    let said = world.admin.run(&["run", "-q", script]);
    let expected = (3, "out\nno end", "err\n");
    assert_eq!((said.code, &said.out[..], &said.err[..]), expected);
}

#[test]
fn what_was_typed_arrives_and_aws_is_told_neither_command_nor_secret() {
    let world = World::shared();
    let person = world
        .person("typist@example.com", "developer")
        .with("MINE", AWKWARD)
        .with("HUSH", "s3cret value");
    let line = ["run", "--", "printf", "<%s>", AWKWARD, "", "-n", "--lock"];
    assert_eq!(person.must(&line), format!("<{AWKWARD}><><-n><--lock>"));
    let given = format!("GIVEN={AWKWARD}");
    let script = "printf '%s|%s|%s' \"$GIVEN\" \"$MINE\" \"${#HUSH}\"; echo \"$HUSH\" >&2";
    let line = [
        "run",
        "-q",
        "-e",
        &given,
        "-e",
        "MINE",
        "--secret-env",
        "HUSH",
    ];
    let size = ["--image", "alpine:3.20", "--cpu", "512", "--memory", "1024"];
    let said = person.run(&[&line[..], &size, &[script]].concat());
    let expected = (0, format!("{AWKWARD}|{AWKWARD}|12"), "***\n");
    assert_eq!((said.code, said.out, &said.err[..]), expected);
    let id = person.last();
    let record = person.closed(&id);
    assert_eq!(record["command"], script);
    assert_eq!(record["image_id"], "alpine:3.20");
    assert_eq!(record["env"], json!(["GIVEN", "MINE"]));
    assert_eq!(record["secret_env"], json!(["HUSH"]));
    // (0.5 × $0.03238 + 1 × $0.00356) ÷ 60 for the minute that is always billed
    assert_eq!(record["cost_usd"], "0.000329");
    let tasks = world.tasks_of(&id);
    assert_eq!(tasks.len(), 1, "{tasks:#?}");
    assert_eq!(
        (&tasks[0]["cpu"], &tasks[0]["memory"]),
        (&json!("512"), &json!("1024"))
    );
    assert!(has_image(&tasks[0], "alpine:3.20"), "{tasks:#?}");
    let told = tasks[0].to_string();
    for secret in ["s3cret", "printf", "quoted", "GIVEN"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

fn has_image(task: &Value, image: &str) -> bool {
    let mut containers = task["containers"].as_array().unwrap().iter();
    containers.any(|container| container["name"] == "main" && container["image"] == image)
}

#[test]
fn exit_codes_tell_what_happened() {
    let world = World::shared();
    let stories: [(&[&str], i32, (&str, &str)); 5] = [
        (&["--", "/no/such/program"], 127, ("FAILED", "exited")),
        (&["--", "/etc/passwd"], 126, ("FAILED", "exited")),
        (&["kill -9 $$"], 137, ("FAILED", "signaled")),
        (
            &["--timeout", "1s", "sleep 60"],
            124,
            ("FAILED", "timed_out"),
        ),
        (
            &["--workdir", "/no/such", "true"],
            125,
            ("FAILED", "launch_failed"),
        ),
    ];
    thread::scope(|scope| {
        for (line, code, end) in stories {
            scope.spawn(move || {
                let person = world.person(&format!("code{code}@example.com"), "developer");
                let said = person.run(&[&["run"], line].concat());
                assert_eq!(said.code, code, "{said:#?}");
                assert_eq!(ended(&person.closed(&person.last())), end);
            });
        }
    });
}

#[test]
fn a_detached_run_goes_on_and_its_result_can_be_waited_for() {
    let world = World::shared();
    let person = world.person("detached@example.com", "developer");
    let said = person.run(&["run", "--detach", "sleep 0.2; echo done; exit 7"]);
    assert_eq!(said.code, 0, "{said:#?}");
    let id = said.out.trim_end();
    assert!(
        id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()),
        "{said:#?}"
    );
    assert_eq!(person.run(&["wait", id]).code, 7);
    assert_eq!(person.log(id), "done\n");
    person.run(&["run", "--result-file", "result", "exit 4"]);
    let result: Value = serde_json::from_slice(&fs::read(person.path("result")).unwrap()).unwrap();
    let expected = json!({
        "execution_id": person.last(), "status": "FAILED", "reason": "exited", "exit_code": 4,
    });
    assert_eq!(result, expected);
}

#[test]
fn a_request_that_comes_again_runs_once() {
    let world = World::shared();
    let key = world
        .admin
        .must(&["users", "create", "again@example.com", "--show-key"]);
    let person = world.holder_of(key.trim_end());
    let post = |command: &str| {
        let headers = [("x-api-key", key.trim_end()), ("idempotency-key", "once")];
        world.send("POST /api/v1/run", &headers, &json!({ "command": command }))
    };
    let script = format!("echo ran >> {}", person.path("effects"));
    let (first, second) = (post(&script), post(&script));
    assert_eq!((first.0, second.0), (202, 202), "{first:?} {second:?}");
    let id = first.1["execution_id"].as_str().unwrap();
    assert_eq!(second.1["execution_id"], id);
    person.closed(id);
    let third = post(&script);
    assert_eq!(
        (third.0, &third.1["status"]),
        (202, &json!("SUCCEEDED")),
        "{third:?}"
    );
    let other = post("true");
    assert_eq!(
        (other.0, &other.1["code"]),
        (422, &json!("IDEMPOTENCY_MISMATCH")),
        "{other:?}"
    );
    assert_eq!(fs::read_to_string(person.path("effects")).unwrap(), "ran\n");
    assert_eq!(world.tasks_of(id).len(), 1);
    assert_eq!(person.ask(&["list"]).as_array().unwrap().len(), 1);
}

#[test]
fn large_output_comes_whole() {
    let world = World::shared();
    let person = world.person("large@example.com", "developer");
    let line = |number| format!("{number:060}\n");
    let expected: String = (1..=MANY_LINES).map(line).collect();
    let said = person.run(&["run", "-q", &format!("seq -f %060.0f {MANY_LINES}")]);
    assert_eq!(said.code, 0, "{}", said.err);
    is_whole(&said.out, &expected);
    is_whole(&log_of_last(&person), &expected);
}

fn log_of_last(person: &Person) -> String {
    person.log(&person.last())
}

/// Not `assert_eq`: nobody wants to see both.
#[track_caller]
fn is_whole(came: &str, expected: &str) {
    assert!(
        came == expected,
        "{} of {} bytes came",
        came.len(),
        expected.len()
    );
}
