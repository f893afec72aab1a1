//! Where runvoy's options end and the command of `run` begins.
//!
//! Options come before the command. A first word with white space or a shell metacharacter is a script, and only
//! runvoy's options may follow it; otherwise everything that follows is the command's. After `--` all is an argv.

use std::ffi::{OsStr, OsString};

use clap::Command;
use runvoy_core::command;

use crate::failure::Failure;

/// The arguments, parted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// What clap is to read: everything but the command of `run`.
    pub(crate) head: Vec<OsString>,
    /// The command of `run`, where there is one.
    pub(crate) words: Option<Words>,
}

/// The command of `run` as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Words {
    /// For `/bin/sh -c`.
    Script(OsString),
    /// A program and its arguments.
    Argv(Vec<OsString>),
}

impl Words {
    /// The command, if it is one.
    pub(crate) fn into_command(self) -> Result<command::Command, Failure> {
        let text = |word: OsString| {
            word.into_string().map_err(|word| {
                Failure::usage(format!("the command is not UTF-8: {}", word.display()))
            })
        };
        let command = match self {
            Self::Script(script) => command::Command::script(text(script)?),
            Self::Argv(words) => {
                command::Command::argv(words.into_iter().map(text).collect::<Result<_, _>>()?)
            }
        };
        Ok(command?)
    }
}

/// Parts `arguments` (the program's name first) by what `root` says of its options. `root` must be built.
pub(crate) fn split(root: &Command, arguments: Vec<OsString>) -> Split {
    let whole = |head| Split { head, words: None };
    let Some(verb) = end_of_options(root, &arguments, 1) else {
        return whole(arguments);
    };
    let Some(run) = root
        .find_subcommand("run")
        .filter(|_| arguments[verb] == "run")
    else {
        return whole(arguments);
    };
    let Some(first) = end_of_options(run, &arguments, verb + 1) else {
        return whole(arguments);
    };
    let mut head = arguments;
    let mut words = head.split_off(first);
    let words = if words[0] == "--" {
        words.remove(0);
        Words::Argv(words)
    } else if is_script(&words[0]) {
        head.extend(words.drain(1..));
        Words::Script(words.remove(0))
    } else {
        Words::Argv(words)
    };
    Split {
        head,
        words: Some(words),
    }
}

/// The index of the first argument from `from` on that is no option of `command` and no option's value.
fn end_of_options(command: &Command, arguments: &[OsString], from: usize) -> Option<usize> {
    let mut index = from;
    while let Some(argument) = arguments.get(index) {
        let bytes = argument.as_encoded_bytes();
        if !bytes.starts_with(b"-") || bytes == b"-" || bytes == b"--" {
            return Some(index);
        }
        index += if takes_next(command, argument) { 2 } else { 1 };
    }
    None
}

/// Whether the option's value is the argument after it. What is no text is no option of ours.
fn takes_next(command: &Command, argument: &OsStr) -> bool {
    let Some(text) = argument.to_str() else {
        return false;
    };
    let takes_value = |is_it: &dyn Fn(&clap::Arg) -> bool| {
        let mut options = command.get_arguments();
        options.any(|option| is_it(option) && option.get_action().takes_values())
    };
    if let Some(long) = text.strip_prefix("--") {
        return !long.contains('=') && takes_value(&|option| option.get_long() == Some(long));
    }
    // A cluster such as -dqe: the first letter that takes a value takes the rest of it, or the next argument.
    let mut letters = text.trim_start_matches('-').chars();
    while let Some(letter) = letters.next() {
        if takes_value(&|option| option.get_short() == Some(letter)) {
            return letters.as_str().is_empty();
        }
    }
    false
}

/// Whether a first word is for a shell: it holds white space or what only a shell understands.
fn is_script(word: &OsStr) -> bool {
    let text = word.to_string_lossy();
    // `[` alone is a program.
    text != "["
        && (text.is_empty()
            || text.starts_with(['~', '#', '!'])
            || text.contains(|c: char| c.is_whitespace() || "|&;<>()$`\"'*?[]{}\\".contains(c)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::arguments::Arguments;

    fn split_of(line: &[&str]) -> (String, Option<Words>) {
        let mut root = Arguments::command();
        root.build();
        let all = ["runvoy"].iter().chain(line).map(OsString::from).collect();
        let split = split(&root, all);
        let head: Vec<String> = split.head[1..]
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        (head.join(" "), split.words)
    }

    fn argv(words: &[&str]) -> Words {
        Words::Argv(words.iter().map(OsString::from).collect())
    }

    fn script(text: &str) -> Words {
        Words::Script(text.into())
    }

    #[test]
    fn a_plain_first_word_takes_everything_after_it() {
        assert_eq!(
            split_of(&["run", "ls", "-la"]),
            ("run".into(), Some(argv(&["ls", "-la"])))
        );
        assert_eq!(
            split_of(&["--local", "run", "-q", "echo", "--", "--lock", "a b"]),
            (
                "--local run -q".into(),
                Some(argv(&["echo", "--", "--lock", "a b"]))
            )
        );
        assert_eq!(
            split_of(&["run", "[", "-f", "x", "]"]).1,
            Some(argv(&["[", "-f", "x", "]"]))
        );
    }

    #[test]
    fn after_a_script_only_options_follow() {
        assert_eq!(
            split_of(&["run", "terraform plan", "--lock", "prod"]),
            ("run --lock prod".into(), Some(script("terraform plan")))
        );
        for text in ["a|b", "$X", "a;b", "x>y", "*", "~/x", "", "a\nb", "\"x\""] {
            assert_eq!(split_of(&["run", text]).1, Some(script(text)), "{text:?}");
        }
    }

    #[test]
    fn after_two_dashes_all_is_argv() {
        assert_eq!(
            split_of(&["run", "-d", "--", "echo hi"]),
            ("run -d".into(), Some(argv(&["echo hi"])))
        );
        assert_eq!(split_of(&["run", "--", "-x"]).1, Some(argv(&["-x"])));
        assert_eq!(split_of(&["run", "--"]).1, Some(argv(&[])));
    }

    #[test]
    fn values_of_options_are_not_the_command() {
        for head in [
            ["run", "--lock", "prod"].as_slice(),
            &["run", "-e", "K=V"],
            &["run", "-eK=V"],
            &["run", "-dqe", "K"],
            &["run", "--timeout=5s"],
            &["--timeout", "run", "run"],
            &["-o", "json", "run", "--context", "x"],
        ] {
            let line: Vec<&str> = head.iter().copied().chain(["true", "-x"]).collect();
            assert_eq!(
                split_of(&line),
                (head.join(" "), Some(argv(&["true", "-x"]))),
                "{head:?}"
            );
        }
    }

    #[test]
    fn other_commands_are_left_alone() {
        assert_eq!(split_of(&["logs", "-f", "x"]), ("logs -f x".into(), None));
        assert_eq!(split_of(&["run", "--help"]), ("run --help".into(), None));
        assert_eq!(split_of(&["help", "run"]), ("help run".into(), None));
        assert_eq!(split_of(&[]), (String::new(), None));
    }
}
