//! `cargo xtask cross-check`: the command line, and this tool, which packs it there, compile for macOS and Windows.

use anyhow::Result;

use crate::process::run;
use crate::zig::cargo_with_zig;

const TARGETS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-pc-windows-gnu"];

/// Checks both for every target; zig compiles the C parts.
pub(crate) fn command() -> Result<()> {
    // aws-lc-sys carries assembled objects for Windows, so that no NASM is needed.
    run(cargo_with_zig("check", &TARGETS)?
        .args(["--package", "runvoy-cli", "--package", "xtask", "--locked"])
        .env("AWS_LC_SYS_PREBUILT_NASM", "1"))
}
