//! The caller's environment, read once, and the names in it that mean something.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The server's address; goes before the configuration file.
pub(crate) const ENDPOINT: &str = "RUNVOY_ENDPOINT";
/// The API key; goes before the configuration file.
pub(crate) const API_KEY: &str = "RUNVOY_API_KEY";
/// The context of the configuration file to use, as `--context`.
pub(crate) const CONTEXT: &str = "RUNVOY_CONTEXT";
/// The configuration file; `~/.runvoy/config.yaml` where unset.
pub(crate) const CONFIG: &str = "RUNVOY_CONFIG";
/// A file of further TLS roots, in PEM, for servers with a certificate of an authority of their own.
pub(crate) const CA_FILE: &str = "RUNVOY_CA_FILE";
/// Where `runvoy server` and `--local` keep their data.
#[cfg(all(unix, feature = "local"))]
pub(crate) const DATA_DIR: &str = "RUNVOY_DATA_DIR";
/// The address of the first administrator, for `runvoy server` and `runvoy infra apply`.
#[cfg(any(feature = "infra", all(unix, feature = "local")))]
pub(crate) const ADMIN_EMAIL: &str = "RUNVOY_ADMIN_EMAIL";
/// `RUNVOY_USER_K=V` sets `K=V` for the command of `run`.
pub(crate) const USER_PREFIX: &str = "RUNVOY_USER_";
/// Set and not empty: no colour.
pub(crate) const NO_COLOR: &str = "NO_COLOR";
/// `dumb`: no colour, no spinner, no box drawing.
pub(crate) const TERM: &str = "TERM";
/// The caller's home directory.
pub(crate) const HOME: &str = "HOME";
/// The same on Windows.
pub(crate) const USERPROFILE: &str = "USERPROFILE";
/// The login's name.
#[cfg(all(unix, feature = "local"))]
pub(crate) const USER: &str = "USER";
/// What a process under `--local` gets of the caller's environment, besides what `-e` names.
#[cfg(all(unix, feature = "local"))]
pub(crate) const PASSED_TO_LOCAL: [&str; 4] = [HOME, "PATH", "LANG", TERM];
/// Where a server's commands look for programs.
#[cfg(all(unix, feature = "local"))]
pub(crate) const PATH: &str = "PATH";
/// Where the Docker Engine listens, as for Docker's own tools.
#[cfg(all(unix, feature = "local"))]
pub(crate) const DOCKER_HOST: &str = "DOCKER_HOST";
/// The language of a server's commands.
#[cfg(all(unix, feature = "local"))]
pub(crate) const LANG: &str = "LANG";

/// Every variable of the process, as they were at its start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// Reads the environment of this process.
    pub(crate) fn of_this_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
        }
    }

    /// The value of a variable; an empty one counts as unset.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// The value of a variable, empty ones too.
    pub(crate) fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
    }

    /// The value of a variable as text; what is no text counts as unset.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str()
    }

    /// The value of a variable that names a file or directory.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// The caller's home directory.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.path(HOME).or_else(|| self.path(USERPROFILE))
    }

    /// Every variable whose name begins with `prefix`, by the rest of the name.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Vec<(String, &OsStr)> {
        self.variables
            .iter()
            .filter_map(|(name, value)| {
                let rest = name.to_str()?.strip_prefix(prefix)?;
                Some((rest.to_owned(), value.as_os_str()))
            })
            .collect()
    }
}

#[cfg(test)]
impl Environment {
    /// An environment of these variables.
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        Self {
            variables: variables
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}
