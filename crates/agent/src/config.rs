//! What the agent is told by its environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use runvoy_core::id::AttemptId;
use runvoy_wire::agent;
use runvoy_wire::secret::Secret;
use thiserror::Error;

use crate::place::ECS_METADATA_VARIABLE;

/// Variables of the agent's own all begin so.
const OWN_PREFIX: &str = "RUNVOY_AGENT_";

/// The agent's settings.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The control plane's address.
    pub(crate) url: String,
    /// Good for `start`.
    pub(crate) token: Secret,
    /// Which attempt this is.
    pub(crate) attempt: AttemptId,
    /// Further TLS roots.
    pub(crate) ca_file: Option<PathBuf>,
    /// Where the spool's file may lie.
    pub(crate) spool_dir: PathBuf,
    /// What its launcher calls its place.
    pub(crate) place: Option<String>,
    /// Where ECS tells a container about its task.
    pub(crate) metadata_uri: Option<String>,
    /// Locked by the agent's owner while that lives.
    pub(crate) owner_lock: Option<PathBuf>,
    /// The environment that the command inherits: the agent's without what is the agent's own.
    pub(crate) inherited: BTreeMap<OsString, OsString>,
}

/// A variable that is missing or wrong.
#[derive(Debug, Error)]
#[error("{name} {problem}")]
pub(crate) struct BadVariable {
    name: &'static str,
    problem: String,
}

impl Config {
    /// Reads the process's environment.
    pub(crate) fn from_env() -> Result<Self, BadVariable> {
        Self::from_variables(std::env::vars_os().collect())
    }

    fn from_variables(mut variables: BTreeMap<OsString, OsString>) -> Result<Self, BadVariable> {
        let mut path = |name: &str| {
            let value = variables.remove(std::ffi::OsStr::new(name));
            value.filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let ca_file = path(agent::CA_VARIABLE);
        let owner_lock = path(agent::OWNER_VARIABLE);
        let spool_dir = path(agent::SPOOL_VARIABLE).unwrap_or_else(|| PathBuf::from("."));
        let place = variables.remove(std::ffi::OsStr::new(agent::PLACE_VARIABLE));
        let place = place.and_then(|place| place.into_string().ok());
        let url = required(&mut variables, agent::URL_VARIABLE)?;
        let token = required(&mut variables, agent::TOKEN_VARIABLE)?;
        let attempt = required(&mut variables, agent::ATTEMPT_VARIABLE)?;
        let attempt = attempt
            .parse()
            .map_err(|error: runvoy_core::Invalid| BadVariable {
                name: agent::ATTEMPT_VARIABLE,
                problem: error.to_string(),
            })?;
        // The command may ask there too.
        let metadata_uri = variables.get(std::ffi::OsStr::new(ECS_METADATA_VARIABLE));
        let metadata_uri = metadata_uri.and_then(|uri| uri.to_str()).map(str::to_owned);
        // Those of an execution around this one would lie about this one.
        variables.retain(|name, _| {
            let is_foreign = name == agent::EXECUTION_VARIABLE || name == agent::FENCE_VARIABLE;
            !is_foreign && !name.as_encoded_bytes().starts_with(OWN_PREFIX.as_bytes())
        });
        Ok(Self {
            url,
            token: Secret::new(token),
            attempt,
            ca_file,
            spool_dir,
            place: place.filter(|place| !place.is_empty()),
            metadata_uri,
            owner_lock,
            inherited: variables,
        })
    }
}

fn required(
    variables: &mut BTreeMap<OsString, OsString>,
    name: &'static str,
) -> Result<String, BadVariable> {
    let bad = |problem: &str| BadVariable {
        name,
        problem: problem.to_owned(),
    };
    let value = variables
        .remove(std::ffi::OsStr::new(name))
        .unwrap_or_default();
    let value = value.into_string().map_err(|_| bad("is not UTF-8"))?;
    if value.is_empty() {
        return Err(bad("is not set; agents are started by runvoy itself"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<OsString, OsString> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        pairs.collect()
    }

    #[test]
    fn the_command_inherits_nothing_of_the_agents_own() {
        let config = Config::from_variables(variables(&[
            ("RUNVOY_AGENT_URL", "unix:/x"),
            ("RUNVOY_AGENT_TOKEN", "secret"),
            ("RUNVOY_ATTEMPT", "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-1"),
            ("RUNVOY_AGENT_ANYTHING", "x"),
            ("RUNVOY_AGENT_PLACE", "docker:engine/container"),
            ("RUNVOY_EXECUTION_ID", "of another"),
            ("RUNVOY_LOCK_FENCE", "7"),
            ("PATH", "/bin"),
            ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x"),
        ]))
        .unwrap();
        let metadata = "http://169.254.170.2/v4/x";
        let kept = [
            ("PATH", "/bin"),
            ("ECS_CONTAINER_METADATA_URI_V4", metadata),
        ];
        assert_eq!(config.inherited, variables(&kept));
        assert_eq!(config.metadata_uri.as_deref(), Some(metadata));
        assert_eq!(config.place.as_deref(), Some("docker:engine/container"));
    }

    #[test]
    fn what_is_missing_is_named_and_the_token_is_not_shown() {
        let error =
            Config::from_variables(variables(&[("RUNVOY_AGENT_URL", "unix:/x")])).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("RUNVOY_AGENT_TOKEN is not set")
        );
        let error = Config::from_variables(variables(&[
            ("RUNVOY_AGENT_URL", "unix:/x"),
            ("RUNVOY_AGENT_TOKEN", "hush"),
            ("RUNVOY_ATTEMPT", "x"),
        ]));
        let text = error.unwrap_err().to_string();
        assert!(text.starts_with("RUNVOY_ATTEMPT") && !text.contains("hush"));
    }
}
