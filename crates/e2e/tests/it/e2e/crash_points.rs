//! A server that is killed at any point of a run is started again, and everything ends as it should.

use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;

use runvoy_wire::execution::ExecutionView;
use runvoy_wire::lock::LockView;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::harness::server::is_cleaned_up;
use crate::harness::world::lines;
use crate::harness::{Faults, TestServer, processes};

/// More than a run has of any kind of call, so that the last points are never reached.
const POINTS: u64 = 12;
/// Points that a run surely has: submitted, launch intended, launch accepted, started, ended, closed; and start, lines,
/// finish.
const COMMITS: u64 = 6;
const AGENT_CALLS: u64 = 3;
const APPENDS: u64 = 1;
/// Servers at once.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_and_after_every_commit_is_survived() {
    let faults = |number: u64, when: &str| Faults {
        store: format!("commit:{number}:{when}"),
        ..Faults::default()
    };
    at_every_point(faults, COMMITS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_and_after_every_chunk_of_the_log_is_survived() {
    let faults = |number: u64, when: &str| Faults {
        store: format!("append:{number}:{when}"),
        ..Faults::default()
    };
    at_every_point(faults, APPENDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_and_after_every_call_of_an_agent_is_survived() {
    let faults = |number: u64, when: &str| Faults {
        agents: format!("{number}:{when}"),
        ..Faults::default()
    };
    at_every_point(faults, AGENT_CALLS).await;
}

/// Kills before and after the first such call, before and after the second, and so on beyond the last.
async fn at_every_point(faults: fn(u64, &str) -> Faults, surely: u64) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut work = JoinSet::new();
    for number in 1..=POINTS {
        for when in ["kill-before", "kill-after"] {
            let (faults, room) = (faults(number, when), Arc::clone(&room));
            work.spawn(async move {
                let _place = room.acquire().await.unwrap();
                (number, survive(&faults).await)
            });
        }
    }
    let mut was_hit = Vec::new();
    for (number, is_hit) in work.join_all().await {
        if is_hit {
            was_hit.push(number);
        }
    }
    for number in 1..=surely {
        let times = was_hit.iter().filter(|hit| **hit == number).count();
        assert_eq!(
            times, 2,
            "killed before and after call {number}: {was_hit:?}"
        );
    }
    assert!(
        !was_hit.contains(&POINTS),
        "there may be more calls: {was_hit:?}"
    );
}

/// One run under these faults, the server started again where they killed it. Answers whether they did.
async fn survive(faults: &Faults) -> bool {
    let mut server = TestServer::start().await;
    server.terminate().await;
    server.start_faulty(faults).await;
    let admin = server.admin();
    let effects = server.world().path("effects");
    let script = format!(
        "echo began >> {0}; echo one; sleep 0.3; echo two; echo ended >> {0}; exit 7",
        effects.display()
    );
    let line = ["run", "-q", "--lock", "prod", &script];
    let is_hit = {
        let mut run = pin!(admin.spawn(&line).end());
        let (is_hit, output) = match unless_killed(&mut server, run.as_mut()).await {
            Some(output) => (false, output),
            None => (true, run.await),
        };
        assert_eq!(
            (output.code, &output.stdout[..]),
            (7, "one\ntwo\n"),
            "{faults:?}: {output:?}"
        );
        is_hit
    };
    // The run is closed only after its client has gone.
    let record = admin.last_closed();
    let was_hit_late = unless_killed(&mut server, pin!(record)).await.is_none();
    check(&server, &effects).await;
    is_hit || was_hit_late
}

/// What comes of `work`; `None` if the server is killed meanwhile. Then it runs again, without faults.
async fn unless_killed<T>(
    server: &mut TestServer,
    work: Pin<&mut impl Future<Output = T>>,
) -> Option<T> {
    tokio::select! {
        biased;
        done = work => return Some(done),
        () = server.killed() => {}
    }
    server.start_again().await;
    None
}

/// It ran once and to its end, everybody knows, and nothing is left of it.
async fn check(server: &TestServer, effects: &Path) {
    let record = server.admin().last_closed().await;
    assert_eq!(
        (record.reason.as_deref(), record.exit_code),
        (Some("exited"), Some(7)),
        "{record:?}"
    );
    assert_eq!(lines(effects), ["began", "ended"]);
    assert_eq!(server.admin().log(&record.execution_id).await, "one\ntwo\n");
    let lock: LockView = server.admin().ask(&["locks", "show", "prod"]).await;
    assert_eq!((lock.holder, lock.fence), (None, 1));
    let runs: Vec<ExecutionView> = server.admin().ask(&["list"]).await;
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert!(processes::of_execution(&record.execution_id).is_empty());
    assert!(is_cleaned_up(&server.data_dir()));
}
