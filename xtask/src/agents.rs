//! `cargo xtask agents`: the static agents that containers and other machines are given.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::{output, root, run, works};
use crate::zig::cargo_with_zig;

/// The most that an agent may weigh, in bytes.
const BUDGET: u64 = 6 * 1024 * 1024;

/// A processor that agents are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arch {
    name: &'static str,
    target: &'static str,
    folder: &'static str,
    emulator: &'static str,
}

const ALL: [Arch; 2] = [
    Arch {
        name: "x86_64",
        target: "x86_64-unknown-linux-musl",
        folder: "linux-amd64",
        emulator: "qemu-x86_64-static",
    },
    Arch {
        name: "aarch64",
        target: "aarch64-unknown-linux-musl",
        folder: "linux-arm64",
        emulator: "qemu-aarch64-static",
    },
];

/// The processors that the options choose; all where none is named.
pub(crate) fn chosen(words: &[String]) -> Result<Vec<Arch>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let name = match words[..] {
        [] => return Ok(ALL.to_vec()),
        ["--arch", name] => name,
        _ => bail!("usage: cargo xtask agents [--arch x86_64|aarch64]"),
    };
    match ALL.into_iter().find(|arch| arch.name == name) {
        Some(arch) => Ok(vec![arch]),
        None => bail!("unknown architecture `{name}`: it is x86_64 or aarch64"),
    }
}

/// Builds and checks the agents; what could not be checked is printed.
pub(crate) fn command(archs: &[Arch]) -> Result<()> {
    for line in build(archs)? {
        println!("not run: {line}");
    }
    Ok(())
}

/// Builds and checks the agents, and answers what could not be checked here.
pub(crate) fn build(archs: &[Arch]) -> Result<Vec<String>> {
    let targets: Vec<&str> = archs.iter().map(|arch| arch.target).collect();
    run(cargo_with_zig("zigbuild", &targets)?.args([
        "--profile",
        "agent",
        "--package",
        "runvoy-agent",
        "--locked",
    ]))?;
    let mut not_run = Vec::new();
    for arch in archs {
        let agent = place(*arch)?;
        check_size(*arch, fs::metadata(&agent)?.len())?;
        let program = fs::read(&agent)?;
        ensure!(
            is_static(&program).context("the agent is not a 64-bit ELF program")?,
            "the {} agent asks for a dynamic loader",
            arch.name
        );
        not_run.extend(start(*arch, &agent)?);
    }
    Ok(not_run)
}

/// The processor of this machine, whose containers tests run.
pub(crate) fn of_this_machine() -> Vec<Arch> {
    let ours = |arch: &Arch| arch.name == std::env::consts::ARCH;
    ALL.into_iter().filter(ours).collect()
}

/// Every processor.
pub(crate) fn all() -> Vec<Arch> {
    ALL.to_vec()
}

fn place(arch: Arch) -> Result<PathBuf> {
    let built = root().join(format!("target/{}/agent/runvoy-agent", arch.target));
    let folder = root().join("target/agents").join(arch.folder);
    fs::create_dir_all(&folder)?;
    let agent = folder.join("runvoy-agent");
    fs::copy(&built, &agent).with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(agent)
}

fn check_size(arch: Arch, size: u64) -> Result<()> {
    println!(
        "{} agent: {size} bytes of {BUDGET} ({} %)",
        arch.name,
        size * 100 / BUDGET
    );
    ensure!(
        size <= BUDGET,
        "the {} agent is over its budget by {} bytes",
        arch.name,
        size - BUDGET
    );
    Ok(())
}

/// Starts the agent for its version; answers what was not run where nothing here can start it.
fn start(arch: Arch, agent: &Path) -> Result<Option<String>> {
    let mut command = if std::env::consts::ARCH == arch.name {
        Command::new(agent)
    } else if works(arch.emulator, &["--version"]) {
        let mut command = Command::new(arch.emulator);
        command.arg(agent);
        command
    } else {
        let name = arch.name;
        return Ok(Some(format!(
            "starting the {name} agent ({} is missing; Debian package qemu-user-static)",
            arch.emulator
        )));
    };
    let version = output(command.arg("--version"))?;
    let version = version.trim();
    ensure!(
        version.contains(env!("CARGO_PKG_VERSION")),
        "the {} agent says that its version is `{version}`",
        arch.name
    );
    println!("{} agent starts: {version}", arch.name);
    Ok(None)
}

/// Whether a little-endian 64-bit ELF program names no dynamic loader; `None` where it is something else.
pub(crate) fn is_static(program: &[u8]) -> Option<bool> {
    const LOADER: u32 = 3;
    let half = |at: usize| {
        Some(u16::from_le_bytes(
            program.get(at..at + 2)?.try_into().ok()?,
        ))
    };
    let word = |at: usize| {
        Some(u32::from_le_bytes(
            program.get(at..at + 4)?.try_into().ok()?,
        ))
    };
    let long = |at: usize| {
        Some(u64::from_le_bytes(
            program.get(at..at + 8)?.try_into().ok()?,
        ))
    };
    if program.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let table = usize::try_from(long(32)?).ok()?;
    let (size, count) = (usize::from(half(54)?), usize::from(half(56)?));
    for number in 0..count {
        if word(table.checked_add(number * size)?)? == LOADER {
            return Some(false);
        }
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn both_processors_unless_one_is_chosen() {
        assert_eq!(chosen(&[]).unwrap(), ALL);
        assert_eq!(chosen(&words("--arch aarch64")).unwrap(), [ALL[1]]);
        assert!(chosen(&words("--arch mips")).is_err());
        assert!(chosen(&words("--arch")).is_err());
    }

    #[test]
    fn an_agent_over_its_budget_fails() {
        assert!(check_size(ALL[0], BUDGET).is_ok());
        assert!(check_size(ALL[0], BUDGET + 1).is_err());
    }

    #[test]
    fn a_dynamic_program_is_told_from_a_static_one() {
        let mut program = vec![0; 64 + 56];
        program[..6].copy_from_slice(b"\x7fELF\x02\x01");
        program[32] = 64;
        program[54] = 56;
        program[56] = 1;
        assert_eq!(is_static(&program), Some(true));
        program[64] = 3;
        assert_eq!(is_static(&program), Some(false));
        assert_eq!(is_static(&program[..100]), Some(false));
        assert_eq!(is_static(&program[..60]), None);
        assert_eq!(is_static(b"#!/bin/sh\n"), None);
    }
}
