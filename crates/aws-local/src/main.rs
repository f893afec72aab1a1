//! `runvoy-aws-local`: a local AWS with runvoy deployed on it, until Ctrl-C. `cargo xtask aws up` builds and starts it.
#![expect(
    clippy::print_stdout,
    reason = "a developer's tool: what it prints is all it has to say"
)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use runvoy_aws_local::{LocalAws, Options, Programs};
use tokio::process::Command;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let programs = std::env::current_exe()?
        .parent()
        .context("this program lies nowhere")?
        .to_owned();
    let here = std::path::absolute("target/aws-local")?;
    let _old = fs::remove_dir_all(&here);
    let home = here.join("home");
    fs::create_dir_all(&home)?;
    let built = Programs::built_in(&programs)?;
    built.write_artifacts(&here.join("artifacts"))?;
    let aws = LocalAws::start(Options::new(built.agent.clone())).await?;
    keep_logs(&aws, &here.join("functions.log"))?;
    let environment = environment(&aws, &home);
    deploy(&programs.join("runvoy"), &here, &environment).await?;
    println!("\nrunvoy is deployed on a local AWS. In another terminal:\n");
    for (name, value) in &environment {
        println!("  export {name}={value}");
    }
    println!("  {} run \"echo hello\"", programs.join("runvoy").display());
    println!(
        "\nThe functions' logs are in {}.",
        here.join("functions.log").display()
    );
    println!("Ctrl-C ends it; nothing is kept.");
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// What an admin of the local AWS has in their environment.
fn environment(aws: &LocalAws, home: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("HOME", home.display().to_string()),
        ("AWS_ENDPOINT_URL", aws.endpoint().to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIALOCALADMIN".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
    ]
}

fn keep_logs(aws: &LocalAws, path: &PathBuf) -> anyhow::Result<()> {
    let file = Mutex::new(fs::File::create(path)?);
    aws.lambdas().on_log(Arc::new(move |function, line| {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // A line that is lost is only a line of a log.
        let _written = writeln!(file, "{function} {line}");
    }));
    Ok(())
}

async fn deploy(
    runvoy: &Path,
    here: &Path,
    environment: &[(&'static str, String)],
) -> anyhow::Result<()> {
    let status = Command::new(runvoy)
        .args([
            "infra",
            "apply",
            "--yes",
            "--admin-email",
            "admin@example.com",
        ])
        .arg("--artifacts")
        .arg(here.join("artifacts"))
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .status()
        .await
        .with_context(|| format!("{} cannot be started", runvoy.display()))?;
    ensure!(status.success(), "runvoy could not be deployed: {status}");
    Ok(())
}
