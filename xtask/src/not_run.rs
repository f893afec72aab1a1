//! `.ci/not-run`: what cannot be had where the tests run, each with its reason.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::process::root;

/// One check that is not run.
#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    name: &'a str,
    reason: &'a str,
}

/// Prints every entry as a `not run:` line, after those that turned up on the way.
pub(crate) fn print(found: &[String]) -> Result<()> {
    let path = root().join(".ci/not-run");
    let text = fs::read_to_string(&path).context("cannot read .ci/not-run")?;
    for line in found {
        println!("not run: {line}");
    }
    for Entry { name, reason } in entries(&text)? {
        println!("not run: {name} ({reason})");
    }
    Ok(())
}

/// Reads lines of `name: reason`; blank ones and those that begin with `#` say nothing.
fn entries(text: &str) -> Result<Vec<Entry<'_>>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| match line.split_once(": ") {
            Some((name, reason)) => Ok(Entry {
                name: name.trim(),
                reason: reason.trim(),
            }),
            None => bail!("a line of .ci/not-run is not `name: reason`: {line}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_a_name_and_a_reason() {
        let read = entries("# why\n\nmacOS tests: no Mac here\n").unwrap();
        let expected = Entry {
            name: "macOS tests",
            reason: "no Mac here",
        };
        assert_eq!(read, [expected]);
        assert!(entries("macOS tests\n").is_err());
    }

    #[test]
    fn the_list_reads() {
        let text = fs::read_to_string(root().join(".ci/not-run")).unwrap();
        entries(&text).unwrap();
    }
}
