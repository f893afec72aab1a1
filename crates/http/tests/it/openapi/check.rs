//! Holds a request and its answer against the description. Every test of the users' API is looked at this way.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use jsonschema::Validator;
use runvoy_wire::BASE_PATH;
use serde_json::{Value, json};

use super::{DOCUMENT, operations};
use crate::harness::answer::Answer;

/// A body: its method, its path, and the answer's status or none for the request's.
type BodyName = (String, &'static str, Option<u16>);

/// A validator for each body.
static BODIES: LazyLock<BTreeMap<BodyName, Validator>> = LazyLock::new(bodies);

/// A request on its way.
pub(crate) struct Asked {
    method: Method,
    path: String,
    query: String,
    body: Bytes,
}

impl Asked {
    /// Reads the request, and gives it back as it was.
    pub(crate) async fn read(request: Request<Body>) -> (Self, Request<Body>) {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let asked = Self {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            body: body.clone(),
        };
        (asked, Request::from_parts(head, Body::from(body)))
    }

    /// Fails where the description does not say so.
    pub(crate) fn check(&self, answer: &Answer) {
        let (method, status) = (self.method.as_str(), answer.status);
        let Some((template, operation)) = self.operation() else {
            assert!(
                matches!(status, 404 | 405),
                "{method} {} is served: {status}",
                self.path
            );
            return;
        };
        let described = &operation["responses"][status.to_string()];
        let place = format!("{method} {template} → {status}");
        assert!(
            !described.is_null(),
            "{place} is not described: {}",
            answer.shown()
        );
        let body = BODIES.get(&(method.to_owned(), template, Some(status)));
        assert_eq!(
            body.is_some(),
            !answer.bytes.is_empty(),
            "{place}: {}",
            answer.shown()
        );
        if let Some(body) = body {
            assert_eq!(
                answer.header("content-type"),
                Some("application/json"),
                "{place}"
            );
            validate(body, &answer.json, &place);
        }
        check_headers(resolved(described), answer, &place);
        if status < 400 {
            self.check_request(template, operation, &place);
        }
    }

    /// What was taken is described as what may be sent.
    fn check_request(&self, template: &str, operation: &Value, place: &str) {
        let known = operation["parameters"].as_array().into_iter().flatten();
        let known: Vec<&Value> = known.map(|parameter| &parameter["name"]).collect();
        let parameters = self.query.split('&').filter(|one| !one.is_empty());
        for name in parameters.filter_map(|one| one.split('=').next()) {
            assert!(
                known.contains(&&json!(name)),
                "{place}: the parameter {name}"
            );
        }
        if self.body.is_empty() {
            assert_ne!(
                operation["requestBody"]["required"], true,
                "{place}: no body"
            );
        } else if let Some(schema) = BODIES.get(&(self.method.to_string(), template, None)) {
            let body = serde_json::from_slice(&self.body).unwrap();
            validate(schema, &body, place);
        }
    }

    /// Whether the description lets this body be sent.
    pub(crate) fn is_described(&self) -> bool {
        let (template, _) = self.operation().unwrap();
        let schema = &BODIES[&(self.method.to_string(), template, None)];
        serde_json::from_slice(&self.body).is_ok_and(|body| schema.is_valid(&body))
    }

    /// The operation that answers this request: its path, and what is said of it.
    fn operation(&self) -> Option<(&'static str, &'static Value)> {
        let path = self.path.strip_prefix(BASE_PATH)?.trim_end_matches('/');
        let fits = |template: &str| {
            let (mut parts, mut wanted) = (path.split('/'), template.split('/'));
            loop {
                match (parts.next(), wanted.next()) {
                    (None, None) => return true,
                    (Some(part), Some(wanted)) => {
                        if part != wanted && (part.is_empty() || !wanted.starts_with('{')) {
                            return false;
                        }
                    }
                    _ => return false,
                }
            }
        };
        operations()
            .find(|(method, template, _)| *method == self.method.as_str() && fits(template))
            .map(|(_, template, operation)| (template, operation))
    }
}

/// Every header is described, but those that every answer of every server has.
fn check_headers(described: &Value, answer: &Answer, place: &str) {
    let known = described["headers"].as_object().unwrap();
    for name in answer.headers.keys() {
        let name = name.as_str();
        let is_known = ["content-type", "content-length"].contains(&name)
            || known.keys().any(|known| known.eq_ignore_ascii_case(name));
        assert!(is_known, "{place}: {name}");
    }
}

/// What the description refers to.
fn resolved(described: &'static Value) -> &'static Value {
    match described["$ref"].as_str() {
        Some(target) => DOCUMENT.pointer(target.trim_start_matches('#')).unwrap(),
        None => described,
    }
}

fn validate(schema: &Validator, body: &Value, place: &str) {
    let wrong: Vec<String> = schema
        .iter_errors(body)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{place}: {wrong:?} in {body}");
}

fn bodies() -> BTreeMap<(String, &'static str, Option<u16>), Validator> {
    let components = closed_components();
    let mut bodies = BTreeMap::new();
    for (method, path, operation) in operations() {
        for (status, answer) in operation["responses"].as_object().unwrap() {
            if let Some(schema) = resolved(answer).pointer("/content/application~1json/schema") {
                let key = (method.clone(), path, Some(status.parse().unwrap()));
                bodies.insert(key, validator(schema, &components));
            }
        }
        if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
            bodies.insert((method, path, None), validator(schema, &components));
        }
    }
    bodies
}

fn validator(schema: &Value, components: &Value) -> Validator {
    let whole = json!({
        "$schema": DOCUMENT["jsonSchemaDialect"],
        "allOf": [schema],
        "components": {"schemas": components},
    });
    jsonschema::options()
        .should_validate_formats(true)
        .build(&whole)
        .unwrap()
}

/// The schemas, but that no object may have a field that is not described: what the server of this version sends is
/// described to the last field, although readers must expect more of a later one.
fn closed_components() -> Value {
    let mut schemas = DOCUMENT["components"]["schemas"].clone();
    for schema in schemas.as_object_mut().unwrap().values_mut() {
        let schema = schema.as_object_mut().unwrap();
        if schema.contains_key("properties") {
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
    }
    schemas
}
