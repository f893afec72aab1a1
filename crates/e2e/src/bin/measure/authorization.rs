//! What one request's key check and authorization cost, without HTTP.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use runvoy_app::{App, OpContext, Parts, StackKey, Tuning};
use runvoy_core::key::{ApiKey, KeyRecord, RANDOM_BYTES};
use runvoy_core::role::Role;
use runvoy_core::user::User;
use runvoy_ports::{Ledger as _, Store, Write};
use runvoy_sql::{Durability, SqliteStore};
use runvoy_testkit::{ManualClock, ScriptedLauncher, sample};
use rustix::time::{ClockId, clock_gettime};

use crate::bench::Bench;
use crate::figures::{Figures, median};

/// People, each with a key.
const USERS: usize = 1000;
/// Callers at once, where there are several.
const AT_ONCE: usize = 16;
/// Rounds over all of them.
const ROUNDS: usize = 15;

/// What is done with each key.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// Key check and the answer to "may they?": a developer is refused the list of people.
    Gate,
    /// Key check and a whole small use case, which reads the key once more.
    WhoAmI,
}

pub(crate) async fn measure(bench: &Bench, figures: &mut Figures) -> Result<()> {
    let file = bench.folder.join("authorization.db");
    let store = SqliteStore::open(&file, Durability::Full).await?;
    let keys = people(&store).await?;
    let app = app(Arc::new(store));
    // The first use of a key in a minute is noted on disk; that is not what is measured.
    round(&app, &keys, 1, Work::Gate).await?;
    let (mut gate, mut whoami, mut at_once) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.times(ROUNDS) {
        gate.push(round(&app, &keys, 1, Work::Gate).await?);
        whoami.push(round(&app, &keys, 1, Work::WhoAmI).await?);
        at_once.push(round(&app, &keys, AT_ONCE, Work::Gate).await?);
    }
    figures.set("authorization.cpu_us", median(&gate))?;
    figures.set("authorization.whoami_cpu_us", median(&whoami))?;
    figures.set("authorization.at_once_cpu_us", median(&at_once))
}

/// An application on `store` whose launcher and clock do nothing.
pub(crate) fn app(store: Arc<dyn Store>) -> App {
    let (tasks, _nobody) = tokio::sync::mpsc::unbounded_channel();
    App::new(Parts {
        store,
        launcher: Arc::new(ScriptedLauncher::new()),
        clock: Arc::new(ManualClock::default()),
        key: StackKey::new(&[7; 32]),
        tasks,
        owner: None,
        is_owner_alive: Arc::new(|_| true),
        tuning: Tuning::default(),
    })
}

/// CPU time of the whole process for one key, in microseconds, with so many callers at once.
async fn round(app: &App, keys: &[String], callers: usize, work: Work) -> Result<f64> {
    let before = cpu_time()?;
    let shares = keys.chunks(keys.len().div_ceil(callers));
    futures_util::future::try_join_all(shares.map(|share| call(app, share, work))).await?;
    let took = cpu_time()?.saturating_sub(before);
    Ok(took.as_secs_f64() * 1e6 / f64::from(u32::try_from(keys.len())?))
}

async fn call(app: &App, keys: &[String], work: Work) -> Result<()> {
    for key in keys {
        let actor = app.authenticate(key).await?;
        let ctx = OpContext {
            actor,
            request_id: app.ids().request(app.now()),
        };
        match work {
            Work::Gate => {
                let refused = app.users(&ctx).await.is_err();
                ensure!(refused, "a developer may list people");
            }
            Work::WhoAmI => {
                app.who_am_i(&ctx).await?;
            }
        }
    }
    Ok(())
}

fn cpu_time() -> Result<Duration> {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).context("the CPU clock is negative")
}

/// Makes the people, and answers their keys.
async fn people(store: &SqliteStore) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    for number in 0..USERS {
        let mut random = [0; RANDOM_BYTES];
        random[..8].copy_from_slice(&number.to_le_bytes());
        let key = ApiKey::from_random(random);
        let record = KeyRecord {
            hash: key.hash(),
            email: sample::email(&format!("user{number}")),
            ..sample::key(1, "alice")
        };
        let user = User {
            email: record.email.clone(),
            role: Role::Developer,
            keys: vec![record.hash],
            ..sample::user("alice")
        };
        let writes = vec![Write::InsertUser(user), Write::InsertKey(record)];
        store.commit(&sample::batch(writes)).await?;
        keys.push(key.expose().to_owned());
    }
    Ok(keys)
}
