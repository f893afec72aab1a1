//! Commands in containers of a real Docker Engine.

mod deaths;
mod images;
mod isolation;
mod local;
mod restarts;
mod troubles;

use runvoy_testkit::dockerd::Dockerd;
use runvoy_testkit::eventually;
use runvoy_wire::execution::ExecutionView;
use runvoy_wire::lock::LockView;

use crate::harness::cli::Cli;
use crate::harness::{DEADLINE, TestServer, engine, until};

/// How it ended.
fn ended(record: &ExecutionView) -> (&str, Option<i32>) {
    let reason = record.reason.as_deref().unwrap_or_default();
    (reason, record.exit_code)
}

/// `seq` to this number, as it writes it.
fn numbers(last: u32) -> String {
    (1..=last).map(|number| number.to_string() + "\n").collect()
}

/// The only container of an execution that runs.
async fn container(engine: &Dockerd, id: &str) -> String {
    eventually(DEADLINE, async || engine::containers_of(engine, id).pop()).await
}

/// Waits until the log has this output.
async fn said(cli: &Cli, id: &str, text: &str) {
    eventually(DEADLINE, async || {
        cli.log(id).await.contains(text).then_some(())
    })
    .await;
}

/// The lock is free, and nothing is left of the run.
async fn settled(server: &TestServer, engine: &Dockerd, id: &str) {
    let lock: LockView = server.admin().ask(&["locks", "show", "prod"]).await;
    assert_eq!((lock.holder, lock.waiting), (None, 0));
    // The engine may still be at its removal.
    until(|| engine::containers_of(engine, id).is_empty()).await;
}
