//! HTTP where no SDK goes: registries, releases, and the one API whose SDK would outweigh everything else.

use std::sync::Arc;
use std::time::Duration;

use crate::error::InfraError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest body is a few megabytes.
const TIMEOUT: Duration = Duration::from_mins(5);

/// A client that trusts Mozilla's roots.
pub(crate) fn client() -> Result<reqwest::Client, InfraError> {
    let broken = |error: &(dyn std::error::Error + 'static)| {
        InfraError::failed("no HTTP client can be made").because_of(error)
    };
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .user_agent(concat!("runvoy/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| broken(&error))
}

/// A request that got no answer.
pub(crate) fn unanswered(what: &str, error: &reqwest::Error) -> InfraError {
    InfraError::failed(what)
        .because_of(error)
        .hint("is the network up, and may it go there?")
}
