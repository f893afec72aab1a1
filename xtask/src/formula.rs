//! The Homebrew formula of a release, filled in from its checksums.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::process::root;
use crate::release::TARGETS;

/// The template, from the repository's top.
pub(crate) const TEMPLATE: &str = "deployments/homebrew/runvoy.rb.tmpl";
/// The formula's file name in a release.
pub(crate) const FILE: &str = "runvoy.rb";

/// The template's text.
pub(crate) fn template() -> Result<String> {
    fs::read_to_string(root().join(TEMPLATE)).with_context(|| format!("cannot read {TEMPLATE}"))
}

/// The formula: `@VERSION@` and each `@SHA256 TRIPLE@` replaced.
pub(crate) fn fill(template: &str, version: &str, checksums: &str) -> Result<String> {
    let mut formula = template.replace("@VERSION@", version);
    for target in TARGETS {
        let mark = format!("@SHA256 {}@", target.triple);
        if formula.contains(&mark) {
            let archive = target.archive(version);
            let sum = sum_of(checksums, &archive)
                .with_context(|| format!("there is no checksum of {archive}"))?;
            formula = formula.replace(&mark, sum);
        }
    }
    if let Some(line) = formula.lines().find(|line| line.contains('@')) {
        bail!("{TEMPLATE} has a mark that nothing fills: {}", line.trim());
    }
    Ok(formula)
}

/// The checksum of a file in a list of `sha256sum`.
fn sum_of<'a>(checksums: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = checksums.lines().filter_map(|line| line.split_once("  "));
    lines.find(|(_, file)| *file == name).map(|(sum, _)| sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums() -> String {
        let lines = TARGETS.iter().enumerate();
        let lines =
            lines.map(|(number, target)| format!("{number:064}  {}", target.archive("1.2.3")));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_mark_of_the_template_is_filled() {
        let formula = fill(&template().unwrap(), "1.2.3", &sums()).unwrap();
        assert!(formula.contains("version \"1.2.3\""), "{formula}");
        for (number, target) in TARGETS.iter().enumerate().take(4) {
            let sum = format!("sha256 \"{number:064}\"");
            let url = formula.find(target.triple).unwrap();
            let after = formula[url..].lines().nth(1).unwrap_or_default();
            assert!(
                after.contains(&sum),
                "{} is followed by {after}",
                target.triple
            );
        }
    }

    #[test]
    fn a_missing_checksum_or_an_unknown_mark_is_an_error() {
        let mark = format!("@SHA256 {}@", TARGETS[0].triple);
        assert!(fill(&mark, "1.2.3", "").is_err());
        assert!(fill(&mark, "1.2.4", &sums()).is_err());
        assert!(fill("@SHA256 mips@", "1.2.3", &sums()).is_err());
    }
}
