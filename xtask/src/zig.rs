//! cargo with zig as C compiler and linker, for targets that this machine has no tools for.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::{path_with, root, run, works};

/// What pip installs where the machine has none.
const PACKAGES: [&str; 2] = ["cargo-zigbuild==0.24.0", "ziglang==0.17.1"];

/// A cargo command that builds or checks with zig; installs zig below `target` first where it is missing.
pub(crate) fn cargo_with_zig(subcommand: &str, targets: &[&str]) -> Result<Command> {
    run(Command::new("rustup").args(["target", "add"]).args(targets)).context(
        "the standard library for other targets comes with rustup: install Rust from https://rustup.rs",
    )?;
    let mut command = if is_installed() {
        Command::new("cargo-zigbuild")
    } else {
        installed_below_target()?
    };
    command.current_dir(root());
    command.arg(subcommand);
    for target in targets {
        command.args(["--target", target]);
    }
    Ok(command)
}

/// Whether this machine has zig and cargo's way to it.
pub(crate) fn is_installed() -> bool {
    let has_zig = works("zig", &["version"]) || works("python3", &["-m", "ziglang", "version"]);
    has_zig && works("cargo-zigbuild", &["--help"])
}

/// Programs of its own below `target`, put there by pip the first time.
fn installed_below_target() -> Result<Command> {
    let folder = root().join("target/tools/zig");
    let programs = folder.join("bin");
    if !programs.join("cargo-zigbuild").exists() {
        fs::create_dir_all(&folder)?;
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            .context("hint: sudo apt-get install python3-venv")?;
        run(Command::new(programs.join("python3"))
            .args(["-m", "pip", "install", "--quiet"])
            .args(PACKAGES))?;
    }
    let mut command = Command::new(programs.join("cargo-zigbuild"));
    command.env("PATH", path_with(programs)?);
    Ok(command)
}
