//! A thousand people who follow one execution, each with a connection of their own.

mod pipe;
mod reader;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::future::try_join_all;
use runvoy_client::api::Api;
use runvoy_wire::execution::RunRequest;
use runvoy_wire::user::CreateUserRequest;
use tokio::task::JoinSet;

use crate::bench::Bench;
use crate::figures::{Figures, largest, median, milliseconds};
use crate::followers::pipe::Pipe;
use crate::followers::reader::{Arrivals, Reader};
use crate::machine;
use crate::server::{Place, Server};

/// Followers.
const FOLLOWERS: usize = 1000;
/// People whose keys they use.
const PEOPLE: usize = 20;
/// Lines that come one by one, each after all have had the one before.
const SINGLE_LINES: usize = 50;
/// Lines that come at once.
const BURST: usize = 1000;
/// How long everybody is left alone before a line, so that all of them wait for it.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) async fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let folder = bench.folder.join("followers");
    std::fs::create_dir_all(&folder)?;
    let server = Server::start(bench, &folder.join("server"), Place::Processes)?;
    let mut pipe = Pipe::new(&folder.join("lines"))?;
    let request = RunRequest {
        command: Some(format!("exec cat '{}'", pipe.path().display())),
        ..RunRequest::default()
    };
    let run = server.api.run(&request, "followers").await?;
    let mut crowd = Crowd::gather(&server, &run.execution_id).await?;
    // The first line finds out who is there.
    crowd.see(&mut pipe, 1).await?;
    figures.set("followers.server_mib", machine::resident(server.pid())?)?;

    let lines = bench.times(SINGLE_LINES);
    let before = machine::cpu_milliseconds(server.pid())?;
    let mut times = Vec::new();
    for _ in 0..lines {
        tokio::time::sleep(PAUSE).await;
        times.push(crowd.see(&mut pipe, 1).await?);
    }
    let used = machine::cpu_milliseconds(server.pid())? - before;
    figures.set("followers.line_p50_ms", median(&times))?;
    figures.set("followers.line_worst_ms", largest(&times))?;
    let per_line = used / f64::from(u32::try_from(lines)?);
    figures.set("followers.line_cpu_ms", per_line)?;

    tokio::time::sleep(PAUSE).await;
    let before = machine::cpu_milliseconds(server.pid())?;
    figures.set("followers.burst_ms", crowd.see(&mut pipe, BURST).await?)?;
    let used = machine::cpu_milliseconds(server.pid())? - before;
    figures.set("followers.burst_cpu_ms", used)?;

    let written = pipe.close();
    figures.set("followers.end_ms", crowd.end(written).await?)?;
    figures.set("followers.server_peak_mib", machine::peak(server.pid())?)
}

/// Everybody who follows.
#[derive(Debug)]
struct Crowd {
    arrivals: Arrivals,
    readers: JoinSet<Result<u64>>,
}

impl Crowd {
    /// Everybody begins to follow, over connections that nobody shares while waiting.
    async fn gather(server: &Server, id: &str) -> Result<Self> {
        let people = try_join_all((0..PEOPLE).map(|number| person(server, number))).await?;
        let (arrivals, reports) = Arrivals::of(FOLLOWERS);
        let mut readers = JoinSet::new();
        for (number, api) in people.iter().cycle().take(FOLLOWERS).enumerate() {
            let reader = Reader::new(number, api.clone(), id, reports.clone());
            readers.spawn(reader.read());
        }
        Ok(Self { arrivals, readers })
    }

    /// Writes so many lines at once; milliseconds until the last follower has the last of them.
    async fn see(&mut self, pipe: &mut Pipe, lines: usize) -> Result<f64> {
        let began = Instant::now();
        let last = pipe.write(lines).await?;
        tokio::select! {
            all = self.arrivals.all_have(last) => all?,
            early = self.readers.join_next() => {
                let read = early.context("nobody follows")???;
                bail!("a follower was told that line {read} is the last");
            }
        }
        Ok(milliseconds(began.elapsed()))
    }

    /// The log is closed, and everybody is told so; each has had every line once. Milliseconds until the last knows.
    async fn end(&mut self, written: u64) -> Result<f64> {
        let began = Instant::now();
        let mut ended = 0;
        while let Some(read) = self.readers.join_next().await {
            let read = read??;
            ensure!(read == written, "a follower has {read} of {written} lines");
            ended += 1;
        }
        ensure!(ended == FOLLOWERS, "only {ended} followers came to the end");
        Ok(milliseconds(began.elapsed()))
    }
}

/// Somebody new who may see everything, once their key has been used.
async fn person(server: &Server, number: usize) -> Result<Api> {
    let request = CreateUserRequest {
        email: format!("follower{number}@example.com"),
        role: Some("viewer".to_owned()),
        show_key: true,
        ..CreateUserRequest::default()
    };
    let created = server.api.create_user(&request).await?;
    let key = created.api_key.context("the server showed no key")?;
    let api = server.api_with(&key)?;
    api.whoami().await?;
    Ok(api)
}
