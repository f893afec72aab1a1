//! A page of 50 among a million executions.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use runvoy_app::{Actor, App, OpContext};
use runvoy_core::execution::{Execution, Status};
use runvoy_core::role::Role;
use runvoy_ports::{ExecutionQuery, Ledger as _, MAX_WRITES, Scope, Write};
use runvoy_sql::{Durability, SqliteStore};
use runvoy_testkit::sample;

use crate::authorization::app;
use crate::bench::Bench;
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
    let file = folder.join("runvoy.db");
    let began = Instant::now();
    // How the rows come to be there is not measured, so no write waits for the disk.
    let store = SqliteStore::open(&file, Durability::Normal).await?;
    fill(&store).await?;
    figures.set("list.fill_s", began.elapsed().as_secs_f64())?;
    let app = app(Arc::new(store.clone()));
    let (mut from_disk, mut from_memory) = (Vec::new(), Vec::new());
    for (name, kind) in kinds() {
        // Closing moves everything to the file and lets go of what SQLite itself remembers.
        store.close().await?;
        forget(&file)?;
        from_disk.push(pages(&app, &kind).await?);
        pages(&app, &kind).await?;
        let median = pages(&app, &kind).await?;
        figures.set(name, median)?;
        from_memory.push(median);
    }
    figures.set("list.slowest_ms", largest(&from_memory))?;
    figures.set("list.slowest_from_disk_ms", largest(&from_disk))?;
    store.close().await?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// Makes the system forget what it remembers of a file.
fn forget(file: &Path) -> Result<()> {
    let file = File::open(file)?;
    file.sync_all()?;
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}

/// A kind of page.
#[derive(Debug)]
struct Kind {
    scope: Scope,
    depth: Depth,
    statuses: Vec<Status>,
}

/// Where pages begin.
#[derive(Debug, Clone, Copy)]
enum Depth {
    Newest,
    Anywhere,
}

/// Every kind that is measured, and its figure's name.
fn kinds() -> [(&'static str, Kind); 6] {
    let kind = |scope: &Scope, depth, statuses: &[Status]| Kind {
        scope: scope.clone(),
        depth,
        statuses: statuses.to_vec(),
    };
    let user = Scope::User(sample::email("user7"));
    let lock = Scope::Lock(sample::lock_name("lock-3"));
    let (newest, anywhere) = (Depth::Newest, Depth::Anywhere);
    let both = [Status::Failed, Status::Stopped];
    [
        ("list.newest_ms", kind(&Scope::All, newest, &[])),
        ("list.deep_ms", kind(&Scope::All, anywhere, &[])),
        ("list.user_ms", kind(&user, anywhere, &[])),
        ("list.lock_ms", kind(&lock, anywhere, &[])),
        ("list.status_ms", kind(&Scope::All, anywhere, &both[..1])),
        ("list.of_both_ms", kind(&user, anywhere, &both)),
    ]
}

/// The median time of one page, in milliseconds.
async fn pages(app: &App, kind: &Kind) -> Result<f64> {
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
            scope: kind.scope.clone(),
            statuses: kind.statuses.clone(),
            before: match kind.depth {
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

/// A hundred people and ten locks. Every fifth execution waited for a lock and was cancelled; of the others two in a
/// hundred failed and one was cancelled.
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
