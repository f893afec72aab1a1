//! The name of a deployment, and the names that follow from it.

use std::fmt;
use std::str::FromStr;

use runvoy_core::Invalid;

/// A deployment's name: letters and digits only, so that no name is the beginning of another's resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project(String);

impl Project {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The stack of everything but the bootstrap's.
    pub fn stack(&self) -> &str {
        &self.0
    }

    /// The stack of the bucket and the repository.
    pub fn bootstrap_stack(&self) -> String {
        format!("{}-bootstrap", self.0)
    }

    /// The parameter that keeps the stack key.
    pub fn stack_key(&self) -> String {
        format!("/runvoy/{}/stack-key", self.0)
    }

    /// The ECS cluster.
    pub fn cluster(&self) -> &str {
        &self.0
    }

    /// The repository of the agent's image.
    pub fn repository(&self) -> String {
        format!("{}-agent", self.0)
    }

    /// Whether this is a task definition family that the control plane made.
    pub(crate) fn is_family(&self, family: &str) -> bool {
        let hash = family
            .strip_prefix(self.as_str())
            .and_then(|rest| rest.strip_prefix('-'));
        hash.is_some_and(|hash| hash.len() == 32 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
    }
}

impl FromStr for Project {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let is_good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        if begins && text.len() <= 20 && text.bytes().all(is_good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "project name",
                "must be 1 to 20 lower-case letters and digits, a letter first",
            ))
        }
    }
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_letters_and_digits() {
        for good in ["runvoy", "a", "r2d2", "abcdefghij0123456789"] {
            assert!(good.parse::<Project>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "2x",
            "run-voy",
            "Runvoy",
            "run voy",
            "abcdefghij01234567890",
            "ü",
        ] {
            assert!(bad.parse::<Project>().is_err(), "{bad}");
        }
    }

    #[test]
    fn families_of_another_project_are_not_ours() {
        let project: Project = "run".parse().unwrap();
        let hash = "0123456789abcdef0123456789abcdef";
        assert!(project.is_family(&format!("run-{hash}")));
        for other in [
            format!("runvoy-{hash}"),
            format!("run{hash}"),
            "run-web".to_owned(),
            hash.to_owned(),
        ] {
            assert!(!project.is_family(&other), "{other}");
        }
    }
}
