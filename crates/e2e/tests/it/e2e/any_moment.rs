//! Whatever is killed at whatever moment, nothing runs twice, nothing is left, and every record is true.

use std::path::Path;
use std::time::{Duration, Instant};

use runvoy_testkit::eventually;
use runvoy_testkit::fault::splitmix;
use runvoy_wire::execution::ExecutionView;
use runvoy_wire::lock::LockView;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::cli::is_closed;
use crate::harness::server::is_cleaned_up;
use crate::harness::world::lines;
use crate::harness::{Cli, DEADLINE, TestServer, World, processes};

/// At once, before what they left is settled.
const LOCAL_KILLS: u64 = 10;
const RUNS: u64 = 40;
const SERVER_KILLS: u64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_local_command_may_be_killed_at_any_moment() {
    let world = World::new();
    let (cli, effects) = (world.local(), world.path("effects"));
    let script = script(&effects, 0);
    let line = ["run", "-q", "--lock", "prod", &script];
    let began = Instant::now();
    cli.succeed(&line).await;
    let whole = u64::try_from(began.elapsed().as_millis()).unwrap();
    let mut random = 3;
    for round in 1.. {
        for _ in 0..LOCAL_KILLS {
            let moment = Duration::from_millis(splitmix(&mut random) % (whole * 2));
            cli.spawn(&line).kill_after(moment).await;
        }
        // Those that were killed before they began leave no record.
        if settled(&cli).await.len() as u64 > LOCAL_KILLS {
            break;
        }
        assert!(round < 10, "all were killed before they began");
    }
    let records = settled(&cli).await;
    for record in &records {
        let reason = record.reason.as_deref().unwrap_or_default();
        let is_known = ["exited", "cancelled", "interrupted"].contains(&reason);
        assert!(is_known, "{record:?}");
        check(record, &effects, 0);
    }
    assert!(is_cleaned_up(&world.local_data()));
    lock_is_free(&cli).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_be_killed_at_any_moment() {
    let mut server = TestServer::start().await;
    let effects = server.world().path("effects");
    let admin = server.admin().patient();
    let mut clients = JoinSet::new();
    for code in 1..=RUNS {
        let (admin, script) = (admin.clone(), script(&effects, code));
        let lock = format!("lock-{}", code % 4);
        clients.spawn(async move {
            let output = admin.run(&["run", "-q", "--lock", &lock, &script]).await;
            (code, output)
        });
    }
    let mut random = 5;
    for _ in 0..SERVER_KILLS {
        let moment = Duration::from_millis(100 + splitmix(&mut random) % 700);
        // A server does not end by itself.
        assert!(timeout(moment, server.killed()).await.is_err());
        server.kill().await;
        server.start_again().await;
    }
    for (code, output) in clients.join_all().await {
        assert_eq!(u64::try_from(output.code), Ok(code), "{output:?}");
        assert_eq!(output.stdout, "one\ntwo\n");
    }
    let records = settled(&admin).await;
    for record in &records {
        let code = u64::try_from(record.exit_code.unwrap()).unwrap();
        assert_eq!(record.reason.as_deref(), Some("exited"), "{record:?}");
        check(record, &effects, code);
    }
    assert_eq!(records.len() as u64, RUNS);
    assert!(is_cleaned_up(&server.data_dir()));
    lock_is_free(&admin).await;
}

/// Leaves a line when it begins and another when it ends, with the code that it ends with.
fn script(effects: &Path, code: u64) -> String {
    format!(
        "echo began $RUNVOY_EXECUTION_ID >> {0}; echo one; sleep 0.1; echo two; \
         echo ended $RUNVOY_EXECUTION_ID >> {0}; exit {code}",
        effects.display()
    )
}

/// All records, once all are closed. Asking is what settles them where nobody else is there.
async fn settled(cli: &Cli) -> Vec<ExecutionView> {
    eventually(DEADLINE, async || {
        let records: Vec<ExecutionView> = cli.ask(&["list", "--limit", "100"]).await;
        Some(records).filter(|records| records.iter().all(is_closed))
    })
    .await
}

/// It ran once or not at all; to its end, if the record says so.
fn check(record: &ExecutionView, effects: &Path, code: u64) {
    let id = &record.execution_id;
    let done = lines(effects);
    let times = |what: &str| {
        done.iter()
            .filter(|line| **line == format!("{what} {id}"))
            .count()
    };
    let (began, ended) = (times("began"), times("ended"));
    assert!(ended <= began && began <= 1, "{record:?}: {began}, {ended}");
    if record.reason.as_deref() == Some("exited") {
        assert_eq!(
            (ended, record.exit_code.map(i64::from)),
            (1, i64::try_from(code).ok())
        );
    }
    assert!(processes::of_execution(id).is_empty(), "{record:?}");
}

async fn lock_is_free(cli: &Cli) {
    let locks: Vec<LockView> = cli.ask(&["locks", "list"]).await;
    assert!(!locks.is_empty());
    for lock in locks {
        assert_eq!((&lock.holder, lock.waiting), (&None, 0), "{lock:?}");
    }
}
