//! Runs in containers, beside `docker run --rm` of the same image: as one command, and through a server.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::bench::Bench;
use crate::docker::{Docker, IMAGE, NETWORK};
use crate::figures::{Figures, median};
use crate::program::{command, timed};
use crate::server::{Place, Server};
use crate::submit::{self, Took};

/// Runs of each, in turn.
const RUNS: usize = 31;
/// What `docker run` is told so that its container is as closed as runvoy's.
const CLOSED: [&str; 10] = [
    "--network",
    NETWORK,
    "--memory=2g",
    "--memory-swap=2g",
    "--cpus=1",
    "--pids-limit=1024",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--volume=/.runvoy/run",
    "--workdir=/.runvoy/run/work",
];

pub(crate) async fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let docker = match Docker::find(bench) {
        Ok(docker) => docker,
        Err(error) => return figures.skip("container", &format!("{error:#}")),
    };
    one_command(bench, &docker, figures)?;
    through_a_server(bench, &docker, figures).await
}

/// `true` as a whole process, from its start to its end.
fn one_command(bench: &Bench, docker: &Docker, figures: &mut Figures) -> Result<()> {
    let home = bench.folder.join("container");
    std::fs::create_dir_all(&home)?;
    let (mut ours, mut bare, mut closed) = (Vec::new(), Vec::new(), Vec::new());
    // The first run makes the database and the network, and fills the agent's volume.
    timed(&mut runvoy(bench, &home))?;
    for _ in 0..bench.times(RUNS) {
        ours.push(timed(&mut runvoy(bench, &home))?);
        bare.push(timed(&mut run(docker, &[], "true"))?);
        closed.push(timed(&mut run(docker, &CLOSED, "true"))?);
    }
    figures.set("container.wall_ms", median(&ours))?;
    figures.set("container.docker_wall_ms", median(&bare))?;
    figures.set("container.times_docker", median(&ours) / median(&bare))?;
    figures.set("container.closed_docker_wall_ms", median(&closed))
}

fn runvoy(bench: &Bench, home: &Path) -> Command {
    let mut runvoy = command(home, &[&bench.runvoy]);
    runvoy.args(["--local", "run", "--image", IMAGE, "true"]);
    runvoy
}

fn run(docker: &Docker, options: &[&str], words: &str) -> Command {
    let words: Vec<&str> = words.split(' ').collect();
    docker.command(&[&["run", "--rm"], options, &[IMAGE], &words].concat())
}

/// `echo x` on a server on disk, from its submission to its first line and its end.
async fn through_a_server(bench: &Bench, docker: &Docker, figures: &mut Figures) -> Result<()> {
    let data = bench.folder.join("container-server");
    let server = Server::start(bench, &data, Place::Containers(IMAGE))?;
    submit::one(&server.api, 0).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 1..=bench.times(RUNS) {
        ours.push(submit::one(&server.api, number).await?);
        theirs.push(bare(docker)?);
    }
    let first_lines =
        |all: &[Took]| median(&all.iter().map(|took| took.first_line).collect::<Vec<_>>());
    let ends = |all: &[Took]| median(&all.iter().map(|took| took.complete).collect::<Vec<_>>());
    figures.set("container.first_line_p50_ms", first_lines(&ours))?;
    figures.set("container.docker_first_line_p50_ms", first_lines(&theirs))?;
    figures.set("container.complete_p50_ms", ends(&ours))?;
    figures.set("container.docker_complete_p50_ms", ends(&theirs))
}

/// The same from the start of a `docker run --rm` to its first line and its end.
fn bare(docker: &Docker) -> Result<Took> {
    let began = Instant::now();
    let mut child = run(docker, &[], "echo x").stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("docker has no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let first_line = began.elapsed();
    let status = child.wait()?;
    let complete = began.elapsed();
    ensure!(
        status.success() && line == "x\n",
        "docker printed {line:?} and ended with {status}"
    );
    Ok(Took::new(first_line, complete))
}
