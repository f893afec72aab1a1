//! `cargo xtask dist`: the program of a release and its archive.

mod archive;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::{cargo, output, root, run, works};
use crate::release::{Target, VERSION, folder, time_of_sources};
use crate::zig::cargo_with_zig;
use crate::{agents, release};

/// What is in an archive beside the program and what it writes itself.
pub(crate) const DOCUMENTS: [&str; 3] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];
/// The shells and their files.
const COMPLETIONS: [(&str, &str); 4] = [
    ("bash", "runvoy.bash"),
    ("zsh", "_runvoy"),
    ("fish", "runvoy.fish"),
    ("powershell", "_runvoy.ps1"),
];
const USAGE: &str = "usage: cargo xtask dist [--target TRIPLE] [--agents DIR]";

/// What is to be built.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    target: Target,
    /// Agents that are there already; without them they are built.
    agents: Option<PathBuf>,
}

/// Builds the program of a platform with the agents inside, starts it once, and packs its archive into `target/dist`.
pub(crate) fn command(words: &[String]) -> Result<()> {
    let options = options(words)?;
    let target = options.target;
    let agents = agents_folder(options.agents)?;
    build(target, &agents)?;
    let built = format!("target/{}/release/{}", target.triple, target.program());
    let program = root().join(built);
    if target.is_linux() {
        let is_static = agents::is_static(&fs::read(&program)?);
        ensure!(is_static == Some(true), "the program is not static");
    }
    let files = folder().join(target.folder(VERSION));
    gather(target, &program, &files)?;
    let archive = folder().join(target.archive(VERSION));
    if target.is_windows() {
        archive::zip(&files, &archive)?;
    } else {
        archive::tar_gz(&files, &archive, time_of_sources())?;
    }
    println!(
        "{}: {} bytes, the program {} bytes",
        archive.display(),
        fs::metadata(&archive)?.len(),
        fs::metadata(&program)?.len()
    );
    Ok(())
}

fn options(words: &[String]) -> Result<Options> {
    let mut triple = default_triple();
    let mut agents = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next();
        match (word.as_str(), value) {
            ("--target", Some(value)) => triple.clone_from(value),
            ("--agents", Some(value)) => agents = Some(PathBuf::from(value)),
            _ => bail!(USAGE),
        }
    }
    let target = Target::find(&triple)?;
    Ok(Options { target, agents })
}

/// This machine's platform.
fn default_triple() -> String {
    let system = match std::env::consts::OS {
        "macos" => "apple-darwin",
        "windows" => "pc-windows-msvc",
        _ => "unknown-linux-musl",
    };
    format!("{}-{system}", std::env::consts::ARCH)
}

/// The folder of both agents, which are built unless it is given.
fn agents_folder(given: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(given) = given {
        let agent = given.join("linux-amd64/runvoy-agent");
        ensure!(agent.is_file(), "{} is missing", agent.display());
        return Ok(std::path::absolute(given)?);
    }
    for line in agents::build(&agents::all())? {
        println!("not run: {line}");
    }
    Ok(root().join("target/agents"))
}

fn build(target: Target, agents: &Path) -> Result<()> {
    let mut command = if target.is_linux() {
        cargo_with_zig("zigbuild", &[target.triple])?
    } else {
        run(Command::new("rustup").args(["target", "add", target.triple]))?;
        cargo(&["build", "--target", target.triple])
    };
    command.args(["--release", "--package", "runvoy-cli", "--locked"]);
    command.args(["--features", "infra"]);
    command.env("RUNVOY_AGENTS_DIR", agents);
    if target.is_windows() {
        // aws-lc-sys carries assembled objects for Windows, so that no NASM is needed.
        command.env("AWS_LC_SYS_PREBUILT_NASM", "1");
    }
    run(&mut command)
}

/// Puts together what the archive holds: the program, its completions and pages, the documents.
fn gather(target: Target, program: &Path, files: &Path) -> Result<()> {
    if files.exists() {
        fs::remove_dir_all(files)?;
    }
    let completions = files.join("completions");
    fs::create_dir_all(&completions)?;
    for document in DOCUMENTS {
        fs::copy(root().join(document), files.join(document))?;
    }
    let packed = files.join(target.program());
    fs::copy(program, &packed).with_context(|| format!("cannot copy {}", program.display()))?;
    let version = output(starter(target, &packed)?.arg("--version"))?;
    ensure!(
        version.trim() == format!("runvoy {}", release::VERSION),
        "the program says that its version is `{}`",
        version.trim()
    );
    for (shell, file) in COMPLETIONS {
        let script = output(starter(target, &packed)?.args(["completion", shell]))?;
        fs::write(completions.join(file), script)?;
    }
    run(starter(target, &packed)?.arg("man").arg(files.join("man")))
}

/// How the program is started here: by itself, or by an emulator.
fn starter(target: Target, program: &Path) -> Result<Command> {
    let name = program.to_string_lossy();
    if works(&name, &["--version"]) {
        return Ok(Command::new(program));
    }
    let processor = target.triple.split('-').next().unwrap_or_default();
    let emulator = format!("qemu-{processor}-static");
    if target.is_linux() && works(&emulator, &[&name, "--version"]) {
        let mut command = Command::new(emulator);
        command.arg(program);
        return Ok(command);
    }
    bail!(
        "{name} does not start here\nhint: build it on {}, or for Linux install Debian's qemu-user-static",
        target.runner
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_platform_is_this_machine_s_unless_it_is_named() {
        let own = options(&[]).unwrap();
        assert_eq!(own.target.triple, default_triple());
        let named = options(&words("--target aarch64-apple-darwin --agents a")).unwrap();
        assert_eq!(named.target.triple, "aarch64-apple-darwin");
        assert_eq!(named.agents, Some(PathBuf::from("a")));
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for line in ["--target mips", "--target", "--fast yes"] {
            assert!(options(&words(line)).is_err(), "{line}");
        }
        assert!(agents_folder(Some(PathBuf::from("/nonexistent"))).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn a_program_of_another_version_is_not_packed() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "#!/bin/sh\necho runvoy 0.0.1\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let target = Target::find("x86_64-unknown-linux-musl").unwrap();
        let error = gather(target, &program, &folder.path().join("files")).unwrap_err();
        assert!(error.to_string().contains("0.0.1"), "{error:#}");
    }
}
