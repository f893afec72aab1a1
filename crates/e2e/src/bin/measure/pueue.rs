//! `runvoy run` through a server, beside a queue that people use for the same on one machine: pueue.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::bench::Bench;
use crate::figures::{Figures, median, milliseconds};
use crate::program::{command, printed};
use crate::server::{Place, Server};

/// Runs of each, in turn.
const RUNS: usize = 21;
/// How long its daemon may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is run, and what it must print.
const WORDS: [&str; 2] = ["echo", "x"];
const OUTPUT: &str = "x";

pub(crate) fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let home = bench.folder.join("pueue");
    fs::create_dir_all(&home)?;
    let daemon = match Daemon::start(bench, &home) {
        Ok(daemon) => daemon,
        Err(error) => return figures.skip("pueue", &format!("{error:#}")),
    };
    let server = Server::start(bench, &home.join("server"), Place::Processes)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=bench.times(RUNS) {
        let (our, their) = (run(bench, &home, &server)?, daemon.add_and_follow()?);
        // The first of each is not counted.
        if round > 0 {
            ours.push(our);
            theirs.push(their);
        }
    }
    figures.set("pueue.runvoy_wall_ms", median(&ours))?;
    figures.set("pueue.wall_ms", median(&theirs))
}

/// One process that submits and follows.
fn run(bench: &Bench, home: &Path, server: &Server) -> Result<f64> {
    let mut runvoy = command(home, &[&bench.runvoy]);
    server.lend(runvoy.arg("run").args(WORDS));
    let began = Instant::now();
    let output = printed(&mut runvoy)?;
    let took = milliseconds(began.elapsed());
    ensure!(output == OUTPUT, "runvoy run printed {output:?}");
    Ok(took)
}

/// pueue's daemon; it ends with this value.
#[derive(Debug)]
struct Daemon {
    child: Child,
    program: PathBuf,
    home: PathBuf,
}

impl Daemon {
    fn start(bench: &Bench, home: &Path) -> Result<Self> {
        let program = bench.pueue.clone();
        let child = pueue(home, &program.with_file_name("pueued"))
            .stderr(Stdio::null())
            .spawn();
        let daemon = Self {
            child: child.context("pueue is not installed (cargo install pueue --locked)")?,
            program,
            home: home.to_owned(),
        };
        let began = Instant::now();
        while daemon.ask(&["status"]).is_err() {
            ensure!(began.elapsed() < PATIENCE, "pueue's daemon does not answer");
        }
        Ok(daemon)
    }

    /// The two processes of the same work.
    fn add_and_follow(&self) -> Result<f64> {
        let began = Instant::now();
        let id = self.ask(&[&["add", "--print-task-id", "--"], &WORDS[..]].concat())?;
        let output = self.ask(&["follow", &id])?;
        let took = milliseconds(began.elapsed());
        ensure!(output.contains(OUTPUT), "pueue follow printed {output:?}");
        Ok(took)
    }

    fn ask(&self, arguments: &[&str]) -> Result<String> {
        printed(pueue(&self.home, &self.program).args(arguments))
    }
}

/// Either program of it, with everything it keeps in this home.
fn pueue(home: &Path, program: &Path) -> Command {
    let mut pueue = command(home, &[program]);
    pueue.env("XDG_RUNTIME_DIR", home);
    pueue
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Nothing depends on how it ends.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}
