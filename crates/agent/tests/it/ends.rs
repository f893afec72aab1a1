//! How commands end, and what the agent makes of it.

use std::fs::File;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;

use crate::agent::{Stage, eventually, lives, pid_in, script};

#[test]
fn a_command_that_ends_is_reported_and_its_code_is_the_agents() {
    let run = Stage::new(script("echo out; echo err >&2; exit 3")).run();
    assert_eq!(run.code(), 3);
    let finish = run.finish();
    assert_eq!(
        (finish.exit_code, finish.signal, finish.ended_by.as_str()),
        (Some(3), None, "none")
    );
    assert!(finish.started_at.unwrap() <= finish.ended_at);
    assert_eq!(finish.last_seq.number(), 4);
    assert_eq!(
        (run.stdout().as_str(), run.stderr().as_str()),
        ("out\n", "err\n")
    );
}

#[test]
fn the_log_opens_with_the_request_and_the_command() {
    let run = Stage::new(script("true\ntrue")).run();
    assert_eq!(
        run.system(),
        "Runvoy Runner execution started by requestID req-1\ntrue\ntrue\n"
    );
}

#[test]
fn a_signal_of_its_own_is_reported_as_such() {
    let run = Stage::new(script("kill -SEGV $$")).run();
    let finish = run.finish();
    assert_eq!(
        (finish.exit_code, finish.signal, finish.ended_by.as_str()),
        (None, Some(11), "none")
    );
    assert_eq!(run.code(), 139);
}

#[test]
fn the_time_limit_ends_a_command() {
    let stage = Stage::new(script("sleep 60"));
    stage.plane.answer(|answer| answer.timeout_left_ms = 200);
    let run = stage.run();
    let finish = run.finish();
    assert_eq!(
        (finish.signal, finish.ended_by.as_str()),
        (Some(15), "timeout")
    );
    assert_eq!(run.code(), 124);
    assert!(
        run.system()
            .ends_with("Stopping: the time limit of 200ms is up\n")
    );
}

#[test]
fn a_command_that_ignores_term_is_killed_after_the_grace_period() {
    let stage = Stage::new(script("trap '' TERM; echo ready; exec sleep 60"));
    stage.plane.answer(|answer| answer.grace_ms = 100);
    let agent = stage.start();
    eventually("the command", || {
        !agent
            .stage
            .plane
            .raw(runvoy_core::log::Stream::Stdout)
            .is_empty()
    });
    agent.stage.plane.state().cancel = true;
    let run = agent.wait();
    let finish = run.finish();
    assert_eq!(
        (finish.signal, finish.ended_by.as_str()),
        (Some(9), "cancel")
    );
    assert_eq!(run.code(), 130);
    assert!(run.system().ends_with(
        "Stopping: cancelled\nKilling: it still runs after the grace period of 100ms\n"
    ));
}

#[test]
fn a_cancelled_command_may_clean_up_and_keeps_its_code() {
    let agent = Stage::new(script(
        "trap 'echo cleaning; exit 7' TERM; echo ready; while :; do sleep 0.02; done",
    ))
    .start();
    eventually("the command", || {
        !agent
            .stage
            .plane
            .raw(runvoy_core::log::Stream::Stdout)
            .is_empty()
    });
    agent.stage.plane.state().cancel = true;
    let run = agent.wait();
    let finish = run.finish();
    assert_eq!(
        (finish.exit_code, finish.ended_by.as_str()),
        (Some(7), "cancel")
    );
    assert_eq!(run.stdout(), "ready\ncleaning\n");
}

#[test]
fn a_signal_to_the_agent_stops_the_command() {
    for signal in [Signal::TERM, Signal::INT] {
        let agent = Stage::new(script("echo $$ > pid; exec sleep 60")).start();
        let pid = pid_in(&agent.stage.path("pid"));
        agent.signal(signal);
        let run = agent.wait();
        assert!(!lives(pid));
        let finish = run.finish();
        assert_eq!(
            (finish.signal, finish.ended_by.as_str()),
            (Some(15), "signal")
        );
        assert_eq!(run.code(), 125);
    }
}

#[test]
fn a_start_that_is_cancelled_runs_nothing() {
    let stage = Stage::new(script("touch ran"));
    stage.plane.answer(|answer| {
        answer.cancel = true;
        answer.spec = None;
    });
    let run = stage.run();
    let finish = run.finish();
    assert_eq!(
        (finish.exit_code, finish.signal, finish.ended_by.as_str()),
        (None, None, "cancel")
    );
    assert_eq!((finish.last_seq.number(), finish.started_at), (0, None));
    assert_eq!(run.code(), 130);
    assert!(!run.stage.path("ran").exists());
}

#[test]
fn nothing_outlives_the_command_wherever_it_hid() {
    let run = Stage::new(script(
        "setsid sh -c 'echo $$ > pid; trap \"\" TERM HUP; exec sleep 60' </dev/null >/dev/null 2>&1 &
         while ! [ -s pid ]; do sleep 0.01; done; exit 5",
    ));
    let pid_file = run.path("pid");
    let run = run.run();
    assert_eq!(run.code(), 5);
    assert!(!lives(pid_in(&pid_file)));
}

#[test]
fn who_holds_the_pipes_does_not_hold_the_run() {
    let run = Stage::new(script("sleep 60 & echo $! > pid; echo hi")).run();
    assert_eq!((run.code(), run.stdout().as_str()), (0, "hi\n"));
    assert!(!lives(pid_in(&run.stage.path("pid"))));
}

#[test]
fn what_a_background_process_still_says_is_kept() {
    let run = Stage::new(script(
        "(while kill -0 $$ 2>/dev/null; do sleep 0.01; done; echo late) & echo early",
    ))
    .run();
    assert_eq!(run.stdout(), "early\nlate\n");
}

#[test]
fn a_command_without_output_pipes_goes_on() {
    let run = Stage::new(script("exec >&- 2>&-; sleep 0.2; exit 4")).run();
    assert_eq!(run.code(), 4);
}

#[test]
fn the_owners_death_ends_the_command_and_the_copy_tells() {
    let mut stage = Stage::new(script(
        "trap 'exit 3' TERM; echo $$ > pid; while :; do sleep 0.02; done",
    ));
    let lock_path = stage.path("owner");
    let lock = File::create(&lock_path).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    stage.variables.insert(
        "RUNVOY_AGENT_OWNER_LOCK".to_owned(),
        lock_path.display().to_string(),
    );
    let agent = stage.start();
    let pid = pid_in(&agent.stage.path("pid"));
    agent.stage.plane.state().is_away = true;
    drop(lock);
    let run = agent.wait();
    assert!(!lives(pid));
    assert_eq!(run.code(), 125);
    assert!(run.file("agent.log").ends_with("signal exit 3\n"));
}

#[test]
fn without_contact_the_command_is_dead_at_the_fence_whatever_the_grace() {
    let stage = Stage::new(script(
        "trap '' TERM; echo $$ > pid; while :; do sleep 0.02; done",
    ));
    stage.plane.answer(|answer| {
        answer.fence_ms = Some(4000);
        answer.grace_ms = 600_000;
    });
    let agent = stage.start();
    let pid = pid_in(&agent.stage.path("pid"));
    agent.stage.plane.state().is_away = true;
    let away_since = Instant::now();
    eventually("the command's end", || !lives(pid));
    assert!(
        away_since.elapsed() < Duration::from_secs(30),
        "{:?}",
        away_since.elapsed()
    );
    agent.stage.plane.state().is_away = false;
    let run = agent.wait();
    let finish = run.finish();
    assert_eq!(
        (finish.signal, finish.ended_by.as_str()),
        (Some(9), "signal")
    );
    assert!(
        run.system()
            .contains("Stopping: the control plane is not reached")
    );
}
