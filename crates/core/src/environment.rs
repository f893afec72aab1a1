//! Names of environment variables. Values are never part of the core's records.

use crate::text::{Invalid, excerpt};

/// Most bytes of all variables of one execution together, names and values (design: what every place can carry).
pub const MAX_ENVIRONMENT_BYTES: usize = 100 * 1024;

checked_text! {
    /// The name of an environment variable: a letter or `_`, then letters, digits or `_`; not one that runvoy sets itself.
    EnvName, |text| {
        let mut chars = text.chars();
        let head_is_good = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !head_is_good || text.len() > 128 || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Invalid::new("environment variable", format!("must be a letter or _, then letters, digits or _, not {}", excerpt(text))));
        }
        if text.starts_with("RUNVOY_") {
            return Err(Invalid::new("environment variable", format!("{text} is reserved: names that begin with RUNVOY_ are runvoy's own")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_a_shell_can_use() {
        assert!("AWS_REGION".parse::<EnvName>().is_ok() && "_x1".parse::<EnvName>().is_ok());
        for bad in ["", "1A", "A-B", "A=B", "A B", "RUNVOY_AGENT_TOKEN", "É"] {
            assert!(bad.parse::<EnvName>().is_err(), "{bad:?}");
        }
    }
}
