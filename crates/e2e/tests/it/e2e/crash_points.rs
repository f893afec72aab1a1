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

/// Calls of one kind in a run: so many it surely has, and it has fewer than `too_many`.
#[derive(Debug, Clone, Copy)]
struct Calls {
    surely: u64,
    too_many: u64,
}

/// Submitted, launch intended, launch accepted, started, ended, closed; more where two of them meet.
const COMMITS: Calls = Calls {
    surely: 6,
    too_many: 10,
};
/// Start, lines, finish.
const AGENT_CALLS: Calls = Calls {
    surely: 3,
    too_many: 8,
};
/// The opening and what was said, unless all comes at once.
const CHUNKS: Calls = Calls {
    surely: 1,
    too_many: 6,
};
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
    at_every_point(faults, CHUNKS).await;
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
async fn at_every_point(faults: fn(u64, &str) -> Faults, calls: Calls) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut work = JoinSet::new();
    for number in 1..=calls.too_many {
        for when in ["kill-before", "kill-after"] {
            let (faults, room) = (faults(number, when), Arc::clone(&room));
            work.spawn(async move {
                let _place = room.acquire().await.unwrap();
                survive(&faults).await.then_some((number, when))
            });
        }
    }
    let hits: Vec<(u64, &str)> = work.join_all().await.into_iter().flatten().collect();
    let hit = |when: &str| {
        let numbers = hits.iter().filter(|(_, how)| *how == when);
        let mut numbers: Vec<u64> = numbers.map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        numbers
    };
    let all: Vec<u64> = (1..=calls.surely).collect();
    let (before, after) = (hit("kill-before"), hit("kill-after"));
    println!("killed before {before:?} and after {after:?}");
    assert!(before.starts_with(&all), "{before:?}");
    // A commit that lost a race has no after: nothing was done.
    assert!(after.len() as u64 >= calls.surely - 1, "{after:?}");
    assert!(
        !before.contains(&calls.too_many),
        "there may be more calls: {before:?}"
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
