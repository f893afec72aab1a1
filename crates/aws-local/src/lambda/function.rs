//! A function as it was put.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::archive;
use crate::sync::now;

/// A function, to be created or updated.
#[derive(Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its code: a zip with an executable `bootstrap` for this machine.
    pub zip: Bytes,
    /// Its own variables.
    pub environment: BTreeMap<String, String>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// The memory it is said to have; nothing enforces it.
    pub memory_mb: u32,
    /// The access key id that its calls to AWS carry.
    pub access_key_id: String,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .field("zip_bytes", &self.zip.len())
            .field("environment", &self.environment.keys())
            .field("timeout", &self.timeout)
            .field("memory_mb", &self.memory_mb)
            .field("access_key_id", &self.access_key_id)
            .finish()
    }
}

/// One version of a function, unpacked. The directory goes with the last environment that runs from it.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) name: String,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) timeout: Duration,
    pub(crate) memory_mb: u32,
    pub(crate) access_key_id: String,
    pub(crate) size: usize,
    pub(crate) sha256: String,
    pub(crate) modified_at: Timestamp,
    pub(crate) directory: TempDir,
}

impl Code {
    /// Unpacks a function.
    pub(crate) fn unpack(function: Function) -> anyhow::Result<Self> {
        Ok(Self {
            directory: archive::unpack(&function.zip)?,
            name: function.name,
            environment: function.environment,
            timeout: function.timeout,
            memory_mb: function.memory_mb,
            access_key_id: function.access_key_id,
            size: function.zip.len(),
            sha256: STANDARD.encode(Sha256::digest(&function.zip)),
            modified_at: now(),
        })
    }

    /// All variables of its processes: what Lambda sets, then its own.
    pub(crate) fn variables(
        &self,
        region: &str,
        endpoint: &str,
        runtime_api: &str,
    ) -> Vec<(String, String)> {
        let root = self.directory.path().display().to_string();
        let memory = self.memory_mb.to_string();
        let log_group = format!("/aws/lambda/{}", self.name);
        let given = [
            ("AWS_LAMBDA_RUNTIME_API", runtime_api),
            ("AWS_LAMBDA_FUNCTION_NAME", &self.name),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &log_group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
            ("AWS_REGION", region),
            ("AWS_DEFAULT_REGION", region),
            ("AWS_ACCESS_KEY_ID", &self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_SESSION_TOKEN", "local"),
            ("AWS_ENDPOINT_URL", endpoint),
            ("LAMBDA_TASK_ROOT", &root),
            ("_HANDLER", "bootstrap"),
            ("TZ", ":UTC"),
        ];
        let given = given
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        given
            .chain(self.environment.clone())
            .chain(path())
            .collect()
    }
}

/// The machine's `PATH`, the one variable that environments inherit.
#[expect(
    clippy::disallowed_methods,
    reason = "a script as `bootstrap` needs the machine's interpreters"
)]
fn path() -> Option<(String, String)> {
    Some(("PATH".to_owned(), std::env::var("PATH").ok()?))
}
