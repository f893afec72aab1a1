//! `runvoy version`: this program and the server.

use std::time::Duration;

use serde::Serialize;

use super::show;
use crate::connection::remote;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::table::fields;

/// How long the server may take to say its version.
const PATIENCE: Duration = Duration::from_secs(3);

/// The versions of both ends.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Versions {
    /// This program's.
    cli: &'static str,
    /// The server's; null where none is configured or it did not answer.
    backend: Option<String>,
    /// The server's address, where one is configured.
    endpoint: Option<String>,
}

/// Shows both versions. A server that cannot be reached is no failure: this program's version is known all the same.
pub(crate) async fn run(app: &App<'_>) -> Result<ExitStatus, Failure> {
    let endpoint = app
        .settings
        .endpoint
        .clone()
        .filter(|_| !app.settings.is_local);
    let backend = match &endpoint {
        Some(endpoint) => backend(app, endpoint).await,
        None if app.settings.is_local => Some(env!("CARGO_PKG_VERSION").to_owned()),
        None => None,
    };
    let versions = Versions {
        cli: env!("CARGO_PKG_VERSION"),
        backend,
        endpoint,
    };
    show(app, &versions, || {
        let otherwise = match &versions.endpoint {
            Some(endpoint) => format!("unknown ({endpoint} did not answer)"),
            None => "none configured".to_owned(),
        };
        fields(&[
            ("runvoy", Some(versions.cli.to_owned())),
            (
                "Backend",
                Some(versions.backend.clone().unwrap_or(otherwise)),
            ),
        ])
    })
}

/// The server's version. Asked without a key, for it is public.
async fn backend(app: &App<'_>, endpoint: &str) -> Option<String> {
    let api = remote(app, endpoint, None).ok()?;
    let answer = tokio::time::timeout(PATIENCE, api.health()).await;
    Some(answer.ok()?.ok()?.version)
}
