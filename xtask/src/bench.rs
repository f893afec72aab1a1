//! `cargo xtask bench`: measures what the design gives budgets to, and writes `docs/performance.md`.

mod budget;
mod machine;
mod report;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::lambda;
use crate::process::{cargo, root, run, works};

/// What was measured, by name.
type Figures = BTreeMap<String, f64>;

/// Programs that are measured beside ours, a call that shows they are there, and their Debian packages.
const RIVALS: [(&str, &str, &str); 3] = [
    ("tsp", "-V", "task-spooler"),
    ("/usr/bin/time", "--version", "time"),
    ("sed", "--version", "sed"),
];

/// How often each Lambda function is started.
const FUNCTION_STARTS: usize = 21;

/// Builds, measures, writes the page and says what was missed.
pub(crate) fn command() -> Result<()> {
    require_rivals()?;
    let facts = machine::facts()?;
    // One after the other: built together, they would share features that the shipped program does not have.
    run(&mut cargo(&release("runvoy-cli", "runvoy")))?;
    run(&mut cargo(&release("runvoy-e2e", "measure")))?;
    let mut figures = measure()?;
    add_agents(&mut figures)?;
    add_functions(&mut figures)?;
    let page = report::page(&facts, &figures);
    fs::write(root().join("docs/performance.md"), page)?;
    println!("docs/performance.md is written");
    for budget in budget::ALL {
        let verdict = budget.verdict(&figures);
        if verdict != budget::Verdict::Met {
            println!("{verdict}: {}", budget.path);
        }
    }
    Ok(())
}

/// Measures the Lambda functions alone and puts their rows into the page.
pub(crate) fn functions() -> Result<()> {
    let mut figures = Figures::new();
    add_functions(&mut figures)?;
    let path = root().join("docs/performance.md");
    let page = fs::read_to_string(&path)?;
    fs::write(&path, report::refreshed(&page, &figures))?;
    println!("{} has the functions' rows", path.display());
    Ok(())
}

fn require_rivals() -> Result<()> {
    let missing: Vec<&str> = RIVALS
        .into_iter()
        .filter(|(program, option, _)| !works(program, &[option]))
        .map(|(_, _, package)| package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "some of what is measured beside runvoy is missing\nhint: sudo apt-get install {}",
        missing.join(" ")
    );
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
fn measure() -> Result<Figures> {
    let folder = root().join("target/bench");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let programs = root().join("target/release");
    let measured = Command::new(programs.join("measure"))
        .arg(programs.join("runvoy"))
        .arg(&folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the measuring program")?;
    if !measured.status.success() {
        bail!("measuring failed; what it left is in {}", folder.display());
    }
    fs::remove_dir_all(&folder)?;
    serde_json::from_slice(&measured.stdout).context("the measuring program printed no figures")
}

/// Sizes of the static agents, where `cargo xtask agents` has built them.
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
            figures.insert(format!("{name}.zip_mib"), f64::from(bytes) / 1_048_576.0);
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
        figures.insert(format!("{name}.init_ms"), median.milliseconds);
        figures.insert(format!("{name}.peak_mib"), f64::from(most) / 1024.0);
    }
    Ok(())
}

fn add_agents(figures: &mut Figures) -> Result<()> {
    for arch in ["amd64", "arm64"] {
        let agent = root().join(format!("target/agents/linux-{arch}/runvoy-agent"));
        if agent.exists() {
            let bytes = u32::try_from(fs::metadata(agent)?.len())?;
            figures.insert(format!("agent.{arch}_mib"), f64::from(bytes) / 1_048_576.0);
        }
    }
    Ok(())
}
