//! `cargo xtask package-lambda`: the zips of the Lambda functions, weighed and started once.

mod boot;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

pub(crate) use boot::boot;

use crate::process::{path_with, root, run, works};

/// The most that a zip may weigh, in bytes.
const BUDGET: u64 = 6 * 1024 * 1024;
/// What pip installs below `target`; it brings zig, which links for a glibc as old as Lambda's.
const CARGO_LAMBDA: &str = "cargo-lambda==1.9.2";
/// The functions' programs.
pub(crate) const PROGRAMS: [&str; 2] = ["orchestrator", "event-processor"];

/// A processor that functions are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arch {
    /// That of the deployed functions.
    Arm64,
    /// For the local AWS on such a machine.
    X86,
}

impl Arch {
    /// The processor that the options choose.
    pub(crate) fn chosen(words: &[String]) -> Result<Self> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            [] | ["--arch", "aarch64"] => Ok(Self::Arm64),
            ["--arch", "x86_64"] => Ok(Self::X86),
            _ => bail!("usage: cargo xtask package-lambda [--arch aarch64|x86_64]"),
        }
    }

    const fn option(self) -> &'static str {
        match self {
            Self::Arm64 => "--arm64",
            Self::X86 => "--x86-64",
        }
    }

    /// Where the zips lie, below `target`. The deployed ones are where `runvoy infra apply` looks for a build.
    const fn folder(self) -> &'static str {
        match self {
            Self::Arm64 => "lambda",
            Self::X86 => "lambda-x86_64",
        }
    }

    /// The zip of a function.
    pub(crate) fn zip(self, name: &str) -> PathBuf {
        let folder = root().join("target").join(self.folder());
        folder.join(format!("{name}.zip"))
    }

    /// The program in a zip that was made.
    pub(crate) fn program(self, name: &str) -> Result<PathBuf> {
        let folder = root().join("target").join(self.folder());
        let program = folder.join(name).join("bootstrap");
        ensure!(program.is_file(), "{} is missing", program.display());
        Ok(program)
    }

    /// How a program of this processor is started here, if it can be.
    fn starter(self, program: &Path) -> Option<Command> {
        let is_native = match self {
            Self::Arm64 => cfg!(target_arch = "aarch64"),
            Self::X86 => cfg!(target_arch = "x86_64"),
        };
        if is_native {
            return Some(Command::new(program));
        }
        let sysroot = Path::new("/usr/aarch64-linux-gnu");
        let can_emulate =
            self == Self::Arm64 && sysroot.is_dir() && works("qemu-aarch64-static", &["--version"]);
        can_emulate.then(|| {
            let mut command = Command::new("qemu-aarch64-static");
            command.arg("-L").arg(sysroot).arg(program);
            command
        })
    }
}

/// Builds, weighs and starts the functions; what could not be checked is printed.
pub(crate) fn command(arch: Arch) -> Result<()> {
    for line in package(arch)? {
        println!("not run: {line}");
    }
    Ok(())
}

/// Builds, weighs and starts the functions, and answers what could not be checked here.
pub(crate) fn package(arch: Arch) -> Result<Vec<String>> {
    let folder = root().join("target").join(arch.folder());
    build(arch, &folder)?;
    let mut not_run = Vec::new();
    for name in PROGRAMS {
        check_size(name, fs::metadata(arch.zip(name))?.len())?;
        let program = arch.program(name)?;
        match arch.starter(&program) {
            Some(command) => {
                let booted =
                    boot(command, name).with_context(|| format!("{name} does not start"))?;
                println!(
                    "{name} asks for its first invocation after {:.1} ms, {} KiB in memory",
                    booted.milliseconds, booted.peak_kib
                );
            }
            None => not_run.push(format!(
                "starting {name} for arm64 (Debian packages qemu-user-static and libc6-arm64-cross)"
            )),
        }
    }
    Ok(not_run)
}

fn build(arch: Arch, folder: &Path) -> Result<()> {
    for format in ["zip", "binary"] {
        let mut command = cargo_lambda()?;
        command
            .args(["lambda", "build", "--locked", "--profile", "lambda"])
            .args([arch.option(), "--output-format", format])
            .args(["--package", "runvoy-lambda", "--lambda-dir"])
            .arg(folder);
        run(&mut command)?;
        if format == "zip" {
            for name in PROGRAMS {
                let zip = folder.join(name).join("bootstrap.zip");
                fs::rename(&zip, arch.zip(name))
                    .with_context(|| format!("{} is missing", zip.display()))?;
            }
        }
    }
    Ok(())
}

/// cargo with its subcommand for Lambda; installed below `target` the first time.
fn cargo_lambda() -> Result<Command> {
    let folder = root().join("target/tools/lambda");
    let programs = folder.join("bin");
    if !programs.join("cargo-lambda").exists() {
        fs::create_dir_all(&folder)?;
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            .context("hint: sudo apt-get install python3-venv")?;
        run(Command::new(programs.join("python3")).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            CARGO_LAMBDA,
        ]))?;
    }
    let mut command = Command::new("cargo");
    command
        .env("PATH", path_with(programs)?)
        .current_dir(root());
    Ok(command)
}

fn check_size(name: &str, size: u64) -> Result<()> {
    let percent = size * 100 / BUDGET;
    println!("{name}.zip: {size} bytes of {BUDGET} ({percent} %)");
    ensure!(
        size <= BUDGET,
        "{name}.zip is over its budget by {} bytes",
        size - BUDGET
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployed_processor_unless_another_is_chosen() {
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(Arch::chosen(&[]).unwrap(), Arch::Arm64);
        assert_eq!(Arch::chosen(&words("--arch x86_64")).unwrap(), Arch::X86);
        assert!(Arch::chosen(&words("--arch mips")).is_err());
    }

    #[test]
    fn a_zip_over_its_budget_fails() {
        assert!(check_size("orchestrator", BUDGET).is_ok());
        assert!(check_size("orchestrator", BUDGET + 1).is_err());
    }
}
