//! Puts the static agents into the program where `RUNVOY_AGENTS_DIR` names the directory that `cargo xtask agents` fills.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script by its environment, and nobody else reads it here"
)]

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The directory with `linux-amd64/runvoy-agent` and `linux-arm64/runvoy-agent`.
const VARIABLE: &str = "RUNVOY_AGENTS_DIR";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={VARIABLE}");
    let top =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets it")?).join("../..");
    // A relative one is below the top of the source, wherever cargo is called.
    let directory = env::var_os(VARIABLE)
        .filter(|directory| !directory.is_empty())
        .map(|directory| top.join(directory));
    let mut source = String::new();
    for (name, platform) in [("AMD64", "linux-amd64"), ("ARM64", "linux-arm64")] {
        let agent = match &directory {
            Some(directory) => Some(agent(directory, platform)?),
            None => None,
        };
        let value = match agent {
            Some(path) => format!("Some(include_bytes!({path:?}))"),
            None => "None".to_owned(),
        };
        writeln!(source, "pub(super) static {name}: Option<&[u8]> = {value};")?;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("embedded_agents.rs"), source)?;
    Ok(())
}

/// The agent's absolute path; an embedding that lacks one is a mistake of the build.
fn agent(directory: &Path, platform: &str) -> Result<String, Box<dyn Error>> {
    let path = directory.join(platform).join("runvoy-agent");
    println!("cargo:rerun-if-changed={}", path.display());
    let path = path.canonicalize().map_err(|error| {
        format!(
            "{VARIABLE} is set, but {} cannot be read: {error}; make the agents with: cargo xtask agents",
            path.display()
        )
    })?;
    let path = path
        .to_str()
        .ok_or("the path of the agents must be UTF-8")?;
    Ok(path.to_owned())
}
