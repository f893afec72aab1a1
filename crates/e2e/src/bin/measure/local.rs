//! `runvoy --local run true`, beside the smallest job queue that keeps a record: task-spooler.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::Bench;
use crate::figures::{Figures, largest, median, milliseconds};
use crate::machine::mebibytes;

/// Runs of each, in turn.
const RUNS: usize = 41;
/// Runs whose memory is measured.
const MEMORY_RUNS: usize = 5;
/// GNU time, which asks the system for the memory of a process that it waited for.
const TIME: &str = "/usr/bin/time";

pub(crate) fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let home = bench.folder.join("local");
    std::fs::create_dir_all(&home)?;
    let runvoy = [bench.runvoy.as_os_str()]
        .into_iter()
        .chain(["--local", "run", "true"].map(OsStr::new))
        .collect::<Vec<_>>();
    let rival = ["tsp", "-nf", "true"].map(OsStr::new);
    // The first runs make the database and start the spooler's server.
    run(&home, &runvoy)?;
    run(&home, &rival)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(run(&home, &runvoy)?);
        theirs.push(run(&home, &rival)?);
    }
    run(&home, &["tsp", "-K"].map(OsStr::new))?;
    figures.set("local.wall_ms", median(&ours))?;
    figures.set("local.tsp_wall_ms", median(&theirs))?;
    figures.set("local.times_tsp", median(&ours) / median(&theirs))?;
    memory(bench, &home, &runvoy, figures)
}

/// Wall time in milliseconds.
fn run(home: &Path, words: &[&OsStr]) -> Result<f64> {
    let began = Instant::now();
    let status = command(home, words).status()?;
    let took = milliseconds(began.elapsed());
    ensure!(status.success(), "{words:?} ended with {status}");
    Ok(took)
}

fn command(home: &Path, words: &[&OsStr]) -> Command {
    let mut command = Command::new(words.first().copied().unwrap_or_default());
    command
        .args(words.get(1..).unwrap_or_default())
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TS_SOCKET", home.join("tsp.socket"))
        .env("TMPDIR", home)
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The program's own peak from the system's account of it; the agent's as the command sees its parent's.
fn memory(bench: &Bench, home: &Path, runvoy: &[&OsStr], figures: &mut Figures) -> Result<()> {
    let report = home.join("memory");
    let report_option = report.as_os_str();
    let ask = ["--local", "run", "grep VmHWM /proc/$PPID/status"].map(OsStr::new);
    let (mut ours, mut agents) = (Vec::new(), Vec::new());
    for _ in 0..MEMORY_RUNS {
        let timed = [TIME, "-f", "%M", "-o"].map(OsStr::new);
        run(home, &[&timed[..], &[report_option], runvoy].concat())?;
        let kibibytes: f64 = std::fs::read_to_string(&report)?.trim().parse()?;
        ours.push(kibibytes / 1024.0);
        let asked = [&[bench.runvoy.as_os_str()][..], &ask].concat();
        let output = command(home, &asked).stdout(Stdio::piped()).output()?;
        let status = String::from_utf8(output.stdout)?;
        agents.push(mebibytes(&status, "VmHWM").context("the command did not see its agent")?);
    }
    figures.set("local.cli_peak_mib", largest(&ours))?;
    figures.set("local.agent_peak_mib", largest(&agents))
}
