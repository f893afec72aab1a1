//! A server that is killed at any point of a run is started again, and everything ends as it should.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use runvoy_wire::execution::ExecutionView;
use runvoy_wire::lock::LockView;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::harness::server::is_cleaned_up;
use crate::harness::world::lines;
use crate::harness::{Cli, Faults, TestServer, processes, until};

/// Calls of one kind in a story.
#[derive(Debug, Clone, Copy)]
struct Calls {
    /// It surely has so many.
    surely: u64,
    /// So many of them may lose a race; such a call does nothing, and nothing comes after it.
    races: u64,
    /// It never has so many.
    too_many: u64,
}

/// Submitted, launch intended, started, ended, closed; and launch accepted, unless the agent was faster.
const COMMITS: Calls = Calls {
    surely: 5,
    races: 1,
    too_many: 10,
};
/// The same for two runs, and a stop between them.
const HAND_OVER_COMMITS: Calls = Calls {
    surely: 11,
    races: 3,
    too_many: 20,
};
/// Start, lines, finish.
const AGENT_CALLS: Calls = Calls {
    surely: 3,
    races: 0,
    too_many: 8,
};
/// The opening and what was said, unless all comes at once.
const CHUNKS: Calls = Calls {
    surely: 1,
    races: 0,
    too_many: 6,
};
/// Servers at once.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_and_after_every_commit_is_survived() {
    let faults = |number: u64, when: &str| Faults {
        store: format!("commit:{number}:{when}"),
        ..Faults::default()
    };
    at_every_point(faults, COMMITS, Story::OneRun).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_and_after_every_chunk_of_the_log_is_survived() {
    let faults = |number: u64, when: &str| Faults {
        store: format!("append:{number}:{when}"),
        ..Faults::default()
    };
    at_every_point(faults, CHUNKS, Story::OneRun).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_and_after_every_call_of_an_agent_is_survived() {
    let faults = |number: u64, when: &str| Faults {
        agents: format!("{number}:{when}"),
        ..Faults::default()
    };
    at_every_point(faults, AGENT_CALLS, Story::OneRun).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_and_after_every_commit_of_a_hand_over_is_survived() {
    let faults = |number: u64, when: &str| Faults {
        store: format!("commit:{number}:{when}"),
        ..Faults::default()
    };
    at_every_point(faults, HAND_OVER_COMMITS, Story::HandOver).await;
}

/// Kills before and after the first such call, before and after the second, and so on beyond the last.
async fn at_every_point(faults: fn(u64, &str) -> Faults, calls: Calls, story: Story) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut work = JoinSet::new();
    for number in 1..=calls.too_many {
        for when in ["kill-before", "kill-after"] {
            let (faults, room) = (faults(number, when), Arc::clone(&room));
            work.spawn(async move {
                let _place = room.acquire().await.unwrap();
                survive(&faults, story).await.then_some((number, when))
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
    assert!(
        after.len() as u64 >= calls.surely - calls.races,
        "{after:?}"
    );
    assert!(
        !before.contains(&calls.too_many),
        "there may be more calls: {before:?}"
    );
}

/// One story under these faults, the server started again where they killed it. Answers whether they did.
async fn survive(faults: &Faults, story: Story) -> bool {
    let mut server = TestServer::start().await;
    server.terminate().await;
    server.start_faulty(faults).await;
    let teller = Teller {
        admin: server.admin().patient(),
        effects: server.world().path("effects"),
        faults: faults.clone(),
    };
    let is_hit = {
        let mut told = pin!(teller.tell(story));
        let is_hit = tokio::select! {
            biased;
            () = &mut told => false,
            () = server.killed() => true,
        };
        if is_hit {
            server.start_again().await;
            told.await;
        }
        is_hit
    };
    assert!(is_cleaned_up(&server.data_dir()), "{faults:?}");
    is_hit
}

/// What people do, and what they must see whatever the server suffers.
#[derive(Debug, Clone, Copy)]
enum Story {
    /// Somebody runs something and watches it to its end.
    OneRun,
    /// A run that holds a lock is stopped, and the next in line takes over.
    HandOver,
}

struct Teller {
    admin: Cli,
    /// Where the commands leave a line for each thing that they did.
    effects: PathBuf,
    faults: Faults,
}

impl Teller {
    async fn tell(&self, story: Story) {
        match story {
            Story::OneRun => self.one_run().await,
            Story::HandOver => self.hand_over().await,
        }
    }

    async fn one_run(&self) {
        let script = format!(
            "echo began >> {0}; echo one; sleep 0.3; echo two; echo ended >> {0}; exit 7",
            self.effects.display()
        );
        let line = ["run", "-q", "--lock", "prod", &script];
        let output = self.admin.run(&line).await;
        assert_eq!(
            (output.code, &output.stdout[..]),
            (7, "one\ntwo\n"),
            "{:?}: {output:?}",
            self.faults
        );
        let runs: Vec<ExecutionView> = self.admin.ask(&["list"]).await;
        assert_eq!(runs.len(), 1, "{runs:?}");
        let id = &runs[0].execution_id;
        self.ends(id, ("exited", Some(7))).await;
        assert_eq!(self.admin.log(id).await, "one\ntwo\n");
        assert_eq!(
            lines(&self.effects),
            ["began", "ended"],
            "{:?}",
            self.faults
        );
        self.lock_is_free_after(1).await;
    }

    async fn hand_over(&self) {
        let effects = self.effects.display();
        let first = format!("echo first >> {effects}; exec sleep 60");
        let first = self.admin.submit(&["--lock", "prod", &first]).await;
        let next = format!("echo next >> {effects}; exit 7");
        let next = self.admin.submit(&["--lock", "prod", &next]).await;
        until(|| !lines(&self.effects).is_empty()).await;
        self.admin.succeed(&["kill", &first]).await;
        self.ends(&first, ("cancelled", None)).await;
        self.ends(&next, ("exited", Some(7))).await;
        assert_eq!(lines(&self.effects), ["first", "next"], "{:?}", self.faults);
        self.lock_is_free_after(2).await;
    }

    async fn ends(&self, id: &str, end: (&str, Option<i32>)) {
        let record = self.admin.closed(id).await;
        let reason = record.reason.as_deref().unwrap_or_default();
        let ended = (reason, record.exit_code);
        assert_eq!(ended, end, "{:?}: {record:?}", self.faults);
        assert!(processes::of_execution(id).is_empty(), "{:?}", self.faults);
    }

    async fn lock_is_free_after(&self, holders: u64) {
        let lock: LockView = self.admin.ask(&["locks", "show", "prod"]).await;
        assert_eq!(
            (lock.holder, lock.waiting, lock.fence),
            (None, 0, holders),
            "{:?}",
            self.faults
        );
    }
}
