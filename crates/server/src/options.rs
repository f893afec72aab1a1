//! What a server is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use runvoy_ports::Store;

use crate::containers::ContainerOptions;
use crate::limits::Limits;

/// What a server is told.
#[derive(Debug)]
pub struct ServerOptions {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where people's clients call.
    pub listen: SocketAddr,
    /// Certificate and key, for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A proxy in front speaks TLS.
    pub behind_proxy: bool,
    /// Run commands as plain processes with the server's own rights, not in containers.
    pub unsafe_process_launcher: bool,
    /// How containers are made.
    pub containers: ContainerOptions,
    /// This program.
    pub executable: PathBuf,
    /// PATH of commands that are processes.
    pub path: String,
    /// LANG of commands that are processes.
    pub lang: String,
    /// The first admin's address.
    pub admin_email: Option<String>,
    /// How much is accepted.
    pub limits: Limits,
}

/// What a test puts between the parts of a server. The shipped program puts nothing.
#[derive(Debug, Clone, Copy)]
pub struct Seams {
    /// Around the store.
    pub store: fn(Arc<dyn Store>) -> Arc<dyn Store>,
    /// Around what agents call.
    pub agents: fn(Router) -> Router,
}

impl Seams {
    pub(crate) const NONE: Self = Self {
        store: |store| store,
        agents: |router| router,
    };
}
