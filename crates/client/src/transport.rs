//! How a request reaches a control plane.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

/// A control plane in the same process, as `runvoy --local` composes it.
pub type InProcess = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, std::convert::Infallible>;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The way to one control plane. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    base: String,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Network(reqwest::Client),
    InProcess(InProcess),
}

/// A request that got no answer. Whether it was carried out is not known, unless connecting failed.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The address cannot be used.
    #[error("the address {address} cannot be used")]
    BadAddress {
        /// As it was given.
        address: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file of further TLS roots cannot be used.
    #[error("the CA file {0} cannot be used")]
    BadCaFile(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody was reached: the request was not carried out.
    #[error("cannot connect")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection broke, or no answer came in time.
    #[error("no answer")]
    NoAnswer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Transport {
    /// The way to `address`: `http://…`, `https://…` or `unix:/path`. TLS trusts the embedded roots and those of `ca_file`.
    pub fn to(address: &str, ca_file: Option<&Path>) -> Result<Self, TransportError> {
        let bad = |source| TransportError::BadAddress {
            address: address.to_owned(),
            source,
        };
        let builder = reqwest::Client::builder()
            .use_preconfigured_tls(tls(ca_file)?)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        let (builder, base) = if let Some(path) = address.strip_prefix("unix:") {
            (unix(builder, path), "http://localhost".to_owned())
        } else {
            let uri: Uri = address.parse().map_err(|error| bad(Box::new(error)))?;
            let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
            if !is_http || uri.host().is_none_or(str::is_empty) {
                return Err(bad(
                    "it must begin with http:// or https:// and name a host".into(),
                ));
            }
            let builder = if uri.scheme_str() == Some("http") {
                // What travels in clear goes to nobody else; the way back from a container is the machine's own.
                builder.no_proxy()
            } else {
                builder
            };
            (builder, address.trim_end_matches('/').to_owned())
        };
        let client = builder.build().map_err(|error| bad(Box::new(error)))?;
        Ok(Self {
            base,
            way: Way::Network(client),
        })
    }

    /// The way to a control plane in this process.
    pub fn in_process(service: InProcess) -> Self {
        Self {
            base: String::new(),
            way: Way::InProcess(service),
        }
    }

    /// Sends a request whose URI is a path, and reads the whole answer; no answer within `timeout` is an error.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let no_answer = |error| TransportError::NoAnswer(Box::new(error));
        match &self.way {
            Way::InProcess(service) => match service.clone().oneshot(request).await {
                Ok(response) => Ok(response),
                Err(never) => match never {},
            },
            Way::Network(client) => {
                let (parts, body) = request.into_parts();
                let answer = client
                    .request(parts.method, format!("{}{}", self.base, parts.uri))
                    .headers(parts.headers)
                    .timeout(timeout)
                    .body(body)
                    .send()
                    .await
                    .map_err(|error| {
                        if error.is_connect() {
                            TransportError::Connect(Box::new(error))
                        } else {
                            no_answer(error)
                        }
                    })?;
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = answer.status();
                *response.headers_mut() = answer.headers().clone();
                *response.body_mut() = answer.bytes().await.map_err(no_answer)?;
                Ok(response)
            }
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.way {
            Way::Network(_) => write!(f, "Transport({})", self.base),
            Way::InProcess(_) => f.write_str("Transport(in process)"),
        }
    }
}

#[cfg(unix)]
fn unix(builder: reqwest::ClientBuilder, path: &str) -> reqwest::ClientBuilder {
    builder.no_proxy().unix_socket(path)
}

#[cfg(not(unix))]
fn unix(builder: reqwest::ClientBuilder, _path: &str) -> reqwest::ClientBuilder {
    builder
}

/// TLS with Mozilla's roots built in (scratch images have none) and those of `ca_file`.
fn tls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, TransportError> {
    let mut roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = ca_file {
        let bad = |source| TransportError::BadCaFile(path.display().to_string(), source);
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| bad(error.into()))? {
            let certificate = certificate.map_err(|error| bad(error.into()))?;
            roots.add(certificate).map_err(|error| bad(error.into()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TransportError::BadCaFile("built-in".to_owned(), error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
