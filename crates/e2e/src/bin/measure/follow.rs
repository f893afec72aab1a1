//! A flood of lines at somebody who follows it: `runvoy logs -f` beside `docker logs -f` of the same container.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::bench::Bench;
use crate::docker::{Docker, IMAGE};
use crate::figures::{Figures, median, milliseconds};
use crate::program::{command, printed, shown};
use crate::server::{Place, Server};

/// Lines of a run.
const LINES: usize = 300_000;
/// Rounds of each, in turn.
const ROUNDS: usize = 5;
/// What follows the number in every line; with it about a hundred bytes.
const TEXT: &str =
    "module.network.aws_subnet.private: Still creating... [10s elapsed] [id=subnet-0a1b]";
/// What containers of both get.
const LIMITS: [&str; 3] = ["--cpus=1", "--memory=2g", "--memory-swap=2g"];

/// What was seen of one run.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// From before it was submitted until its last line was there.
    last_line: Duration,
    /// From its first output to its last line.
    flow: Duration,
    /// The same log once more, by another process, from its start to its end.
    again: Duration,
}

pub(crate) fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let docker = match Docker::find(bench) {
        Ok(docker) => docker,
        Err(error) => return figures.skip("follow", &format!("{error:#}")),
    };
    let home = bench.folder.join("follow");
    std::fs::create_dir_all(&home)?;
    let server = Server::start(bench, &home.join("server"), Place::Containers(IMAGE))?;
    let runvoy = Runvoy {
        program: bench.runvoy.clone(),
        server,
        home,
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=bench.times(ROUNDS) {
        let (our, their) = (runvoy.run()?, by_hand(&docker)?);
        // The first of each is not counted.
        if round > 0 {
            ours.push(our);
            theirs.push(their);
        }
    }
    set(figures, "follow", &ours)?;
    set(figures, "follow.docker", &theirs)
}

fn set(figures: &mut Figures, who: &str, seen: &[Seen]) -> Result<()> {
    let separator = if who.contains('.') { '_' } else { '.' };
    let median_of = |what: fn(&Seen) -> Duration| {
        median(&seen.iter().map(what).map(milliseconds).collect::<Vec<_>>())
    };
    let lines = f64::from(u32::try_from(LINES)?);
    let per_second = |took: f64| lines * 1e3 / took;
    let mut keep = |what: &str, value| figures.set(&format!("{who}{separator}{what}"), value);
    keep("last_line_ms", median_of(|seen| seen.last_line))?;
    keep("live_lines_per_s", per_second(median_of(|seen| seen.flow)))?;
    keep(
        "again_lines_per_s",
        per_second(median_of(|seen| seen.again)),
    )
}

/// What the container does.
fn script() -> String {
    format!("awk 'BEGIN {{ for (i = 1; i <= {LINES}; i++) printf \"%07d {TEXT}\\n\", i }}'")
}

/// runvoy's command line at a server.
#[derive(Debug)]
struct Runvoy {
    program: PathBuf,
    server: Server,
    home: PathBuf,
}

impl Runvoy {
    fn run(&self) -> Result<Seen> {
        let began = Instant::now();
        let id = printed(&mut self.command(&["run", "-d", &script()]))?;
        let follow = || self.command(&["logs", "-f", &id]);
        Seen::of(began, follow)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut runvoy = command(&self.home, &[&self.program]);
        self.server.lend(runvoy.args(arguments));
        runvoy
    }
}

fn by_hand(docker: &Docker) -> Result<Seen> {
    let began = Instant::now();
    let script = script();
    let words = [&["run", "-d"], &LIMITS[..], &[IMAGE, "sh", "-c", &script]].concat();
    let id = docker.ask(&words)?;
    let seen = Seen::of(began, || docker.command(&["logs", "-f", &id]));
    docker.ask(&["rm", "-f", &id])?;
    seen
}

impl Seen {
    /// Follows a run that began then, and reads its log once more.
    fn of(began: Instant, follow: impl Fn() -> Command) -> Result<Self> {
        let live = read(follow())?;
        let starting_again = Instant::now();
        let again = read(follow())?;
        Ok(Self {
            last_line: live.last.duration_since(began),
            flow: live.last.duration_since(live.first),
            again: again.last.duration_since(starting_again),
        })
    }
}

/// When output came.
#[derive(Debug, Clone, Copy)]
struct Reading {
    first: Instant,
    last: Instant,
}

/// Reads what a command prints until it ends, then sees that every line was there once and in order.
fn read(mut command: Command) -> Result<Reading> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut output = child.stdout.take().context("it has no output")?;
    let (mut text, mut piece) = (Vec::new(), vec![0; 1 << 20]);
    let mut reading = None;
    loop {
        let length = output.read(&mut piece)?;
        if length == 0 {
            break;
        }
        let last = Instant::now();
        let first = reading.map_or(last, |Reading { first, .. }| first);
        reading = Some(Reading { first, last });
        text.extend_from_slice(&piece[..length]);
    }
    let status = child.wait()?;
    ensure!(
        status.success(),
        "`{}` ended with {status}",
        shown(&command)
    );
    check(&String::from_utf8(text)?)?;
    reading.context("nothing was printed")
}

/// The lines are all there, once and in order, whatever stands before them.
fn check(text: &str) -> Result<()> {
    let mut lines = text.lines().filter_map(|line| line.strip_suffix(TEXT));
    for number in 1..=LINES {
        let line = lines
            .next()
            .with_context(|| format!("line {number} is missing"))?;
        let is_right = line.trim_end().ends_with(&format!("{number:07}"));
        ensure!(is_right, "{line:?} is there instead of line {number}");
    }
    ensure!(lines.next().is_none(), "there are lines after the last");
    Ok(())
}
