//! What the functions are told by their environment, which the CloudFormation template writes.

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::bail;
use runvoy_core::container::{Architecture, ImageRef};

/// The environment of a function, read once.
#[derive(Debug)]
pub struct Config {
    /// Whom the orchestrator answers; nothing for the event processor.
    pub serves: Option<Serves>,
    /// Name of the deployment; begins every name of it.
    pub project: String,
    /// The parameter with the stack key.
    pub stack_key: String,
    /// For how many days CloudWatch keeps the tasks' output, and the store its own copy.
    pub log_retention_days: u32,
    /// The event processor, for the functions that hand work to it.
    pub event_processor: Option<String>,
    /// Where and how tasks are run, for the functions that may run any.
    pub fargate: Option<Fargate>,
}

/// Whom a deployment of the orchestrator answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// People.
    People,
    /// Agents.
    Agents,
}

/// Where and how tasks are run.
#[derive(Debug)]
pub struct Fargate {
    /// The ECS cluster.
    pub cluster: String,
    /// Subnets of the tasks.
    pub subnets: Vec<String>,
    /// Security groups of the tasks.
    pub security_groups: Vec<String>,
    /// Whether tasks get a public address.
    pub has_public_ip: bool,
    /// Where agents call.
    pub agent_url: String,
    /// The image that brings the agent.
    pub agent_image: String,
    /// The role with which ECS itself pulls images and writes logs.
    pub execution_role: String,
    /// The role that commands get.
    pub task_role: String,
    /// Where tasks' output goes.
    pub log_group: String,
    /// The image where none is named.
    pub default_image: ImageRef,
    /// The instruction set of tasks.
    pub architecture: Architecture,
    /// Whether tasks run on spare capacity.
    pub is_spot: bool,
}

/// Reads variables and keeps what is wrong with them, so that all of it is reported at once.
struct Reader {
    variables: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> anyhow::Result<Self> {
        Self::from_variables(std::env::vars().collect())
    }

    fn from_variables(variables: BTreeMap<String, String>) -> anyhow::Result<Self> {
        let mut reader = Reader {
            variables,
            problems: Vec::new(),
        };
        let serves = reader.serves();
        // Agents' calls launch nothing, and their function has no right to.
        let may_launch = serves != Some(Serves::Agents);
        let config = Self {
            serves,
            project: reader.text("RUNVOY_PROJECT"),
            stack_key: reader.text("RUNVOY_STACK_KEY_PARAMETER"),
            log_retention_days: reader
                .parsed("RUNVOY_LOG_RETENTION_DAYS")
                .unwrap_or_default(),
            event_processor: reader.variables.remove("RUNVOY_EVENT_PROCESSOR"),
            fargate: may_launch.then(|| reader.fargate()).flatten(),
        };
        if reader.problems.is_empty() {
            Ok(config)
        } else {
            bail!("the function's environment: {}", reader.problems.join("; "))
        }
    }
}

impl Reader {
    /// `None` where a variable is wrong: then there are problems.
    fn fargate(&mut self) -> Option<Fargate> {
        let default_image = self.parsed("RUNVOY_DEFAULT_IMAGE");
        let architecture = self.parsed("RUNVOY_ARCHITECTURE");
        Some(Fargate {
            cluster: self.text("RUNVOY_CLUSTER"),
            subnets: self.list("RUNVOY_SUBNETS"),
            security_groups: self.list("RUNVOY_SECURITY_GROUPS"),
            has_public_ip: self.one_of("RUNVOY_ASSIGN_PUBLIC_IP", "ENABLED", "DISABLED"),
            agent_url: self
                .text("RUNVOY_AGENT_URL")
                .trim_end_matches('/')
                .to_owned(),
            agent_image: self.text("RUNVOY_AGENT_IMAGE"),
            execution_role: self.text("RUNVOY_EXECUTION_ROLE"),
            task_role: self.text("RUNVOY_TASK_ROLE"),
            log_group: self.text("RUNVOY_TASK_LOG_GROUP"),
            is_spot: self.one_of("RUNVOY_SPOT", "true", "false"),
            default_image: default_image?,
            architecture: architecture?,
        })
    }

    fn serves(&mut self) -> Option<Serves> {
        match self.variables.remove("RUNVOY_FUNCTION")?.as_str() {
            "api" => Some(Serves::People),
            "agent" => Some(Serves::Agents),
            _ => {
                let problem = "RUNVOY_FUNCTION is neither api nor agent";
                self.problems.push(problem.to_owned());
                None
            }
        }
    }

    fn text(&mut self, name: &str) -> String {
        let value = self.variables.remove(name).unwrap_or_default();
        if value.is_empty() {
            self.problems.push(format!("{name} is not set"));
        }
        value
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name);
        if text.is_empty() {
            return None;
        }
        let parsed = text.parse();
        parsed
            .map_err(|error| self.problems.push(format!("{name}: {error}")))
            .ok()
    }

    fn list(&mut self, name: &str) -> Vec<String> {
        let items = self.text(name);
        let items = items
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    fn one_of(&mut self, name: &str, yes: &str, no: &str) -> bool {
        let value = self.text(name);
        if !value.is_empty() && value != yes && value != no {
            self.problems
                .push(format!("{name} is neither {yes} nor {no}"));
        }
        value == yes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    const EVERYWHERE: [(&str, &str); 3] = [
        ("RUNVOY_PROJECT", "runvoy"),
        ("RUNVOY_STACK_KEY_PARAMETER", "/runvoy/runvoy/stack-key"),
        ("RUNVOY_LOG_RETENTION_DAYS", "90"),
    ];

    #[test]
    fn a_function_that_may_not_launch_needs_nothing_of_fargate() {
        let mut agents = variables(&EVERYWHERE);
        agents.extend(variables(&[("RUNVOY_FUNCTION", "agent")]));
        let config = Config::from_variables(agents).unwrap();
        assert!(config.fargate.is_none());
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let mut wrong = variables(&EVERYWHERE);
        wrong.extend(variables(&[
            ("RUNVOY_CLUSTER", "runvoy"),
            ("RUNVOY_SPOT", "maybe"),
            ("RUNVOY_ARCHITECTURE", "mips"),
            ("RUNVOY_PROJECT", ""),
        ]));
        let text = Config::from_variables(wrong).unwrap_err().to_string();
        for part in [
            "RUNVOY_PROJECT is not set",
            "RUNVOY_SPOT is neither true nor false",
            "RUNVOY_ARCHITECTURE: architecture must be ARM64 or X86_64",
            "RUNVOY_SUBNETS is not set",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
