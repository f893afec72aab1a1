//! What a person asks to run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::Invalid;

/// Longest script or argv, in bytes (design: 100 KiB, the most that every place can carry).
pub const MAX_COMMAND_BYTES: usize = 100 * 1024;

/// A command, kept verbatim: nothing is substituted or quoted again on its way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Handed to `/bin/sh -c` as one argument.
    Script(String),
    /// Executed as given, without a shell. Never empty.
    Argv(Vec<String>),
}

impl Command {
    /// A script that is not blank, has no NUL and is short enough.
    pub fn script(text: impl Into<String>) -> Result<Self, Invalid> {
        let text = text.into();
        if text.trim().is_empty() {
            return Err(Invalid::new("command", "is empty"));
        }
        Self::Script(text).checked()
    }

    /// An argv with a program, without NULs and short enough.
    pub fn argv(words: Vec<String>) -> Result<Self, Invalid> {
        if words.first().is_none_or(String::is_empty) {
            return Err(Invalid::new("command", "is empty"));
        }
        Self::Argv(words).checked()
    }

    /// Bytes of the command as it is handed over.
    pub fn size(&self) -> usize {
        match self {
            Self::Script(text) => text.len(),
            Self::Argv(words) => words.iter().map(|word| word.len() + 1).sum(),
        }
    }

    fn checked(self) -> Result<Self, Invalid> {
        let has_nul = match &self {
            Self::Script(text) => text.contains('\0'),
            Self::Argv(words) => words.iter().any(|word| word.contains('\0')),
        };
        if has_nul {
            return Err(Invalid::new(
                "command",
                "contains a NUL character, which no program can be given",
            ));
        }
        Ok(self)
    }
}

/// As records and lists show it: a script as written, an argv quoted as a shell would need it.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(text) => f.write_str(text),
            Self::Argv(words) => {
                let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
                f.write_str(&quoted.join(" "))
            }
        }
    }
}

/// Quotes a word for a POSIX shell; a plain one stays as it is.
pub fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argv_is_shown_as_a_shell_needs_it() {
        let argv = |words: &[&str]| {
            Command::argv(words.iter().map(|w| (*w).to_owned()).collect())
                .unwrap()
                .to_string()
        };
        assert_eq!(argv(&["ls", "-la"]), "ls -la");
        assert_eq!(
            argv(&["echo", "it's", "$(id)", ""]),
            r"echo 'it'\''s' '$(id)' ''"
        );
    }

    #[test]
    fn empty_commands_and_nuls_are_refused() {
        assert!(Command::script(" \n").is_err());
        assert!(Command::argv(vec![]).is_err());
        assert!(Command::argv(vec![String::new()]).is_err());
        assert!(Command::script("a\0b").is_err());
    }
}
