//! From submitting a run to its first line at a follower.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use runvoy_client::api::{Api, LogsQuery};
use runvoy_wire::execution::RunRequest;

use crate::bench::Bench;
use crate::figures::{Figures, milliseconds, percentile};
use crate::server::{Place, Server};

/// Runs, one after the other.
const RUNS: usize = 300;
/// Runs before those that count.
const WARM_UP: usize = 10;
/// How long the server may wait for an entry, in seconds, as the command line asks.
const WAIT: u64 = 10;

/// What one run took since it was submitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// Until its first line of output was there.
    pub(crate) first_line: f64,
    /// Until the whole log was, and with it the exit code.
    pub(crate) complete: f64,
}

pub(crate) async fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let server = Server::start(bench, &bench.folder.join("submit"), Place::Processes)?;
    let (mut first_lines, mut ends) = (Vec::new(), Vec::new());
    for number in 0..WARM_UP + bench.times(RUNS) {
        let took = one(&server.api, number).await?;
        if number >= WARM_UP {
            first_lines.push(took.first_line);
            ends.push(took.complete);
        }
    }
    figures.set("submit.first_line_p50_ms", percentile(&first_lines, 50))?;
    figures.set("submit.first_line_p99_ms", percentile(&first_lines, 99))?;
    figures.set("submit.complete_p50_ms", percentile(&ends, 50))
}

/// Submits `echo x`, follows it to its end, and sees that it ended well.
pub(crate) async fn one(api: &Api, number: usize) -> Result<Took> {
    let request = RunRequest {
        command: Some("echo x".to_owned()),
        ..RunRequest::default()
    };
    let began = Instant::now();
    let run = api.run(&request, &format!("measure-{number}")).await?;
    let id = &run.execution_id;
    let (mut after, mut first_line) = (0, None);
    loop {
        let query = LogsQuery {
            after,
            limit: None,
            wait: WAIT,
        };
        let page = api.logs(id, query).await?;
        after = page.next;
        let mut events = page.events.iter().flatten();
        if first_line.is_none() && events.any(|event| event.stream == "stdout") {
            first_line = Some(began.elapsed());
        }
        match first_line {
            Some(first_line) if page.complete => {
                let complete = began.elapsed();
                ended_well(api, id).await?;
                return Ok(Took::new(first_line, complete));
            }
            None if page.complete => bail!("the run {id} printed nothing"),
            _ => {}
        }
    }
}

impl Took {
    /// Both as durations.
    pub(crate) fn new(first_line: Duration, complete: Duration) -> Self {
        Self {
            first_line: milliseconds(first_line),
            complete: milliseconds(complete),
        }
    }
}

async fn ended_well(api: &Api, id: &str) -> Result<()> {
    let execution = api.execution(id).await?;
    ensure!(execution.exit_code == Some(0), "the run failed: {id}");
    Ok(())
}
