//! The image registry: repositories in memory, served over the OCI distribution API on a port of its own.

mod repository;
mod serve;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub(crate) use self::repository::{Manifest, Repository};
pub(crate) use self::serve::PASSWORD;
use crate::sync::lock;

/// The registry of the account. Clones share it; it stops listening with the last one.
#[derive(Debug, Clone)]
pub struct Registry {
    shared: Arc<Shared>,
    _stop: Arc<DropGuard>,
}

/// What clones and the server hold together.
#[derive(Debug)]
pub(crate) struct Shared {
    address: SocketAddr,
    repositories: Mutex<BTreeMap<String, Repository>>,
}

impl Registry {
    /// Listens on a free port of loopback.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no port for the registry")?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            repositories: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let router = serve::router(Arc::clone(&shared));
        TaskTracker::new().spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(stopped);
            if let Err(error) = served.await {
                tracing::error!(%error, "the registry has stopped");
            }
        });
        Ok(Self {
            shared,
            _stop: Arc::new(stop.drop_guard()),
        })
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.shared.address.to_string()
    }

    /// What an image of the repository is called: `127.0.0.1:PORT/name`.
    pub fn uri(&self, repository: &str) -> String {
        format!("{}/{repository}", self.shared.address)
    }

    /// Makes a repository; whether there was none of that name.
    pub fn create(&self, name: &str) -> bool {
        let mut repositories = self.repositories();
        let is_new = !repositories.contains_key(name);
        repositories.entry(name.to_owned()).or_default();
        is_new
    }

    /// Deletes a repository, one with images only by `force`; whether it is gone.
    pub fn delete(&self, name: &str, force: bool) -> bool {
        let mut repositories = self.repositories();
        let may = repositories
            .get(name)
            .is_some_and(|repository| force || repository.manifests.is_empty());
        may && repositories.remove(name).is_some()
    }

    /// Whether there is a repository of that name.
    pub fn exists(&self, name: &str) -> bool {
        self.repositories().contains_key(name)
    }

    /// Whether tags of the repository stay where they are.
    pub fn set_immutable(&self, name: &str, immutable: bool) {
        if let Some(repository) = self.repositories().get_mut(name) {
            repository.is_immutable = immutable;
        }
    }

    /// The manifest of a tag or digest, and its media type.
    pub fn manifest(&self, name: &str, reference: &str) -> Option<(String, Bytes)> {
        let repositories = self.repositories();
        let (_, manifest) = repositories.get(name)?.find(reference)?;
        Some((manifest.media_type.clone(), manifest.body.clone()))
    }

    /// A blob by its digest.
    pub fn blob(&self, name: &str, digest: &str) -> Option<Bytes> {
        self.repositories().get(name)?.blobs.get(digest).cloned()
    }

    /// All repositories.
    pub(crate) fn repositories(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Repository>> {
        lock(&self.shared.repositories)
    }
}
