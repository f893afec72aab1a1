//! A flood of lines through an agent that masks 50 secrets, to the server's disk; beside `sed` with the same secrets.

mod flood;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use runvoy_client::api::LogsQuery;
use runvoy_wire::execution::RunRequest;
use runvoy_wire::log::LogEventView;
use runvoy_wire::secret::Secret;

use crate::bench::Bench;
use crate::figures::{Figures, largest, median};
use crate::ingest::flood::Flood;
use crate::machine;
use crate::server::{Place, Server};

/// Rounds of each, in turn.
const ROUNDS: usize = 3;
/// How often a process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the server may wait for an entry, in seconds.
const WAIT: u64 = 10;

pub(crate) async fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let folder = bench.folder.join("ingest");
    fs::create_dir_all(&folder)?;
    let flood = Flood::write(&folder)?;
    let server = Server::start(bench, &folder.join("server"), Place::Processes)?;
    let (mut ours, mut theirs, mut agents) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..bench.times(ROUNDS) {
        let (seconds, peak) = ingest(&server, &flood, round).await?;
        ours.push(flood.megabytes / seconds);
        agents.push(peak);
        theirs.push(flood.megabytes / sed(&folder, &flood)?);
    }
    figures.set("ingest.mb_per_s", median(&ours))?;
    figures.set("ingest.sed_mb_per_s", median(&theirs))?;
    figures.set("ingest.agent_peak_mib", largest(&agents))?;
    figures.set("ingest.server_peak_mib", machine::peak(server.pid())?)?;
    drop(server);
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// Seconds from the command's start to its accepted end, and the agent's peak of memory in MiB.
async fn ingest(server: &Server, flood: &Flood, round: usize) -> Result<(f64, f64)> {
    let script = format!("echo $PPID; exec cat '{}'", flood.file.display());
    let request = RunRequest {
        command: Some(script),
        secret_env: (flood.secrets.iter().enumerate())
            .map(|(number, secret)| (format!("SECRET_{number}"), Secret::new(secret)))
            .collect(),
        ..RunRequest::default()
    };
    let run = server.api.run(&request, &format!("ingest-{round}")).await?;
    let id = run.execution_id;
    let opening = entries(server, &id, 0).await?;
    let first = opening.iter().find(|event| event.stream == "stdout");
    let first = first.context("the run did not name its agent")?;
    let agent: u32 = first.message.parse()?;
    let mut peak = 0.0;
    while let Ok(now) = machine::peak(agent) {
        peak = now;
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let execution = server.api.execution(&id).await?;
    ensure!(execution.exit_code == Some(0), "the run failed: {id}");
    let end = execution.completed_at.context("the run has no end")?;
    check(server, flood, &id, first.line).await?;
    let took = end.duration_since(execution.started_at);
    Ok((took.as_secs_f64(), peak))
}

/// Nothing is lost and nothing shown: the last line is as many numbers after the `first` as there are lines, and masked.
async fn check(server: &Server, flood: &Flood, id: &str, first: u64) -> Result<()> {
    let last = entries(server, id, flood.lines - 1).await?;
    let last = last.iter().rfind(|event| event.stream == "stdout");
    let last = last.context("the log has no last line")?;
    // A line that the agent was made to wait for may be numbered in two parts.
    ensure!(
        last.line >= first + flood.lines && last.message == flood.last_line_masked,
        "line {} of the log is {:?} instead of {:?}",
        last.line,
        last.message,
        flood.last_line_masked
    );
    Ok(())
}

/// Entries above `after`, as soon as there is one of the command's.
async fn entries(server: &Server, id: &str, mut after: u64) -> Result<Vec<LogEventView>> {
    loop {
        let query = LogsQuery {
            after,
            limit: Some(100),
            wait: WAIT,
        };
        let page = server.api.logs(id, query).await?;
        after = page.next;
        let events = page.events.unwrap_or_default();
        if page.complete || events.iter().any(|event| event.stream == "stdout") {
            return Ok(events);
        }
    }
}

/// Seconds that `sed` takes to write the flood without its secrets to the same disk.
fn sed(folder: &Path, flood: &Flood) -> Result<f64> {
    let output = File::create(folder.join("sed.out"))?;
    let began = Instant::now();
    let status = Command::new("sed")
        .env("LC_ALL", "C")
        .arg("-f")
        .arg(&flood.sed_script)
        .arg(&flood.file)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .status()?;
    output.sync_all()?;
    let took = began.elapsed();
    ensure!(status.success(), "sed ended with {status}");
    Ok(took.as_secs_f64())
}
