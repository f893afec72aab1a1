//! Names of a release's files: what publishes them and what fetches them must mean the same.

use super::TextFile;
use crate::dist::DOCUMENTS;
use crate::formula;
use crate::release::{CHECKSUMS, PARTS, TARGETS, Target};

const WORKFLOW: &str = ".github/workflows/release.yml";
const MANIFEST: &str = "crates/cli/Cargo.toml";
const DEPLOYMENT: &str = "crates/infra/src/artifact.rs";
const DOCUMENT: &str = "docs/install.md";
const IMAGE: &str = "deployments/docker/Dockerfile";
const RELEASES: &str = "https://github.com/runvoy/runvoy/releases/download";
/// Stands for any version.
const VERSION: &str = "VERSION";

/// What does not hold, one sentence each.
pub(super) fn problems(files: &[TextFile]) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, check) in [
        (WORKFLOW, workflow as fn(&str) -> Vec<String>),
        (MANIFEST, binstall),
        (formula::TEMPLATE, homebrew),
        (DEPLOYMENT, deployment),
        (DOCUMENT, document),
        (IMAGE, image),
    ] {
        match files.iter().find(|file| file.path == path) {
            Some(file) => {
                let found = check(&file.text).into_iter();
                problems.extend(found.map(|problem| format!("{path} {problem}")));
            }
            None => problems.push(format!("{path} is missing")),
        }
    }
    problems
}

/// The workflow builds every platform on its machine, and no other.
fn workflow(text: &str) -> Vec<String> {
    let expected = TARGETS.map(|target| {
        let Target { triple, runner } = target;
        format!("- {{ target: {triple}, runner: {runner} }}")
    });
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let missing = expected
        .iter()
        .filter(|line| !lines.contains(&line.as_str()));
    let mut problems: Vec<String> = missing.map(|line| format!("lacks `{line}`")).collect();
    let built = lines.iter().filter(|line| line.starts_with("- { target:"));
    if built.count() > TARGETS.len() {
        problems.push("builds a platform that xtask does not know".to_owned());
    }
    problems
}

/// cargo-binstall asks for the archives that there are, and finds the program in them.
fn binstall(text: &str) -> Vec<String> {
    let value = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| {
            line.strip_prefix(name)?
                .strip_prefix(" = \"")?
                .strip_suffix('"')
        })
    };
    let (Some(url), Some(program), Some(repository)) =
        (value("pkg-url"), value("bin-dir"), value("repository"))
    else {
        return vec!["lacks pkg-url, bin-dir or repository".to_owned()];
    };
    let mut problems = Vec::new();
    for target in TARGETS {
        let filled = |template: &str| {
            let (suffix, end) = if target.is_windows() {
                (".zip", ".exe")
            } else {
                (".tar.gz", "")
            };
            template
                .replace("{ repo }", repository)
                .replace("{ version }", VERSION)
                .replace("{ target }", target.triple)
                .replace("{ archive-suffix }", suffix)
                .replace("{ bin }", "runvoy")
                .replace("{ binary-ext }", end)
        };
        let archive = format!("{RELEASES}/v{VERSION}/{}", target.archive(VERSION));
        let place = format!("{}/{}", target.folder(VERSION), target.program());
        for (found, wanted) in [(filled(url), archive), (filled(program), place)] {
            if found != wanted {
                problems.push(format!("names {found} for binstall instead of {wanted}"));
            }
        }
        let section = format!("[package.metadata.binstall.overrides.{}]", target.triple);
        let is_zip = text.contains(&format!("{section}\npkg-fmt = \"zip\"\n"));
        if is_zip != target.is_windows() {
            problems.push(format!("has the wrong pkg-fmt for {}", target.triple));
        }
    }
    problems
}

/// Homebrew's platforms have their archives in the formula.
fn homebrew(text: &str) -> Vec<String> {
    let version = "@VERSION@";
    let targets = TARGETS.iter().filter(|target| !target.is_windows());
    let urls = targets.map(|target| format!("{RELEASES}/v{version}/{}", target.archive(version)));
    lacking(text, urls)
}

/// `runvoy infra apply` fetches files that a release has.
fn deployment(text: &str) -> Vec<String> {
    let names = PARTS.iter().flat_map(|(name, built)| [*name, *built]);
    let quoted = names
        .chain([RELEASES, CHECKSUMS])
        .map(|name| format!("\"{name}\""));
    lacking(text, quoted)
}

/// The document lists every archive.
fn document(text: &str) -> Vec<String> {
    lacking(text, TARGETS.iter().map(|target| target.archive(VERSION)))
}

/// What the image is made of is in a Linux archive.
fn image(text: &str) -> Vec<String> {
    let copied = text.lines().filter_map(|line| line.strip_prefix("COPY "));
    let copied = copied.flat_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words[..words.len().saturating_sub(1)].to_vec()
    });
    copied
        .filter(|name| *name != "runvoy" && !DOCUMENTS.contains(name))
        .map(|name| format!("copies {name}, which no archive has"))
        .collect()
}

fn lacking(text: &str, wanted: impl Iterator<Item = String>) -> Vec<String> {
    wanted
        .filter(|wanted| !text.contains(wanted.as_str()))
        .map(|wanted| format!("lacks {wanted}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = "repository = \"https://github.com/runvoy/runvoy\"
pkg-url = \"{ repo }/releases/download/v{ version }/runvoy-{ version }-{ target }{ archive-suffix }\"
bin-dir = \"runvoy-{ version }-{ target }/{ bin }{ binary-ext }\"
[package.metadata.binstall.overrides.x86_64-pc-windows-msvc]
pkg-fmt = \"zip\"
";

    #[test]
    fn a_name_that_binstall_would_not_find_is_found() {
        assert_eq!(binstall(METADATA), [""; 0]);
        let renamed = METADATA.replace("/runvoy-{ version }-{ target }{", "/runvoy-{ target }{");
        assert_eq!(binstall(&renamed).len(), TARGETS.len());
        let moved = METADATA.replace("/{ bin }", "/bin/{ bin }");
        assert_eq!(binstall(&moved).len(), TARGETS.len());
        assert_eq!(binstall(&METADATA.replace("zip", "tgz")).len(), 1);
        assert_eq!(binstall("").len(), 1);
    }

    #[test]
    fn a_platform_too_few_or_too_many_in_the_workflow_is_found() {
        let line = |target: Target| {
            let Target { triple, runner } = target;
            format!("  - {{ target: {triple}, runner: {runner} }}\n")
        };
        let all: String = TARGETS.map(line).concat();
        assert_eq!(workflow(&all), [""; 0]);
        assert_eq!(
            workflow(&all.replace("macos-15-intel", "macos-15")).len(),
            1
        );
        let more = all + "  - { target: mips, runner: ubuntu-24.04 }\n";
        assert_eq!(workflow(&more).len(), 1);
    }

    #[test]
    fn what_is_fetched_under_another_name_is_found() {
        assert_eq!(deployment("").len(), PARTS.len() * 2 + 2);
        assert_eq!(homebrew("").len(), TARGETS.len() - 1);
        assert_eq!(image("COPY runvoy LICENSE-MIT /\nCOPY a b /c/\n").len(), 2);
        assert_eq!(problems(&[]).len(), 6);
    }
}
