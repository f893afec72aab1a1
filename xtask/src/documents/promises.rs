//! What documents say about the code, held against it: quoted messages, names of variables and keys.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

const TROUBLESHOOTING: &str = "docs/troubleshooting.md";
const CONFIGURATION: &str = "docs/configuration.md";
/// Where the command line names its variables.
const VARIABLES: &str = "crates/cli/src/environment.rs";

const SERVER: &str = "docs/server.md";
/// How the names of variables begin that a person may set for the command line.
const OURS: [&str; 3] = ["RUNVOY_", "NO_COLOR", "DOCKER_"];

/// Fails with everything that a document says and the code does not.
pub(super) fn check(root: &Path) -> Result<()> {
    let read = |path: &str| fs::read_to_string(root.join(path)).with_context(|| path.to_owned());
    let mut code = String::new();
    collect(&root.join("crates"), &mut code)?;
    let code = plain(&code);
    let mut problems = unsaid(&read(TROUBLESHOOTING)?, &code);
    let configuration = read(CONFIGURATION)?;
    problems.extend(unnamed(&configuration, &read(VARIABLES)?));
    problems.extend(unread(CONFIGURATION, &configuration, &code));
    problems.extend(unread(SERVER, &read(SERVER)?, &code));
    if problems.is_empty() {
        return Ok(());
    }
    bail!("documents say what is not so\n{}", problems.join("\n"));
}

/// Messages in headings, `` ## `error: …` ``, that no code has.
fn unsaid(document: &str, code: &str) -> Vec<String> {
    let quoted = document.lines().zip(1..).filter_map(|(line, number)| {
        let heading = line.strip_prefix('#')?.trim_start_matches('#').trim();
        let message = heading.strip_prefix('`')?.strip_suffix('`')?;
        Some((number, without_level(message)))
    });
    quoted
        .filter(|(_, message)| !is_said(message, code))
        .map(|(line, message)| format!("{TROUBLESHOOTING}:{line}: no code says `{message}`"))
        .collect()
}

/// The message without the word that the command line puts before it.
fn without_level(message: &str) -> &str {
    let levels = ["error: ", "warning: "];
    let bare = levels.iter().find_map(|level| message.strip_prefix(level));
    bare.unwrap_or(message)
}

/// Whether the code has all parts of a message; what is between them is filled in.
fn is_said(message: &str, code: &str) -> bool {
    let parts = message.split('…').map(str::trim);
    parts
        .filter(|part| part.len() > 1)
        .all(|part| code.contains(part))
}

/// Variables of the command line that the document does not name.
fn unnamed(document: &str, variables: &str) -> Vec<String> {
    quoted(variables)
        .filter(|name| OURS.iter().any(|ours| name.starts_with(ours)))
        .filter(|name| !document.contains(&format!("| `{name}")))
        .map(|name| format!("{CONFIGURATION} does not name {name}"))
        .collect()
}

/// Names that begin a row of a table and that no code has as a word. Parts in capitals (`contexts.NAME.timeout`) are to be filled in.
fn unread(page: &str, document: &str, code: &str) -> Vec<String> {
    let rows = document.lines().zip(1..).filter_map(|(line, number)| {
        let (name, _) = line.strip_prefix("| `")?.split_once('`')?;
        Some((number, name))
    });
    let is_read = |name: &str| {
        let word = name.split(['=', ' ']).next().unwrap_or_default();
        if code.contains(&format!("\"{word}\"")) {
            return true;
        }
        let parts = word.split('.');
        let mut parts = parts.filter(|part| !(word.contains('.') && is_capital(part)));
        parts.all(|part| {
            let part = part.trim_end_matches("NAME");
            // Options are derived from the names of fields.
            let field = part.trim_start_matches('-').replace('-', "_");
            code.contains(&format!("\"{part}\"")) || code.contains(&format!(" {field}: "))
        })
    };
    rows.filter(|(_, name)| !is_read(name))
        .map(|(line, name)| format!("{page}:{line}: nothing reads {name}"))
        .collect()
}

fn is_capital(part: &str) -> bool {
    part.chars().all(|c| c.is_ascii_uppercase())
}

/// What stands between quotation marks.
fn quoted(code: &str) -> impl Iterator<Item = &str> {
    code.lines()
        .flat_map(|line| line.split('"').skip(1).step_by(2))
}

/// All code that ships, one file after the other.
fn collect(folder: &Path, code: &mut String) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        if entry.file_type()?.is_dir() && name != "tests" {
            collect(&path, code)?;
        } else if path.extension().is_some_and(|end| end == "rs") && name != "tests.rs" {
            code.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The code as its messages are seen: lines that are continued joined, quotation marks bare, `…` for what is filled in.
fn plain(code: &str) -> String {
    let mut joined = String::with_capacity(code.len());
    for (index, part) in code.split("\\\n").enumerate() {
        joined.push_str(if index == 0 { part } else { part.trim_start() });
    }
    let mut rest = joined.as_str();
    let mut plain = String::with_capacity(joined.len());
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && !"_.:?#".contains(c));
        match end {
            Some(end) if after[end..].starts_with('}') => {
                plain.push('…');
                rest = &after[end + 1..];
            }
            _ => {
                plain.push('{');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain.replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::root;

    #[test]
    fn what_the_documents_say_of_the_code_is_so() {
        check(root()).unwrap();
    }

    #[test]
    fn a_message_that_nobody_prints_is_found() {
        let code = plain("a(\"no {what} is \\\"here\\\", and \\\n      nowhere\"); if x { y }");
        let document = "# A\n## `error: no … is \"here\", and nowhere`\n## `no cat`\n";
        assert_eq!(
            unsaid(document, &code),
            [format!("{TROUBLESHOOTING}:3: no code says `no cat`")]
        );
    }

    #[test]
    fn variables_and_keys_are_named_and_read() {
        let variables = "const A: &str = \"RUNVOY_A\";\nconst B: &str = \"RUNVOY_B\";\n";
        let document = "| `RUNVOY_A` | a |\n| `contexts.NAME.key` | b |\n| `--data-dir DIR` | c |\n| `moon` | d |\n";
        let code = format!("{variables} \"contexts\" \"key\" data_dir: PathBuf");
        assert_eq!(
            unnamed(document, variables),
            [format!("{CONFIGURATION} does not name RUNVOY_B")]
        );
        assert_eq!(
            unread("page.md", document, &code),
            ["page.md:4: nothing reads moon"]
        );
    }
}
