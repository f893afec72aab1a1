//! `cargo xtask aws`: the local AWS, and the engines that it and the tests need.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process::{cargo, root, run};

/// What pip installs: Logs, S3, SSM and what else of AWS the local one does not make itself.
const MOTO: &str = "moto[server]==5.2.5";

/// What to do with the local AWS.
pub(crate) fn command(words: &[String]) -> Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["install"] => install(),
        ["up", ..] => up(&words[1..]),
        _ => bail!("usage: cargo xtask aws install | up"),
    }
}

/// Puts the engines below `target`, where they are not yet.
pub(crate) fn install() -> Result<()> {
    install_dynamodb_local()?;
    install_moto()
}

fn tools() -> PathBuf {
    root().join("target/tools")
}

/// DynamoDB Local and what it needs, from Maven Central.
fn install_dynamodb_local() -> Result<()> {
    let folder = tools().join("dynamodb-local");
    // Written last: an installation that was cut off is begun anew.
    let done = folder.join("installed");
    if done.exists() {
        return Ok(());
    }
    run(Command::new("mvn")
        .args(["--batch-mode", "--quiet", "--file"])
        .arg(root().join("crates/aws-local/dynamodb-local.pom.xml"))
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", folder.display())))
    .context("hint: sudo apt-get install maven default-jre-headless")?;
    fs::write(done, "")?;
    Ok(())
}

fn install_moto() -> Result<()> {
    let folder = tools().join("moto");
    if folder.join("bin/moto_server").exists() {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .context("hint: sudo apt-get install python3-venv")?;
    run(Command::new(folder.join("bin/python3")).args(["-m", "pip", "install", "--quiet", MOTO]))
}

/// Builds what runs on the local AWS, and starts it with runvoy deployed on it.
fn up(options: &[&str]) -> Result<()> {
    install()?;
    run(&mut cargo(&[
        "build",
        "--locked",
        "--package=runvoy-cli",
        "--package=runvoy-agent",
        "--package=runvoy-lambda",
        "--package=runvoy-aws-local",
        "--features=runvoy-cli/infra",
    ]))?;
    run(Command::new(root().join("target/debug/runvoy-aws-local"))
        .args(options)
        .current_dir(root()))
}
