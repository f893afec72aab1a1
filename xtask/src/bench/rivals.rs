//! Programs beside which runvoy is measured, and what else measuring needs. None of them must be there: what cannot be
//! measured without it says so.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::figures::Figures;
use crate::process::{cargo, root, run, works};

/// The newest release of the queue when its row was written.
const PUEUE_VERSION: &str = "4.0.4";
/// Programs of Debian, a call that shows they are there, and their packages.
const PACKAGES: [(&str, &str, &str); 5] = [
    ("tsp", "-V", "task-spooler"),
    ("/usr/bin/time", "--version", "time"),
    ("sed", "--version", "sed"),
    ("docker", "--version", "docker.io"),
    ("/bin/busybox", "true", "busybox-static"),
];

/// Says what is missing before the long wait, not after it.
pub(super) fn look() {
    for (program, option, package) in PACKAGES {
        if !works(program, &[option]) {
            println!(
                "{program} is missing: some rows stay empty\nhint: sudo apt-get install {package}"
            );
        }
    }
}

/// pueue below `target`, put there by cargo the first time. Where that fails its row says so.
pub(super) fn pueue(figures: &mut Figures) -> PathBuf {
    let folder = root().join("target/tools/pueue");
    let program = folder.join("bin/pueue");
    if !program.exists()
        && let Err(error) = install_pueue(&folder.to_string_lossy())
    {
        figures.skip("pueue", &format!("{error:#}"));
    }
    program
}

fn install_pueue(folder: &str) -> Result<()> {
    run(&mut cargo(&[
        "install",
        "pueue",
        "--version",
        PUEUE_VERSION,
        "--locked",
        "--root",
        folder,
    ]))
}

/// Their versions, in the order of the page.
pub(super) fn versions() -> Vec<(&'static str, String)> {
    let pueue = root().join("target/tools/pueue/bin/pueue");
    vec![
        ("task-spooler", version(Command::new("tsp").arg("-V"))),
        ("sed", version(Command::new("sed").arg("--version"))),
        ("pueue", version(Command::new(pueue).arg("--version"))),
        (
            "Docker Engine",
            version(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"])),
        ),
        (
            "Docker's command line",
            version(Command::new("docker").args(["version", "--format", "{{.Client.Version}}"])),
        ),
    ]
}

/// The first line of what a program says of itself.
fn version(command: &mut Command) -> String {
    let Ok(output) = command.output() else {
        return "not there".to_owned();
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let words = text.lines().next().unwrap_or_default().split_whitespace();
    let line = words.collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        "not there".to_owned()
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_has_no_version() {
        assert_eq!(
            version(&mut Command::new("no-such-program-here")),
            "not there"
        );
        assert_eq!(version(Command::new("echo").arg("a  b")), "a b");
    }
}
