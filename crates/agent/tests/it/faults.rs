//! A control plane that is away, slow of memory, or wants nothing more.

use runvoy_core::log::Stream;

use crate::agent::{Finished, Stage, eventually, lives, pid_in, script};

fn numbers(last: u32) -> String {
    (1..=last).fold(String::new(), |out, number| {
        out + &number.to_string() + "\n"
    })
}

fn assert_numbers_arrived_once(run: &Finished, last: u32) {
    assert!(run.stdout() == numbers(last));
    let state = run.stage.plane.state();
    let numbered = state
        .entries
        .iter()
        .zip(1..)
        .all(|(entry, seq)| entry.seq.number() == seq);
    assert!(numbered);
    assert_eq!(run.code(), 0);
}

#[test]
fn a_control_plane_that_comes_late_is_waited_for() {
    let agent = Stage::silent(script("seq 10")).start();
    eventually("the agent", || agent.peak_kib() > 1000);
    agent.stage.listen();
    assert_numbers_arrived_once(&agent.wait(), 10);
}

#[test]
fn a_control_plane_that_is_away_does_not_stop_the_command() {
    // More than the spool holds in memory.
    let agent = Stage::new(script("mkfifo go; read line < go; seq 1000000; touch done")).start();
    eventually("the fifo", || agent.stage.path("go").exists());
    agent.stage.plane.state().is_away = true;
    std::fs::write(agent.stage.path("go"), "\n").unwrap();
    eventually("the command's end", || agent.stage.path("done").exists());
    assert_eq!(agent.stage.plane.raw(Stream::Stdout), "");
    assert!(agent.peak_kib() <= 32 * 1024, "{} KiB", agent.peak_kib());
    agent.stage.plane.state().is_away = false;
    assert_numbers_arrived_once(&agent.wait(), 1_000_000);
}

#[test]
fn failures_and_lost_replies_double_nothing() {
    let stage = Stage::new(script("seq 100000"));
    stage.plane.state().failures = 3;
    stage.plane.state().lost_replies =
        [("start", 2), ("logs", 3), ("heartbeat", 1), ("finish", 2)].into();
    let run = stage.run();
    assert_numbers_arrived_once(&run, 100_000);
    let plane = run.stage.plane.state();
    assert_eq!(plane.starts.len(), 3);
    assert!(
        plane
            .starts
            .iter()
            .all(|start| start.nonce == plane.starts[0].nonce)
    );
}

#[test]
fn a_chunk_taken_in_part_is_sent_on_from_there() {
    let stage = Stage::new(script("seq 20000"));
    stage.plane.state().takes_half = true;
    assert_numbers_arrived_once(&stage.run(), 20_000);
}

#[test]
fn over_http_chunks_are_compressed() {
    let mut stage = Stage::silent(script("seq 100000"));
    let address = stage.plane.serve_http();
    stage
        .variables
        .insert("RUNVOY_AGENT_URL".to_owned(), address);
    let run = stage.run();
    assert_numbers_arrived_once(&run, 100_000);
    let plane = run.stage.plane.state();
    assert_eq!(plane.compressed_calls, plane.log_calls);
}

#[test]
fn told_to_leave_the_agent_kills_everything_and_reports_nothing() {
    for status in [409, 410, 401, 403] {
        let agent = Stage::new(script("trap '' TERM; sleep 60 & echo $! > pid; wait")).start();
        let pid = pid_in(&agent.stage.path("pid"));
        agent.stage.plane.state().leave = Some(status);
        let run = agent.wait();
        assert_eq!(run.code(), 125);
        assert!(!lives(pid));
        assert!(run.stage.plane.state().finish.is_none());
    }
}

#[test]
fn told_to_leave_at_the_start_the_agent_runs_nothing() {
    let stage = Stage::new(script("touch ran"));
    stage.plane.state().leave = Some(409);
    let run = stage.run();
    assert_eq!(run.code(), 125);
    assert!(!run.stage.path("ran").exists());
    assert!(run.file("agent.err").contains("the control plane refused"));
}

#[test]
fn the_start_names_the_place_and_the_agent() {
    let run = Stage::new(script("true")).run();
    let start = run.stage.plane.state().starts[0].clone();
    let place: runvoy_wire::process_place::ProcessPlace = start.place.as_str().parse().unwrap();
    assert!(place.pid > 1 && place.start > 0 && place.boot.len() == 36);
    assert_eq!(start.arch, std::env::consts::ARCH);
    assert!(!start.version.is_empty());
}
