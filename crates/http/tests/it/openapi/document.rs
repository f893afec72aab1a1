//! Puts the description together.

use runvoy_core::role::Role;
use runvoy_wire::{BASE_PATH, KEY_EXPIRES_HEADER, REQUEST_ID_HEADER};
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::operations::{Answer, Operation, all};
use super::{parameters, refusals};
use crate::authorization::table::{Row, TABLE, Whose};

const ABOUT: &str = "\
The API of a runvoy server, by which commands are run where the credentials are.
docs/api.md explains it; this document is what a program reads.

- Bodies are JSON in UTF-8, at most 1 MiB. An unknown field of a request is refused.
- Answers may gain fields, and enumerations values, at any time: readers skip what they do not know.
- Errors have one body, `ErrorBody`; its `code` is stable.
- `x-roles` lists who may: for what is the caller's `own` and for what is of `others` where that makes a difference.
  What somebody may not know of is answered 404, what they may know of but not do 403.
- A list that goes on names the address of its next page in the header `Link`, with `rel=\"next\"`.
- An address that is none is answered 404, a method that an address does not take 405, with the body of an error.";

/// The generators of what is taken and of what is sent: a field with a default may be missing only where it is taken.
struct Schemas {
    taken: SchemaGenerator,
    sent: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = || {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.with_transform(RecursiveTransform(unwrap_choice))
        };
        let sent = settings().with_transform(RecursiveTransform(drop_default));
        Self {
            taken: settings().for_deserialize().into_generator(),
            sent: sent.for_serialize().into_generator(),
        }
    }

    /// All schemas that were referred to. A name stands for one thing.
    fn definitions(mut self) -> Map<String, Value> {
        let mut all = self.sent.take_definitions(true);
        for (name, schema) in self.taken.take_definitions(true) {
            let other = all.insert(name.clone(), schema.clone());
            assert!(
                other.is_none_or(|other| other == schema),
                "{name} is two things"
            );
        }
        all
    }
}

/// A choice of one is none.
fn unwrap_choice(schema: &mut Schema) {
    let is_choice = |schemas: &Value| schemas.as_array().is_some_and(|all| all.len() == 1);
    if !schema.get("anyOf").is_some_and(is_choice) {
        return;
    }
    if let Some(Value::Array(all)) = schema.remove("anyOf") {
        let fields = all.into_iter().filter_map(|one| one.as_object().cloned());
        for (name, value) in fields.flatten() {
            schema.insert(name, value);
        }
    }
}

/// What a reader takes for a field that is missing says nothing of what is sent.
fn drop_default(schema: &mut Schema) {
    schema.remove("default");
}

/// The whole description.
pub(super) fn document() -> Value {
    let mut schemas = Schemas::new();
    schemas
        .sent
        .subschema_for::<runvoy_wire::error::ErrorBody>();
    let mut paths = Map::new();
    for operation in all() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.to_lowercase()] = described(&operation, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "runvoy",
            "version": "1",
            "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": BASE_PATH, "description": "The server that this document came from."}],
        "security": [{"apiKey": []}, {"bearer": []}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "The same key."},
            },
            "headers": headers(),
            "responses": refusals::components(),
            "schemas": schemas.definitions(),
        },
    })
}

fn tags() -> Value {
    json!([
        {"name": "executions", "description": "Running commands, looking at them, stopping them."},
        {"name": "logs", "description": "What commands wrote."},
        {"name": "locks", "description": "One execution at a time."},
        {"name": "people", "description": "Who may do what, and their keys."},
        {"name": "audit", "description": "Who did what, and when."},
        {"name": "server", "description": "The server itself."},
    ])
}

fn headers() -> Value {
    let text =
        |description: &str| json!({"description": description, "schema": {"type": "string"}});
    let mut request_id = text("The request, as the server's log names it.");
    request_id["required"] = json!(true);
    json!({
        "RequestId": request_id,
        "RetryAfter": {
            "description": "Seconds after which to try again, where the server can tell.",
            "schema": {"type": "integer", "minimum": 0},
        },
        "KeyExpires": {
            "description": "When the caller's key ends, where that is soon.",
            "schema": {"type": "string", "format": "date-time"},
        },
        "Link": text("The address of the next page, with `rel=\"next\"`; absent on the last one."),
        "ETag": text("Names this version of the description."),
        "Cache-Control": text("`no-cache`: ask again with the tag before it is used."),
    })
}

fn described(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": answers(operation, schemas),
    });
    let mut parameters = parameters::of_path(operation.path);
    parameters.extend(operation.parameters.clone());
    if !parameters.is_empty() {
        described["parameters"] = Value::from(parameters);
    }
    if let Some(body) = &operation.body {
        let schema = (body.schema)(&mut schemas.taken);
        described["requestBody"] = json!({
            "required": body.is_required,
            "content": {"application/json": {"schema": schema}},
        });
    }
    if operation.is_deprecated {
        described["deprecated"] = json!(true);
    }
    if operation.is_public {
        described["security"] = json!([]);
    } else {
        described["x-roles"] = roles(operation);
    }
    described
}

fn answers(operation: &Operation, schemas: &mut Schemas) -> Map<String, Value> {
    let mut answers = refusals::references(operation.refusals);
    for (status, what, answer) in &operation.answers {
        let mut headers = json!({REQUEST_ID_NAME: {"$ref": "#/components/headers/RequestId"}});
        if !operation.is_public {
            headers[KEY_EXPIRES_NAME] = json!({"$ref": "#/components/headers/KeyExpires"});
        }
        for name in operation.headers {
            headers[name] = json!({"$ref": format!("#/components/headers/{name}")});
        }
        let mut described = json!({"description": what, "headers": headers});
        let schema = match answer {
            Answer::Exact(schema) => Some(schema(&mut schemas.sent).to_value()),
            Answer::Lenient(schema) => Some(schema(&mut schemas.taken).to_value()),
            Answer::Object => Some(json!({"type": "object"})),
            Answer::Empty => None,
        };
        if let Some(schema) = schema {
            described["content"] = json!({"application/json": {"schema": schema}});
        }
        answers.insert(status.to_string(), described);
    }
    answers
}

/// The header's name as documents write it.
const REQUEST_ID_NAME: &str = "X-Request-Id";
/// The same for the end of a key.
pub(super) const KEY_EXPIRES_NAME: &str = "X-Runvoy-Key-Expires";

/// Who may, from the table that the authorization test holds the server to.
fn roles(operation: &Operation) -> Value {
    let address = format!("{BASE_PATH}{}", operation.path);
    let is_it = |row: &&Row| row.method == operation.method && row.path == address;
    let allowed = |row: &Row| -> Value {
        let all = Role::ALL.into_iter().zip(row.statuses);
        all.filter(|(_, status)| *status < 400)
            .map(|(role, _)| role.as_str())
            .collect()
    };
    let of = |whose: Whose| TABLE.iter().filter(is_it).find(|row| row.whose == whose);
    match (of(Whose::Nobodys), of(Whose::Own), of(Whose::Others)) {
        (Some(row), None, None) => allowed(row),
        (None, Some(own), Some(others)) => json!({"own": allowed(own), "others": allowed(others)}),
        _ => panic!("{} is not in the table of authorization", operation.path),
    }
}

#[test]
fn headers_have_their_names() {
    assert!(REQUEST_ID_NAME.eq_ignore_ascii_case(REQUEST_ID_HEADER));
    assert!(KEY_EXPIRES_NAME.eq_ignore_ascii_case(KEY_EXPIRES_HEADER));
}
