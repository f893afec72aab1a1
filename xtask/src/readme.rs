//! `cargo xtask readme`: the examples of the documents, run as a reader would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::{cargo, output, path_with, root, run};

const RUN: &str = "<!-- run -->";
const OUTPUT: &str = "<!-- output -->";

/// An example, and what it must print where the document says so.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    line: usize,
    script: String,
    expected: Option<String>,
}

/// Runs every marked example of README.md and docs/ with the command line just built.
pub(crate) fn command() -> Result<()> {
    run(&mut cargo(&[
        "build",
        "--package",
        "runvoy-cli",
        "--locked",
    ]))?;
    let mut count = 0;
    for document in documents()? {
        let text = fs::read_to_string(&document)?;
        let name = document.strip_prefix(root()).unwrap_or(&document);
        // The examples of a document share one home, as they would at a reader's.
        let home = tempfile::tempdir()?;
        for example in examples(&text).with_context(|| name.display().to_string())? {
            println!("{}:{}", name.display(), example.line);
            check(&example, home.path())
                .with_context(|| format!("{}:{}", name.display(), example.line))?;
            count += 1;
        }
    }
    ensure!(count > 0, "no example is marked with `{RUN}`");
    println!("{count} examples hold");
    Ok(())
}

fn documents() -> Result<Vec<PathBuf>> {
    let mut documents = vec![root().join("README.md")];
    for entry in fs::read_dir(root().join("docs"))? {
        documents.push(entry?.path());
    }
    documents.retain(|path| path.extension().is_some_and(|end| end == "md"));
    documents.sort();
    Ok(documents)
}

fn check(example: &Example, home: &Path) -> Result<()> {
    let printed = output(
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", &example.script])
            .current_dir(home)
            .env("HOME", home)
            .env("PATH", path_with(root().join("target/debug"))?),
    )?;
    let Some(expected) = &example.expected else {
        return Ok(());
    };
    let (printed, expected) = (normalized(&printed), normalized(expected));
    ensure!(
        printed == expected,
        "it prints\n{printed}\ninstead of\n{expected}"
    );
    Ok(())
}

/// The marked `bash` blocks, each with the `text` block that is marked as its output.
fn examples(text: &str) -> Result<Vec<Example>> {
    let mut found: Vec<Example> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let fence = match line.trim() {
            RUN => "```bash",
            OUTPUT => "```text",
            _ => continue,
        };
        let opening = lines.find(|(_, line)| !line.trim().is_empty());
        if opening.is_none_or(|(_, line)| line.trim() != fence) {
            bail!("line {}: no {fence} block follows", number + 1);
        }
        let mut block = String::new();
        loop {
            match lines.next() {
                Some((_, line)) if line.trim() == "```" => break,
                Some((_, line)) => block.extend([line, "\n"]),
                None => bail!("line {}: the block has no end", number + 1),
            }
        }
        if line.trim() == RUN {
            found.push(Example {
                line: number + 1,
                script: block,
                expected: None,
            });
            continue;
        }
        match found.last_mut() {
            Some(example) if example.expected.is_none() => example.expected = Some(block),
            _ => bail!("line {}: an output without its command", number + 1),
        }
    }
    Ok(found)
}

/// The text with ids, dates, times of day and white space at the ends of lines made equal.
fn normalized(text: &str) -> String {
    let lines: Vec<String> = text.trim_end().lines().map(normalized_line).collect();
    lines.join("\n")
}

fn normalized_line(line: &str) -> String {
    const SHAPES: [(&str, &str); 3] = [
        ("hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh", "<id>"),
        ("dddd-dd-dd", "<date>"),
        ("dd:dd:dd", "<time>"),
    ];
    let mut rest = line.trim_end();
    let mut plain = String::new();
    while let Some(first) = rest.chars().next() {
        let shape = SHAPES.iter().find(|(shape, _)| has_shape(rest, shape));
        let (length, shown) = match shape {
            Some((shape, name)) => (shape.len(), *name),
            None => (first.len_utf8(), &rest[..first.len_utf8()]),
        };
        plain.push_str(shown);
        rest = &rest[length..];
    }
    plain
}

/// Whether the text begins with a digit for each `d`, a hex digit for each `h`, and the rest as it is.
fn has_shape(text: &str, shape: &str) -> bool {
    let mut bytes = text.bytes();
    shape.bytes().all(|wanted| {
        bytes.next().is_some_and(|byte| match wanted {
            b'd' => byte.is_ascii_digit(),
            b'h' => byte.is_ascii_hexdigit(),
            _ => byte == wanted,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_blocks_are_run() {
        let text = "```bash\nrm -rf x\n```\n<!-- run -->\n```bash\necho hi\n```\n\n<!-- output -->\n\n```text\nhi\n```\n";
        let expected = Example {
            line: 4,
            script: "echo hi\n".to_owned(),
            expected: Some("hi\n".to_owned()),
        };
        assert_eq!(examples(text).unwrap(), [expected]);
    }

    #[test]
    fn a_mark_without_its_block_is_an_error() {
        assert!(examples("<!-- run -->\n\ntext\n").is_err());
        assert!(examples("<!-- run -->\n```bash\necho\n").is_err());
        assert!(examples("<!-- output -->\n```text\nhi\n```\n").is_err());
    }

    #[test]
    fn another_id_or_time_is_the_same_output() {
        let one = "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c  2025-10-30 13:32:48  é ok  \n";
        let two = "ffffffffffffffffffffffffffffffff  2026-01-01 00:00:00  é ok";
        assert_eq!(normalized(one), normalized(two));
        assert_ne!(normalized("exit 1"), normalized("exit 2"));
    }

    #[test]
    fn an_example_that_fails_or_prints_something_else_does_not_hold() {
        let home = tempfile::tempdir().unwrap();
        let example = |script: &str, expected: Option<&str>| Example {
            line: 1,
            script: script.to_owned(),
            expected: expected.map(str::to_owned),
        };
        check(&example("echo hi", Some("hi")), home.path()).unwrap();
        assert!(check(&example("false; true", None), home.path()).is_err());
        assert!(check(&example("echo hi", Some("ho")), home.path()).is_err());
    }
}
