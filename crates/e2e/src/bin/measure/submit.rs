//! From submitting a run to its first line at a follower.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use runvoy_client::api::{Api, LogsQuery};
use runvoy_wire::execution::RunRequest;

use crate::Bench;
use crate::figures::{Figures, milliseconds, percentile};
use crate::server::Server;

/// Runs, one after the other.
const RUNS: usize = 300;
/// Runs before those that count.
const WARM_UP: usize = 10;
/// How long the server may wait for an entry, in seconds, as the command line asks.
const WAIT: u64 = 10;

pub(crate) async fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let server = Server::start(&bench.runvoy, &bench.folder.join("submit"))?;
    let (mut first_lines, mut ends) = (Vec::new(), Vec::new());
    for number in 0..WARM_UP + RUNS {
        let (first_line, end) = one(&server.api, number).await?;
        if number >= WARM_UP {
            first_lines.push(milliseconds(first_line));
            ends.push(milliseconds(end));
        }
    }
    figures.set("submit.first_line_p50_ms", percentile(&first_lines, 50))?;
    figures.set("submit.first_line_p99_ms", percentile(&first_lines, 99))?;
    figures.set("submit.complete_p50_ms", percentile(&ends, 50))
}

/// How long after submitting the first line was there, and the whole log.
async fn one(api: &Api, number: usize) -> Result<(Duration, Duration)> {
    let request = RunRequest {
        command: Some("echo x".to_owned()),
        ..RunRequest::default()
    };
    let began = Instant::now();
    let run = api.run(&request, &format!("measure-{number}")).await?;
    let (mut after, mut first_line) = (0, None);
    loop {
        let query = LogsQuery {
            after,
            limit: None,
            wait: WAIT,
        };
        let page = api.logs(&run.execution_id, query).await?;
        after = page.next;
        let mut events = page.events.iter().flatten();
        if first_line.is_none() && events.any(|event| event.stream == "stdout") {
            first_line = Some(began.elapsed());
        }
        match first_line {
            Some(first_line) if page.complete => return Ok((first_line, began.elapsed())),
            None if page.complete => bail!("the run {} printed nothing", run.execution_id),
            _ => {}
        }
    }
}
