//! `cargo xtask bench`: measures what the design gives budgets to, and writes `docs/performance.md`.

mod budget;
mod figures;
mod machine;
mod method;
mod report;
mod rivals;
mod rows;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::bench::figures::Figures;
use crate::lambda;
use crate::process::{cargo, root, run};

/// How often each Lambda function is started.
const FUNCTION_STARTS: usize = 21;

/// Builds, measures, writes the page and says what was missed. What failed is told at the end, when the page is there.
pub(crate) fn command() -> Result<()> {
    rivals::look();
    let mut not_installed = Figures::default();
    let pueue = rivals::pueue(&mut not_installed);
    let facts = machine::facts()?;
    // One after the other: built together, they would share features that the shipped program does not have.
    run(&mut cargo(&release("runvoy-cli", "runvoy")))?;
    run(&mut cargo(&release("runvoy-e2e", "measure")))?;
    let mut figures = measure(&pueue)?;
    if let Some(why) = not_installed.why_missing("pueue") {
        figures.skip("pueue", why);
    }
    add_agents(&mut figures)?;
    add_functions(&mut figures)?;
    let page = report::page(&facts, &figures);
    fs::write(root().join("docs/performance.md"), page)?;
    println!("docs/performance.md is written");
    for budget in budget::ALL {
        if let Some(reason) = budget.reason(&figures) {
            println!("{}: {}: {reason}", budget.verdict(&figures), budget.path);
        }
    }
    let failures: Vec<String> = figures.failures().collect();
    if !failures.is_empty() {
        bail!("some of it failed:\n{}", failures.join("\n"));
    }
    Ok(())
}

/// Measures the Lambda functions alone and puts their rows into the page.
pub(crate) fn functions() -> Result<()> {
    let mut figures = Figures::default();
    add_functions(&mut figures)?;
    let path = root().join("docs/performance.md");
    let page = fs::read_to_string(&path)?;
    fs::write(&path, report::refreshed(&page, &figures))?;
    println!("{} has the functions' rows", path.display());
    Ok(())
}

fn release<'a>(package: &'a str, program: &'a str) -> [&'a str; 7] {
    [
        "build",
        "--release",
        "--locked",
        "--package",
        package,
        "--bin",
        program,
    ]
}

/// Runs the measuring program on the disk that the repository is on.
fn measure(pueue: &Path) -> Result<Figures> {
    let folder = root().join("target/bench");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let programs = root().join("target/release");
    let measured = Command::new(programs.join("measure"))
        .arg(programs.join("runvoy"))
        .arg(&folder)
        .arg(format!("--pueue={}", pueue.display()))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the measuring program")?;
    let figures =
        Figures::from_json(&measured.stdout).context("the measuring program printed no figures")?;
    if measured.status.success() {
        fs::remove_dir_all(&folder)?;
    } else {
        println!("what the measuring program left is in {}", folder.display());
    }
    Ok(figures)
}

/// The zips as they are deployed, and starts of the same programs built for this machine.
fn add_functions(figures: &mut Figures) -> Result<()> {
    let native = match std::env::consts::ARCH {
        "aarch64" => lambda::Arch::Arm64,
        _ => lambda::Arch::X86,
    };
    lambda::package(native)?;
    for name in lambda::PROGRAMS {
        let zip = lambda::Arch::Arm64.zip(name);
        if zip.exists() {
            let bytes = u32::try_from(fs::metadata(zip)?.len())?;
            figures.set(&format!("{name}.zip_mib"), f64::from(bytes) / 1_048_576.0);
        }
        let program = native.program(name)?;
        let starts: Result<Vec<_>> = (0..FUNCTION_STARTS)
            .map(|_| lambda::boot(Command::new(&program), name))
            .collect();
        let mut starts = starts?;
        starts.sort_by(|one, other| one.milliseconds.total_cmp(&other.milliseconds));
        let median = starts[FUNCTION_STARTS / 2];
        let most = starts.iter().map(|start| start.peak_kib).max();
        let most = u32::try_from(most.unwrap_or_default())?;
        figures.set(&format!("{name}.init_ms"), median.milliseconds);
        figures.set(&format!("{name}.peak_mib"), f64::from(most) / 1024.0);
    }
    Ok(())
}

/// Sizes of the static agents, where `cargo xtask agents` has built them.
fn add_agents(figures: &mut Figures) -> Result<()> {
    for arch in ["amd64", "arm64"] {
        let agent = root().join(format!("target/agents/linux-{arch}/runvoy-agent"));
        if agent.exists() {
            let bytes = u32::try_from(fs::metadata(agent)?.len())?;
            figures.set(&format!("agent.{arch}_mib"), f64::from(bytes) / 1_048_576.0);
        }
    }
    Ok(())
}
