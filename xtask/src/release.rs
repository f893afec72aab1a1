//! `cargo xtask release`: the files of a release, from what was built, by the names that installers ask for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::process::{output, root};
use crate::{formula, sbom};

/// The version of everything here.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The list of checksums, as `sha256sum --check` reads it.
pub(crate) const CHECKSUMS: &str = "SHA256SUMS";
/// What `runvoy infra apply` fetches, and where builds leave it below `target`.
pub(crate) const PARTS: [(&str, &str); 4] = [
    ("orchestrator.zip", "lambda/orchestrator.zip"),
    ("event-processor.zip", "lambda/event-processor.zip"),
    ("runvoy-agent-aarch64", "agents/linux-arm64/runvoy-agent"),
    ("runvoy-agent-x86_64", "agents/linux-amd64/runvoy-agent"),
];

/// A platform that a release has a program for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// As rustc calls it.
    pub(crate) triple: &'static str,
    /// The machine of GitHub's that builds it and can start it.
    pub(crate) runner: &'static str,
}

/// Every platform of a release.
pub(crate) const TARGETS: [Target; 5] = [
    Target {
        triple: "x86_64-unknown-linux-musl",
        runner: "ubuntu-24.04",
    },
    Target {
        triple: "aarch64-unknown-linux-musl",
        runner: "ubuntu-24.04-arm",
    },
    Target {
        triple: "x86_64-apple-darwin",
        runner: "macos-15-intel",
    },
    Target {
        triple: "aarch64-apple-darwin",
        runner: "macos-15",
    },
    Target {
        triple: "x86_64-pc-windows-msvc",
        runner: "windows-2025",
    },
];

impl Target {
    /// The platform by its name.
    pub(crate) fn find(triple: &str) -> Result<Self> {
        let found = TARGETS.into_iter().find(|target| target.triple == triple);
        found.with_context(|| {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.triple).collect();
            format!(
                "no release for `{triple}`: it is one of {}",
                names.join(", ")
            )
        })
    }

    /// Whether it is Linux: then the program is static, and zig links it.
    pub(crate) fn is_linux(self) -> bool {
        self.triple.contains("-linux-")
    }

    /// Whether it is Windows: then the archive is a zip.
    pub(crate) fn is_windows(self) -> bool {
        self.triple.contains("-windows-")
    }

    /// The program's file name.
    pub(crate) fn program(self) -> &'static str {
        if self.is_windows() {
            "runvoy.exe"
        } else {
            "runvoy"
        }
    }

    /// The only folder in the archive.
    pub(crate) fn folder(self, version: &str) -> String {
        format!("runvoy-{version}-{}", self.triple)
    }

    /// The archive's file name.
    pub(crate) fn archive(self, version: &str) -> String {
        let end = if self.is_windows() { "zip" } else { "tar.gz" };
        format!("{}.{end}", self.folder(version))
    }
}

/// Where archives and then whole releases are put together.
pub(crate) fn folder() -> PathBuf {
    root().join("target/dist")
}

/// Gathers a release. With `--tag` it must be the release of that tag.
pub(crate) fn command(words: &[String]) -> Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => {}
        ["--tag", tag] => check_tag(tag)?,
        _ => bail!("usage: cargo xtask release [--tag vVERSION]"),
    }
    let folder = folder();
    take_parts(&root().join("target"), &folder)?;
    let bill = serde_json::to_string_pretty(&sbom::of_the_workspace()?)? + "\n";
    fs::write(folder.join(sbom_name()), bill)?;
    complete(&folder)?;
    println!("{} is whole:", folder.display());
    print!("{}", fs::read_to_string(folder.join(CHECKSUMS))?);
    Ok(())
}

/// The file name of the bill of materials.
pub(crate) fn sbom_name() -> String {
    format!("runvoy-{VERSION}.cdx.json")
}

fn check_tag(tag: &str) -> Result<()> {
    ensure!(
        tag == format!("v{VERSION}"),
        "the tag is {tag}, and the version in Cargo.toml is {VERSION}"
    );
    Ok(())
}

/// Copies what `runvoy infra apply` fetches to its published names.
fn take_parts(target: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (name, built) in PARTS {
        let built = target.join(built);
        fs::copy(&built, folder.join(name)).with_context(|| {
            format!(
                "{} is missing\nhint: cargo xtask agents && cargo xtask package-lambda",
                built.display()
            )
        })?;
    }
    Ok(())
}

/// Fills in the formula and the checksums of a folder that has everything else.
fn complete(folder: &Path) -> Result<()> {
    for target in TARGETS {
        let archive = target.archive(VERSION);
        ensure!(
            folder.join(&archive).is_file(),
            "{archive} is missing\nhint: cargo xtask dist --target {}, on {}",
            target.triple,
            target.runner
        );
    }
    let filled = formula::fill(&formula::template()?, VERSION, &checksums(folder)?)?;
    fs::write(folder.join(formula::FILE), filled)?;
    fs::write(folder.join(CHECKSUMS), checksums(folder)?)?;
    Ok(())
}

/// A line for each file of a folder, as `sha256sum` prints it; folders and the list itself have none.
fn checksums(folder: &Path) -> Result<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && name != CHECKSUMS {
            let digest = Sha256::digest(fs::read(entry.path())?);
            lines.push((name, format!("{digest:x}")));
        }
    }
    lines.sort();
    let lines = lines.iter().map(|(name, sum)| format!("{sum}  {name}\n"));
    Ok(lines.collect())
}

/// When the sources were last changed, in seconds; the time of every file in an archive.
pub(crate) fn time_of_sources() -> u64 {
    let time = output(
        Command::new("git")
            .args(["log", "-1", "--format=%ct"])
            .current_dir(root()),
    );
    // Sources without their history have no time; any fixed one does.
    let time = time.ok().and_then(|text| text.trim().parse().ok());
    time.unwrap_or(315_532_800)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for target in TARGETS {
            fs::write(folder.path().join(target.archive(VERSION)), target.triple).unwrap();
        }
        folder
    }

    #[test]
    fn a_release_lists_every_file_but_the_list_and_folders() {
        let folder = whole_folder();
        fs::create_dir(folder.path().join("unpacked")).unwrap();
        complete(folder.path()).unwrap();
        let sums = fs::read_to_string(folder.path().join(CHECKSUMS)).unwrap();
        assert_eq!(sums.lines().count(), TARGETS.len() + 1, "{sums}");
        assert!(sums.contains(&format!("  {}\n", formula::FILE)));
        let expected = format!("{:x}  ", Sha256::digest("x86_64-apple-darwin"));
        assert!(sums.contains(&(expected + &TARGETS[2].archive(VERSION))));
    }

    #[test]
    fn a_release_without_one_of_its_archives_is_none() {
        let folder = whole_folder();
        fs::remove_file(folder.path().join(TARGETS[3].archive(VERSION))).unwrap();
        let error = complete(folder.path()).unwrap_err().to_string();
        assert!(error.contains("aarch64-apple-darwin"), "{error}");
    }

    #[test]
    fn parts_are_copied_to_the_names_that_are_fetched() {
        let (target, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(take_parts(target.path(), folder.path()).is_err());
        for (name, built) in PARTS {
            let built = target.path().join(built);
            fs::create_dir_all(built.parent().unwrap()).unwrap();
            fs::write(built, name).unwrap();
        }
        take_parts(target.path(), folder.path()).unwrap();
        for (name, _) in PARTS {
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), name);
        }
    }

    #[test]
    fn only_the_tag_of_this_version_is_released() {
        assert!(check_tag(&format!("v{VERSION}")).is_ok());
        assert!(check_tag(VERSION).is_err());
        assert!(check_tag("v0.0.1").is_err());
        assert!(Target::find("mips-unknown-linux-musl").is_err());
    }
}
