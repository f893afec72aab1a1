//! What every command prints for programs is of the shape that is published below docs/schemas.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::home::Home;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schemas");
/// How long something may take to come about.
const PATIENCE: Duration = Duration::from_mins(1);

/// A home, the published shapes, and those that were printed so far.
struct Printed {
    home: Home,
    shapes: BTreeMap<String, Validator>,
    seen: BTreeSet<String>,
}

impl Printed {
    fn new() -> Self {
        let config = "api_endpoint: http://127.0.0.1:1\napi_key: a-key-of-another-system-0123\n";
        Self {
            home: Home::with_config(config),
            shapes: shapes(),
            seen: BTreeSet::new(),
        }
    }

    /// What `--local` with these words prints, as JSON and as YAML; both must be of the shape.
    fn holds(&mut self, shape: &str, words: &[&str]) -> Value {
        let json = self.prints("json", words);
        let json = serde_json::from_str(&json).unwrap();
        self.is_of(shape, &json);
        let yaml = self.prints("yaml", words);
        let yaml = serde_yaml_ng::from_str(&yaml).unwrap();
        self.is_of(shape, &yaml);
        json
    }

    /// The same, once: for what can be done but once.
    fn holds_once(&mut self, shape: &str, words: &[&str]) -> Value {
        let json = serde_json::from_str(&self.prints("json", words)).unwrap();
        self.is_of(shape, &json);
        json
    }

    fn prints(&self, format: &str, words: &[&str]) -> String {
        let line: Vec<&str> = ["--local", "-o", format]
            .iter()
            .chain(words)
            .copied()
            .collect();
        let output = self.home.run(&line);
        let said = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(!printed.is_empty(), "{words:?} printed nothing: {said}");
        printed
    }

    fn is_of(&mut self, shape: &str, value: &Value) {
        let validator = &self.shapes[shape];
        let wrong: Vec<String> = validator
            .iter_errors(value)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{shape}: {wrong:?} in {value:#}");
        self.seen.insert(shape.to_owned());
    }

    /// A `run` that goes on while others look.
    fn start(&self, words: &[&str]) -> Child {
        let mut command: Command = self.home.command(&["--local", "run"]);
        command
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// The lock, once it is as wanted.
    fn lock(&self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let output = self
                .home
                .run(&["--local", "-o", "json", "locks", "show", "prod"]);
            let lock = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
            if is_wanted(&lock) {
                return lock;
            }
            assert!(start.elapsed() < PATIENCE, "{lock}");
        }
    }
}

/// The published shapes, but that no object may have a field that is not described.
fn shapes() -> BTreeMap<String, Validator> {
    let files = std::fs::read_dir(FOLDER).unwrap().map(Result::unwrap);
    let shapes = files.map(|file| {
        let text = std::fs::read_to_string(file.path()).unwrap();
        let mut schema: Value = serde_json::from_str(&text).unwrap();
        close(&mut schema);
        let inner = schema.get_mut("$defs").and_then(Value::as_object_mut);
        inner
            .into_iter()
            .flat_map(|inner| inner.values_mut())
            .for_each(close);
        let name = file
            .path()
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let options = jsonschema::options().should_validate_formats(true);
        (name, options.build(&schema).unwrap())
    });
    shapes.collect()
}

fn close(schema: &mut Value) {
    if schema.get("properties").is_some() {
        schema["additionalProperties"] = json!(false);
    }
}

#[test]
fn what_every_command_prints_is_of_its_published_shape() {
    let mut printed = Printed::new();
    runs(&mut printed);
    locks(&mut printed);
    people(&mut printed);
    servers(&mut printed);
    let mut published: BTreeSet<String> = printed.shapes.keys().cloned().collect();
    // Needs a deployment; what is made by hand of its type is held to its shape in `shapes.rs` of the program.
    published.remove("infra-status");
    assert_eq!(printed.seen, published);
}

fn runs(printed: &mut Printed) {
    let script = "echo out; echo err >&2; printf 'no end'; exit 3";
    let file = printed.home.path("result.json");
    let path = file.to_str().unwrap();
    let run = ["run", "-e", "A=1", "--result-file", path, script];
    let lines = printed.prints("json", &run);
    let mut lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let result = lines.pop().unwrap();
    printed.is_of("result", &result);
    assert_eq!(
        (&result["reason"], &result["exit_code"]),
        (&json!("exited"), &json!(3))
    );
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), result);
    assert!(lines.iter().any(|line| line["stream"] == "stderr"));
    for line in &lines {
        printed.is_of("log-entry", line);
    }
    let yaml = printed.prints("yaml", &["run", "echo hello"]);
    let mut items: Vec<Value> = serde_yaml_ng::from_str(&yaml).unwrap();
    printed.is_of("result", &items.pop().unwrap());
    for item in &items {
        printed.is_of("log-entry", item);
    }
    for line in printed.prints("json", &["logs", "-f", "last"]).lines() {
        printed.is_of("log-entry", &serde_json::from_str(line).unwrap());
    }
    printed.holds("executions", &["list"]);
    printed.holds("execution", &["status", "last"]);
    let results = printed.holds("results", &["wait", "last"]);
    assert_eq!(results[0]["exit_code"], 0);
    let results = printed.holds("results", &["kill", "last"]);
    assert_eq!(results[0]["status"], "SUCCEEDED");
}

fn locks(printed: &mut Printed) {
    let mut holder = printed.start(&["--lock", "prod", "echo ready; exec sleep 600"]);
    let mut ready = String::new();
    let mut out = BufReader::new(holder.stdout.take().unwrap());
    out.read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    let mut waiter = printed.start(&["--lock", "prod", "true"]);
    let lock = printed.lock(|lock| lock["waiting"] == 1);
    let id = |place: &Value| place["execution_id"].as_str().unwrap().to_owned();
    let (running, queued) = (id(&lock["holder"]), id(&lock["queue"][0]));
    printed.holds("lock", &["locks", "show", "prod"]);
    printed.holds("locks", &["locks", "list"]);
    let view = printed.holds("execution", &["status", &queued]);
    assert_eq!(view["queue"]["position"], 1);
    printed.holds("executions", &["list", "--lock", "prod"]);
    let results = printed.holds_once("results", &["kill", &queued]);
    assert_eq!(results[0]["status"], "STOPPED");
    let force = ["--force", "--even-if-running", "--reason", "a test"];
    let line: Vec<&str> = ["locks", "release", "prod"]
        .iter()
        .chain(&force)
        .copied()
        .collect();
    printed.holds_once("lock-released", &line);
    let results = printed.holds_once("results", &["kill", "--wait", &running]);
    assert_eq!(results[0]["reason"], "cancelled");
    assert_eq!(holder.wait().unwrap().code(), Some(130));
    assert_eq!(waiter.wait().unwrap().code(), Some(130));
}

fn people(printed: &mut Printed) {
    let create = |email: &'static str| ["users", "create", email];
    printed.holds_once("user-created", &create("bob@example.com"));
    let shown = ["users", "create", "ci@example.com", "--show-key"];
    printed.holds_once("user-created", &shown);
    printed.holds("user", &["users", "role", "bob@example.com", "operator"]);
    printed.holds("users", &["users", "list"]);
    printed.holds(
        "key-rotated",
        &["users", "rotate", "ci@example.com", "--overlap", "1h"],
    );
    printed.holds_once("user-revoked", &["users", "revoke", "bob@example.com"]);
    printed.holds("whoami", &["whoami"]);
    printed.holds("audit", &["audit", "list"]);
}

fn servers(printed: &mut Printed) {
    printed.holds("health", &["health"]);
    printed.holds("version", &["version"]);
    let output = printed.home.run(&["version", "-o", "json"]);
    printed.is_of("version", &serde_json::from_slice(&output.stdout).unwrap());
    let output = printed.home.run(&["context", "list", "-o", "json"]);
    printed.is_of("contexts", &serde_json::from_slice(&output.stdout).unwrap());
}
