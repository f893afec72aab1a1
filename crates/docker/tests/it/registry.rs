//! A registry on this machine: it has what it is given, may ask for a password, and may stop in the middle of a layer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use futures_util::stream;
use runvoy_testkit::dockerd_image::Image;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A system with a layer of 6 MB, which takes its time.
pub(crate) fn large(mark: &str) -> Image {
    // Of no pattern, so that it stays as large as it is.
    let noise: Vec<u8> = (0..4_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
        .collect();
    Image::busybox()
        .file("/noise", &noise, 0o644)
        .file("/mark", mark.as_bytes(), 0o644)
}

/// A running registry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    blobs: Mutex<HashMap<String, Bytes>>,
    manifests: Mutex<HashMap<String, Bytes>>,
    /// What the header `Authorization` must be.
    password: Mutex<Option<String>>,
    /// Where it stops in the middle of each large blob, until there is a permit.
    gate: Mutex<Option<Arc<Semaphore>>>,
    address: Mutex<String>,
    /// What it says of what it has not got.
    complaint: Mutex<Option<String>>,
}

impl Registry {
    /// Serves at a port of its own. Engines trust this machine's addresses without TLS.
    pub(crate) async fn start() -> Self {
        let registry = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        *registry.0.address.lock().unwrap() = listener.local_addr().unwrap().to_string();
        let router = Router::new()
            .route("/{*path}", any(answer))
            .with_state(registry.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        registry
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        self.0.address.lock().unwrap().clone()
    }

    /// Takes an image; answers its name.
    pub(crate) fn push(&self, name: &str, image: &Image) -> String {
        let layer = Bytes::from(image.archive());
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "config": {"Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        });
        let config = Bytes::from(config.to_string());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": config.len(), "digest": digest(&config),
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": layer.len(), "digest": digest(&layer),
            }],
        });
        let manifest = Bytes::from(manifest.to_string());
        let mut blobs = self.0.blobs.lock().unwrap();
        for blob in [layer, config] {
            blobs.insert(digest(&blob), blob);
        }
        let mut manifests = self.0.manifests.lock().unwrap();
        for reference in ["1".to_owned(), digest(&manifest)] {
            manifests.insert(format!("v2/{name}/manifests/{reference}"), manifest.clone());
        }
        format!("{}/{name}:1", self.address())
    }

    /// Says this of what it has not got from now on.
    pub(crate) fn complain(&self, words: String) {
        *self.0.complaint.lock().unwrap() = Some(words);
    }

    /// Asks for `name:password` in base64 from now on.
    pub(crate) fn ask_for(&self, basic: &str) {
        *self.0.password.lock().unwrap() = Some(format!("Basic {basic}"));
    }

    /// Stops in the middle of each large blob until there is a permit.
    pub(crate) fn stop_in_the_middle(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.0.gate.lock().unwrap() = Some(gate.clone());
        gate
    }

    /// Spoils every large blob: what is sent is not what was promised.
    pub(crate) fn spoil(&self) {
        for blob in self.0.blobs.lock().unwrap().values_mut() {
            if blob.len() > 10_000 {
                *blob = Bytes::from(vec![7; blob.len()]);
            }
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

async fn answer(
    State(registry): State<Registry>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    let given = headers
        .get("authorization")
        .and_then(|given| given.to_str().ok());
    let wanted = registry.0.password.lock().unwrap().clone();
    if wanted.is_some() && given != wanted.as_deref() {
        let challenge = [("www-authenticate", "Basic realm=\"test\"")];
        let why = json!({"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]});
        return (StatusCode::UNAUTHORIZED, challenge, why.to_string()).into_response();
    }
    if path == "v2/" || path == "v2" {
        return "{}".into_response();
    }
    let manifest = registry.0.manifests.lock().unwrap().get(&path).cloned();
    if let Some(manifest) = manifest {
        let digest = digest(&manifest);
        let headers = [
            ("content-type", MANIFEST),
            ("docker-content-digest", &digest),
        ];
        return (headers, manifest).into_response();
    }
    let blob = path.rsplit('/').next().unwrap_or_default();
    let blob = registry.0.blobs.lock().unwrap().get(blob).cloned();
    if let Some(blob) = blob {
        return send(blob, registry.0.gate.lock().unwrap().clone());
    }
    let complaint = registry.0.complaint.lock().unwrap().clone();
    let complaint = complaint.unwrap_or_else(|| "manifest unknown".to_owned());
    let why = json!({"errors": [{"code": "MANIFEST_UNKNOWN", "message": complaint}]});
    (StatusCode::NOT_FOUND, why.to_string()).into_response()
}

fn send(blob: Bytes, gate: Option<Arc<Semaphore>>) -> Response {
    let length = [("content-length", blob.len().to_string())];
    let Some(gate) = gate.filter(|_| blob.len() > 10_000) else {
        return (length, blob).into_response();
    };
    let (first, rest) = (blob.slice(..blob.len() / 2), blob.slice(blob.len() / 2..));
    let parts = stream::unfold(
        (Some(first), Some(rest), gate),
        async |(first, rest, gate)| {
            if let Some(first) = first {
                return Some((Ok::<_, std::io::Error>(first), (None, rest, gate)));
            }
            let rest = rest?;
            gate.acquire().await.ok()?.forget();
            Some((Ok(rest), (None, None, gate)))
        },
    );
    (length, Body::from_stream(parts)).into_response()
}
