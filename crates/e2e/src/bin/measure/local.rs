//! `runvoy --local run true`, beside the smallest job queue that keeps a record: task-spooler.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::bench::Bench;
use crate::figures::{Figures, largest, median};
use crate::machine::mebibytes;
use crate::program::{command, printed, timed, works};

/// Runs of each, in turn.
const RUNS: usize = 41;
/// Runs whose memory is measured.
const MEMORY_RUNS: usize = 5;
/// GNU time, which asks the system for the memory of a process that it waited for.
const TIME: &str = "/usr/bin/time";

pub(crate) fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let home = bench.folder.join("local");
    std::fs::create_dir_all(&home)?;
    let has_spooler = works(&home, &["tsp", "-V"]);
    // The first runs make the database and start the spooler's server.
    timed(&mut runvoy(bench, &home))?;
    if has_spooler {
        timed(&mut spooler(&home, &["-nf", "true"]))?;
    } else {
        let why = "task-spooler is not installed (sudo apt-get install task-spooler)";
        figures.skip("local.tsp_wall_ms", why)?;
        figures.skip("local.times_tsp", why)?;
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..bench.times(RUNS) {
        ours.push(timed(&mut runvoy(bench, &home))?);
        if has_spooler {
            theirs.push(timed(&mut spooler(&home, &["-nf", "true"]))?);
        }
    }
    figures.set("local.wall_ms", median(&ours))?;
    if has_spooler {
        timed(&mut spooler(&home, &["-K"]))?;
        figures.set("local.tsp_wall_ms", median(&theirs))?;
        figures.set("local.times_tsp", median(&ours) / median(&theirs))?;
    }
    memory(bench, &home, figures)
}

fn runvoy(bench: &Bench, home: &Path) -> Command {
    let mut runvoy = command(home, &[&bench.runvoy]);
    runvoy.args(["--local", "run", "true"]);
    runvoy
}

/// The spooler, with a server of this home's own.
fn spooler(home: &Path, arguments: &[&str]) -> Command {
    let mut spooler = command(home, &["tsp"]);
    spooler
        .args(arguments)
        .env("TS_SOCKET", home.join("tsp.socket"))
        .env("TMPDIR", home);
    spooler
}

/// The program's own peak from the system's account of it; the agent's as the command sees its parent's.
fn memory(bench: &Bench, home: &Path, figures: &mut Figures) -> Result<()> {
    let has_time = works(home, &[TIME, "--version"]);
    let (mut ours, mut agents) = (Vec::new(), Vec::new());
    for _ in 0..MEMORY_RUNS {
        if has_time {
            ours.push(own_peak(bench, home)?);
        }
        let mut asking = command(home, &[&bench.runvoy]);
        asking.args(["--local", "run", "grep VmHWM /proc/$PPID/status"]);
        let status = printed(&mut asking)?;
        agents.push(mebibytes(&status, "VmHWM").context("the command did not see its agent")?);
    }
    if has_time {
        figures.set("local.cli_peak_mib", largest(&ours))?;
    } else {
        let why = "GNU time is not installed (sudo apt-get install time)";
        figures.skip("local.cli_peak_mib", why)?;
    }
    figures.set("local.agent_peak_mib", largest(&agents))
}

fn own_peak(bench: &Bench, home: &Path) -> Result<f64> {
    let report = home.join("memory");
    let mut timing = command(home, &[TIME, "-f", "%M", "-o"]);
    timing
        .arg(&report)
        .arg(&bench.runvoy)
        .args(["--local", "run", "true"]);
    timed(&mut timing)?;
    let kibibytes: f64 = std::fs::read_to_string(&report)?.trim().parse()?;
    Ok(kibibytes / 1024.0)
}
