//! The published description of the API: made here from the types that are sent and taken, held against what is served.

pub(crate) mod check;
mod document;
mod operations;
mod parameters;
mod refusals;
mod walk;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use runvoy_http::user_routes;
use runvoy_wire::BASE_PATH;
use serde_json::Value;

/// Where the description is checked in.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
/// Where it is set, the description is written instead of compared.
const WRITES: &str = "RUNVOY_WRITE_DESCRIPTIONS";

/// The description as the code says it.
static DOCUMENT: LazyLock<Value> = LazyLock::new(document::document);

/// Each operation of the description: method, path below the base path, and what is said of it.
fn operations() -> impl Iterator<Item = (String, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    })
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "`cargo xtask openapi` asks for the file by this variable"
)]
fn the_checked_in_description_is_what_the_code_says() {
    if std::env::var_os(WRITES).is_some() {
        let text = serde_json::to_string_pretty(&*DOCUMENT).unwrap();
        std::fs::write(Path::new(FILE), text + "\n").unwrap();
        return;
    }
    let text = std::fs::read_to_string(FILE).unwrap();
    let there: Value = serde_json::from_str(&text).unwrap();
    assert!(
        there == *DOCUMENT,
        "docs/openapi.json is stale; type: cargo xtask openapi"
    );
}

#[test]
fn the_description_has_every_route_and_no_other() {
    let served: BTreeSet<String> = user_routes()
        .into_iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let described: BTreeSet<String> = operations()
        .map(|(method, path, _)| format!("{method} {BASE_PATH}{path}"))
        .collect();
    assert_eq!(described, served);
}

#[test]
fn every_schema_is_one() {
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    assert!(schemas.len() > 20);
    for (name, schema) in schemas {
        jsonschema::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn bodies_of_requests_take_no_unknown_fields() {
    for (method, path, operation) in operations() {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let Some(name) = schema["$ref"].as_str() else {
            assert!(schema.is_null(), "{method} {path}");
            continue;
        };
        let body = DOCUMENT.pointer(name.trim_start_matches('#')).unwrap();
        assert_eq!(body["additionalProperties"], false, "{method} {path}");
    }
}

#[test]
fn every_code_has_a_status() {
    let all = &DOCUMENT["components"]["schemas"]["ErrorCode"];
    // A code with a comment of its own stands alone.
    let groups = all["oneOf"]
        .as_array()
        .map_or(vec![all], |groups| groups.iter().collect());
    let all: BTreeSet<&str> = groups
        .iter()
        .flat_map(|group| {
            group["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .chain(group.get("const"))
        })
        .map(|code| code.as_str().unwrap())
        .collect();
    let mut of_statuses: BTreeSet<&str> = refusals::all()
        .flat_map(|(_, codes)| codes.iter().copied())
        .collect();
    // For agents alone.
    of_statuses.insert("LEAVE");
    assert_eq!(of_statuses, all);
}
