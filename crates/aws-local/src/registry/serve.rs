//! The OCI distribution API.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};
use serde_json::json;

use super::Shared;
use super::repository::{Repository, Unacceptable, digest_of};
use crate::sync::lock;

/// The password that `GetAuthorizationToken` gives.
pub(crate) const PASSWORD: &str = "local-registry-password";

/// The largest request that is taken: a layer.
const MAX_BODY: usize = 256 * 1024 * 1024;

/// Routes of the registry; repository names have slashes, so paths are taken apart by hand.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(receive).with_state(shared)
}

async fn receive(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return refuse(413, "SIZE_INVALID", "the body is too large");
    };
    if !is_authorized(&parts.headers) {
        let mut response = refuse(401, "UNAUTHORIZED", "Not Authorized");
        let realm = format!(
            "Basic realm=\"http://{}/\",service=\"ecr.amazonaws.com\"",
            shared.address
        );
        set(&mut response, "www-authenticate", &realm);
        return response;
    }
    answer(&shared, &parts.method, &parts.uri, &parts.headers, body)
}

fn is_authorized(headers: &HeaderMap) -> bool {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let wanted = format!("Basic {}", STANDARD.encode(format!("AWS:{PASSWORD}")));
    given == Some(wanted.as_str())
}

fn answer(
    shared: &Shared,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Bytes,
) -> Response {
    let Some(path) = uri.path().strip_prefix("/v2/") else {
        return refuse(404, "UNSUPPORTED", "the API is under /v2/");
    };
    if path.is_empty() {
        return reply(200, Bytes::from_static(b"{}"));
    }
    let mut repositories = lock(&shared.repositories);
    let split = |marker: &str| {
        path.split_once(marker)
            .map(|(name, rest)| (name.to_owned(), rest.to_owned()))
    };
    let parts = [
        split("/blobs/uploads/"),
        split("/blobs/"),
        split("/manifests/"),
    ];
    let Some((name, _)) = parts.iter().flatten().next().cloned() else {
        return refuse(404, "UNSUPPORTED", "unknown path");
    };
    let Some(repository) = repositories.get_mut(&name) else {
        let message = format!(
            "The repository with name '{name}' does not exist in the registry with id '123456789012'"
        );
        return refuse(404, "NAME_UNKNOWN", &message);
    };
    let head = method == Method::HEAD;
    match parts {
        [Some((_, upload)), ..] => Upload {
            repository,
            name: &name,
            id: &upload,
        }
        .answer(method, uri, &body),
        [None, Some((_, digest)), _] => blob(repository, &digest, head),
        [None, None, Some((_, reference))] => {
            manifest(repository, &reference, method, headers, body)
        }
        [None, None, None] => refuse(404, "UNSUPPORTED", "unknown path"),
    }
}

fn blob(repository: &Repository, digest: &str, head: bool) -> Response {
    let Some(bytes) = repository.blobs.get(digest) else {
        return refuse(404, "BLOB_UNKNOWN", "no such blob");
    };
    found(digest, "application/octet-stream", bytes, head)
}

fn manifest(
    repository: &mut Repository,
    reference: &str,
    method: &Method,
    headers: &HeaderMap,
    body: Bytes,
) -> Response {
    if method == Method::PUT {
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or("application/vnd.oci.image.manifest.v1+json");
        return match repository.put(reference, kind, body) {
            Ok(digest) => {
                let mut response = reply(201, Bytes::new());
                set(&mut response, "docker-content-digest", &digest);
                response
            }
            Err(Unacceptable { code, message }) => refuse(400, code, &message),
        };
    }
    match repository.find(reference) {
        Some((digest, manifest)) => found(
            digest,
            &manifest.media_type,
            &manifest.body,
            method == Method::HEAD,
        ),
        None => refuse(404, "MANIFEST_UNKNOWN", "Requested image not found"),
    }
}

/// One upload of a blob: begun, continued, ended.
struct Upload<'a> {
    repository: &'a mut Repository,
    name: &'a str,
    id: &'a str,
}

impl Upload<'_> {
    fn answer(self, method: &Method, uri: &Uri, body: &Bytes) -> Response {
        let query = query_of(uri);
        let digest = query.get("digest");
        match *method {
            Method::POST => match digest {
                Some(digest) => self.store(digest, body.to_vec()),
                None => self.begin(),
            },
            Method::PATCH => self.extend(body),
            Method::PUT => self.end(digest.map(String::as_str).unwrap_or_default(), body),
            _ => refuse(405, "UNSUPPORTED", "unknown method"),
        }
    }

    fn begin(self) -> Response {
        self.repository.begun += 1;
        let serial = self.repository.begun;
        let id = digest_of(format!("{}/{serial}", self.name).as_bytes()).replace(':', "-");
        self.repository.uploads.insert(id.clone(), Vec::new());
        accepted(self.name, &id, 0)
    }

    fn extend(self, body: &Bytes) -> Response {
        let Some(bytes) = self.repository.uploads.get_mut(self.id) else {
            return refuse(404, "BLOB_UPLOAD_UNKNOWN", "no such upload");
        };
        bytes.extend_from_slice(body);
        accepted(self.name, self.id, bytes.len())
    }

    fn end(self, digest: &str, body: &Bytes) -> Response {
        let Some(mut bytes) = self.repository.uploads.remove(self.id) else {
            return refuse(404, "BLOB_UPLOAD_UNKNOWN", "no such upload");
        };
        bytes.extend_from_slice(body);
        self.store(digest, bytes)
    }

    fn store(self, digest: &str, bytes: Vec<u8>) -> Response {
        let actual = digest_of(&bytes);
        if actual != digest {
            return refuse(
                400,
                "DIGEST_INVALID",
                &format!("the blob's digest is {actual}, not {digest}"),
            );
        }
        self.repository.blobs.insert(actual, Bytes::from(bytes));
        let mut response = reply(201, Bytes::new());
        set(&mut response, "docker-content-digest", digest);
        set(
            &mut response,
            "location",
            &format!("/v2/{}/blobs/{digest}", self.name),
        );
        response
    }
}

fn query_of(uri: &Uri) -> BTreeMap<String, String> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| {
            (
                key.to_owned(),
                value.replace("%3A", ":").replace("%3a", ":"),
            )
        })
        .collect()
}

fn accepted(name: &str, id: &str, size: usize) -> Response {
    let mut response = reply(202, Bytes::new());
    set(
        &mut response,
        "location",
        &format!("/v2/{name}/blobs/uploads/{id}"),
    );
    set(&mut response, "docker-upload-uuid", id);
    set(
        &mut response,
        "range",
        &format!("0-{}", size.saturating_sub(1)),
    );
    response
}

fn found(digest: &str, kind: &str, bytes: &Bytes, head: bool) -> Response {
    let mut response = reply(200, if head { Bytes::new() } else { bytes.clone() });
    set(&mut response, "content-length", &bytes.len().to_string());
    set(&mut response, "docker-content-digest", digest);
    set(&mut response, "content-type", kind);
    response
}

fn refuse(status: u16, code: &str, message: &str) -> Response {
    let body = json!({ "errors": [{ "code": code, "message": message }] });
    let mut response = reply(status, Bytes::from(body.to_string()));
    set(&mut response, "content-type", "application/json");
    response
}

fn reply(status: u16, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = http::HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
