//! The published shapes of `-o json`: made here from the types that are printed, and checked in below docs/schemas.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use runvoy_wire::audit::AuditView;
use runvoy_wire::execution::{ExecutionView, HealthView};
use runvoy_wire::lock::{LockView, ReleaseResponse};
use runvoy_wire::log::LogEventView;
use runvoy_wire::user::{CreateUserResponse, RevokeResponse, RotateResponse, UserView, WhoAmIView};
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use crate::commands::context::ContextView;
use crate::commands::infra::view::StatusView;
use crate::commands::result::RunResult;
use crate::commands::version::Versions;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schemas");
/// Where it is set, the schemas are written instead of compared.
const WRITES: &str = "RUNVOY_WRITE_DESCRIPTIONS";

/// A shape: its name, which commands print it, and its schema.
type Shape = (&'static str, &'static str, fn() -> Value);

const SHAPES: &[Shape] = &[
    (
        "execution",
        "An execution: `runvoy status`.",
        schema::<ExecutionView>,
    ),
    (
        "executions",
        "Executions, newest first: `runvoy list`.",
        schema::<Vec<ExecutionView>>,
    ),
    (
        "log-entry",
        "An entry of a log: a line of `runvoy logs` and of `runvoy run`.",
        schema::<LogEventView>,
    ),
    (
        "result",
        "How an execution stands or ended: the last line of `runvoy run`, and the file of `--result-file`.",
        schema::<RunResult>,
    ),
    (
        "results",
        "How executions stand or ended, in the order of the ids given: `runvoy wait` and `runvoy kill`.",
        schema::<Vec<RunResult>>,
    ),
    (
        "lock",
        "A lock and its line: `runvoy locks show`.",
        schema::<LockView>,
    ),
    (
        "locks",
        "All locks: `runvoy locks list`.",
        schema::<Vec<LockView>>,
    ),
    (
        "lock-released",
        "A lock that was taken from its holder: `runvoy locks release`.",
        schema::<ReleaseResponse>,
    ),
    ("user", "A person: `runvoy users role`.", schema::<UserView>),
    (
        "users",
        "Everybody: `runvoy users list`.",
        schema::<Vec<UserView>>,
    ),
    (
        "user-created",
        "A new person, and how they get a key: `runvoy users create`.",
        schema::<CreateUserResponse>,
    ),
    (
        "user-revoked",
        "What became of a person's executions: `runvoy users revoke`.",
        schema::<RevokeResponse>,
    ),
    (
        "key-rotated",
        "A key that was replaced: `runvoy users rotate`.",
        schema::<RotateResponse>,
    ),
    (
        "whoami",
        "The caller: `runvoy whoami`.",
        schema::<WhoAmIView>,
    ),
    (
        "audit",
        "The audit trail, newest first: `runvoy audit list`.",
        schema::<Vec<AuditView>>,
    ),
    (
        "health",
        "The server: `runvoy health`.",
        schema::<HealthView>,
    ),
    (
        "version",
        "Both ends: `runvoy version`.",
        schema::<Versions>,
    ),
    (
        "contexts",
        "All contexts: `runvoy context list`.",
        schema::<Vec<ContextView>>,
    ),
    (
        "infra-status",
        "A deployment on AWS: `runvoy infra status`.",
        schema::<StatusView>,
    ),
];

/// The schema of what is printed of a `T`. Defaults are for those who read an API, not for those who read the output.
fn schema<T: JsonSchema>() -> Value {
    let drop_default = |schema: &mut Schema| {
        schema.remove("default");
    };
    SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(RecursiveTransform(drop_default))
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Every file, by name.
fn files() -> BTreeMap<String, Value> {
    let files = SHAPES.iter().map(|(name, description, schema)| {
        let mut schema = schema();
        schema["$id"] = json!(format!("urn:runvoy:output:{name}"));
        schema["title"] = json!(name);
        schema["description"] = json!(description);
        (format!("{name}.json"), schema)
    });
    files.collect()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "`cargo xtask openapi` asks for the files by this variable"
)]
fn the_checked_in_schemas_are_what_the_code_says() {
    let folder = Path::new(FOLDER);
    let expected = files();
    if std::env::var_os(WRITES).is_some() {
        fs::remove_dir_all(folder).ok();
        fs::create_dir(folder).unwrap();
        for (name, schema) in &expected {
            let text = serde_json::to_string_pretty(schema).unwrap();
            fs::write(folder.join(name), text + "\n").unwrap();
        }
        return;
    }
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let there: BTreeMap<String, Value> = entries
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    let is_same = there == expected;
    assert!(is_same, "docs/schemas is stale; type: cargo xtask openapi");
}

#[test]
fn every_schema_is_one() {
    for (name, schema) in files() {
        jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn a_deployment_is_of_its_shape() {
    let text = || "x".to_owned();
    let bare = StatusView {
        project: text(),
        account: text(),
        region: text(),
        stack: text(),
        reason: None,
        changed_at: None,
        bootstrap: text(),
        version: None,
        cli_version: text(),
        api_endpoint: None,
        agent_endpoint: None,
        health: text(),
        running_tasks: None,
        open_executions: None,
        default_task_role: None,
    };
    let full = StatusView {
        reason: Some(text()),
        changed_at: Some(jiff::Timestamp::UNIX_EPOCH),
        version: Some(text()),
        running_tasks: Some(1),
        ..bare
    };
    let mut schema = schema::<StatusView>();
    schema["additionalProperties"] = json!(false);
    let printed = serde_json::to_value(&full).unwrap();
    jsonschema::validate(&schema, &printed).unwrap();
}
