//! A page of 50 among a million executions.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use runvoy_app::{Actor, App, OpContext};
use runvoy_core::execution::{Execution, Status};
use runvoy_core::role::Role;
use runvoy_ports::{ExecutionQuery, Ledger as _, MAX_WRITES, Scope, Write};
use runvoy_sql::{Durability, SqliteStore};
use runvoy_testkit::sample;

use crate::Bench;
use crate::authorization::app;
use crate::figures::{Figures, largest, median, milliseconds};

/// Executions.
const EXECUTIONS: u64 = 1_000_000;
/// Length of a page.
const PAGE: u32 = 50;
/// How often each kind of page is read.
const READS: u64 = 201;

pub(crate) async fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let folder = bench.folder.join("list");
    std::fs::create_dir_all(&folder)?;
    let began = Instant::now();
    // How the rows come to be there is not measured, so no write waits for the disk.
    let store = SqliteStore::open(&folder.join("runvoy.db"), Durability::Normal).await?;
    fill(&store).await?;
    figures.set("list.fill_s", began.elapsed().as_secs_f64())?;
    let app = app(Arc::new(store.clone()));
    let user = || Scope::User(sample::email("user7"));
    let lock = Scope::Lock(sample::lock_name("lock-3"));
    let failed = vec![Status::Failed];
    let unsuccessful = vec![Status::Failed, Status::Stopped];
    let kinds = [
        ("list.newest_ms", Scope::All, Depth::Newest, Vec::new()),
        ("list.deep_ms", Scope::All, Depth::Anywhere, Vec::new()),
        ("list.user_ms", user(), Depth::Anywhere, Vec::new()),
        ("list.lock_ms", lock, Depth::Anywhere, Vec::new()),
        ("list.status_ms", Scope::All, Depth::Anywhere, failed),
        ("list.of_both_ms", user(), Depth::Anywhere, unsuccessful),
    ];
    let mut medians = Vec::new();
    for (name, scope, depth, statuses) in kinds {
        medians.push(pages(&app, scope, depth, &statuses).await?);
        figures.set(name, medians.last().copied().unwrap_or_default())?;
    }
    figures.set("list.slowest_ms", largest(&medians))?;
    store.close().await?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// Where pages begin.
#[derive(Debug, Clone, Copy)]
enum Depth {
    Newest,
    Anywhere,
}

/// The median time of one page, in milliseconds.
async fn pages(app: &App, scope: Scope, depth: Depth, statuses: &[Status]) -> Result<f64> {
    let ctx = OpContext {
        actor: Actor {
            email: sample::email("root"),
            role: Role::Admin,
            key: None,
        },
        request_id: app.ids().request(app.now()),
    };
    let mut times = Vec::new();
    for read in 0..READS {
        // Spread over the upper nine tenths, so that every page is full.
        let number = EXECUTIONS - read * (EXECUTIONS * 9 / 10 / READS);
        let query = ExecutionQuery {
            scope: scope.clone(),
            statuses: statuses.to_vec(),
            before: match depth {
                Depth::Newest => None,
                Depth::Anywhere => Some(sample::execution_id(number)),
            },
            limit: PAGE,
        };
        let began = Instant::now();
        let page = app.executions(&ctx, query).await?;
        times.push(milliseconds(began.elapsed()));
        ensure!(page.len() == 50, "a page of {} executions", page.len());
    }
    Ok(median(&times))
}

/// A hundred people and ten locks; every fifth execution had one, every fiftieth failed, every hundredth was cancelled.
async fn fill(store: &SqliteStore) -> Result<()> {
    let mut writes = Vec::new();
    for number in 1..=EXECUTIONS {
        writes.push(Write::InsertExecution(execution(number)));
        if writes.len() == MAX_WRITES {
            let batch = sample::batch(std::mem::take(&mut writes));
            store.commit(&batch).await?;
        }
    }
    ensure!(writes.is_empty(), "the last batch is not full");
    Ok(())
}

fn execution(number: u64) -> Execution {
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    let user = format!("user{}", scattered % 100);
    let lock = number
        .is_multiple_of(5)
        .then(|| format!("lock-{}", scattered % 10));
    let queued = sample::execution_of(number, &user, lock.as_deref());
    let ended = match (scattered / 100) % 100 {
        _ if lock.is_some() => sample::cancelled(&queued),
        0 => sample::cancelled(&queued),
        1 | 2 => sample::exited(&queued, 1),
        _ => sample::exited(&queued, 0),
    };
    sample::closed(&ended)
}
