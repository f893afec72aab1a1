//! Two hundred runs at once, each with a fate that is known beforehand.

use std::collections::HashMap;
use std::sync::Arc;

use runvoy_testkit::eventually;
use runvoy_testkit::fault::splitmix;
use runvoy_wire::execution::ExecutionView;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::harness::cli::is_closed;
use crate::harness::server::is_cleaned_up;
use crate::harness::world::lines;
use crate::harness::{Cli, DEADLINE, TestServer, World, processes, until};

const SEED: u64 = 20_26;
const RUNS: u64 = 200;
/// How many of them share a lock.
const LOCKED: u64 = 20;
/// Clients at once.
const CLIENTS: usize = 20;

/// What becomes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Exits(i32),
    DiesBy(i32),
    TimesOut,
    /// Cancelled while it runs.
    IsStopped,
    /// Cancelled as soon as it is submitted.
    IsRecalled,
}

#[derive(Debug, Clone)]
struct Run {
    number: u64,
    fate: Fate,
    is_locked: bool,
    lines: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_runs_at_once_end_as_they_must() {
    let server = TestServer::start().await;
    let runs: Vec<Run> = plan();
    let submitted = submit_all(&server, &runs).await;
    let ids: Vec<&str> = submitted.values().map(String::as_str).collect();
    server.admin().run(&[&["wait"], &ids[..]].concat()).await;
    let records = closed(&server.admin()).await;
    for run in &runs {
        let record = &records[&submitted[&run.number]];
        run.check(record);
    }
    check_logs(&server, &runs, &submitted).await;
    assert_eq!(lines(&server.world().path("overlaps")), [""; 0]);
    let turns: Vec<String> = (1..)
        .zip(runs.iter().filter(|run| run.is_locked))
        .map(|(fence, run)| format!("{fence} {}", run.number))
        .collect();
    assert_eq!(lines(&server.world().path("turns")), turns);
    assert!(ids.iter().all(|id| processes::of_execution(id).is_empty()));
    assert!(is_cleaned_up(&server.data_dir()));
}

/// Who ends how, by the seed. Every tenth run takes the lock.
fn plan() -> Vec<Run> {
    let mut random = SEED;
    let mut below = |limit: u64| splitmix(&mut random) % limit;
    let runs = (0..RUNS).map(|number| {
        let is_locked = number % (RUNS / LOCKED) == 0;
        let fate = match below(10) {
            0..=4 => Fate::Exits(i32::try_from(below(256)).unwrap()),
            5 | 6 => Fate::DiesBy([1, 3, 6, 9, 10, 12, 14, 15][usize::try_from(below(8)).unwrap()]),
            7 => Fate::TimesOut,
            8 => Fate::IsStopped,
            _ if is_locked => Fate::Exits(0),
            _ => Fate::IsRecalled,
        };
        Run {
            number,
            fate,
            is_locked,
            lines: below(300),
        }
    });
    runs.collect()
}

impl Run {
    fn script(&self, world: &World) -> String {
        let (number, lines) = (self.number, self.lines);
        let (open, shut) = if self.is_locked {
            let (guard, turns) = (world.text("guard"), world.text("turns"));
            let overlaps = world.text("overlaps");
            (
                format!(
                    "(set -C; : > {guard}) || echo {number} >> {overlaps}; \
                     echo $RUNVOY_LOCK_FENCE {number} >> {turns}; "
                ),
                format!("rm {guard}; "),
            )
        } else {
            (String::new(), String::new())
        };
        let end = match self.fate {
            Fate::Exits(code) => format!("sleep 0.05; {shut}exit {code}"),
            Fate::DiesBy(signal) => format!("{shut}kill -{signal} $$"),
            Fate::TimesOut | Fate::IsStopped => format!(
                ": > {}; sleep 60 & wait",
                world.text(&format!("started-{number}"))
            ),
            Fate::IsRecalled => return "exec sleep 60".to_owned(),
        };
        // Whenever it is told to end.
        let open = match self.fate {
            Fate::TimesOut | Fate::IsStopped => format!("trap '{shut}exit 0' TERM; {open}"),
            Fate::Exits(_) | Fate::DiesBy(_) | Fate::IsRecalled => open,
        };
        format!("{open}seq -f 'run {number} line %g' {lines}; {end}")
    }

    fn output(&self) -> String {
        if self.fate == Fate::IsRecalled {
            return String::new();
        }
        let number = self.number;
        let lines = (1..=self.lines).map(|line| format!("run {number} line {line}\n"));
        lines.collect::<Vec<_>>().concat()
    }

    /// Submits it, and stops it where that is its fate; answers its id.
    async fn submit(&self, cli: &Cli, world: &World) -> String {
        let script = self.script(world);
        let mut line = vec!["--lock-timeout", "5m", "--lock", "prod"];
        if !self.is_locked {
            line.clear();
        }
        if self.fate == Fate::TimesOut {
            line.extend(["--timeout", "10s"]);
        }
        line.push(&script);
        cli.submit(&line).await
    }

    async fn stop(&self, cli: &Cli, world: &World, id: &str) {
        match self.fate {
            Fate::Exits(_) | Fate::DiesBy(_) | Fate::TimesOut => return,
            Fate::IsRecalled => {}
            Fate::IsStopped => {
                let started = world.path(&format!("started-{}", self.number));
                until(|| started.exists()).await;
            }
        }
        cli.succeed(&["kill", id]).await;
    }

    fn check(&self, record: &ExecutionView) {
        let (status, reason, code) = match self.fate {
            Fate::Exits(0) => ("SUCCEEDED", "exited", Some(0)),
            Fate::Exits(code) => ("FAILED", "exited", Some(code)),
            Fate::DiesBy(signal) => ("FAILED", "signaled", Some(128 + signal)),
            Fate::TimesOut => ("FAILED", "timed_out", Some(0)),
            Fate::IsStopped => ("STOPPED", "cancelled", Some(0)),
            // Depends on whether it ran by then.
            Fate::IsRecalled => ("STOPPED", "cancelled", record.exit_code),
        };
        let ended = (
            &record.status[..],
            record.reason.as_deref().unwrap_or_default(),
        );
        assert_eq!(
            (ended, record.exit_code),
            ((status, reason), code),
            "{self:?}: {record:?}"
        );
    }
}

/// Those with the lock one after the other, all others at once; answers ids by number.
async fn submit_all(server: &TestServer, runs: &[Run]) -> HashMap<u64, String> {
    let room = Semaphore::new(CLIENTS);
    let (room, admin, world) = (&room, &server.admin(), server.world());
    let one = async |run: &Run| {
        let id = {
            let _place = room.acquire().await.unwrap();
            run.submit(admin, world).await
        };
        (run.number, id)
    };
    let in_turn = async {
        let mut ids = Vec::new();
        for run in runs.iter().filter(|run| run.is_locked) {
            ids.push(one(run).await);
        }
        ids
    };
    let at_once = runs.iter().filter(|run| !run.is_locked).map(|run| async {
        let (number, id) = one(run).await;
        run.stop(admin, world, &id).await;
        (number, id)
    });
    let (in_turn, at_once) = tokio::join!(in_turn, futures_util::future::join_all(at_once));
    let stops = runs.iter().filter(|run| run.is_locked).zip(&in_turn);
    for (run, (_, id)) in stops {
        run.stop(admin, world, id).await;
    }
    in_turn.into_iter().chain(at_once).collect()
}

/// All records by id, once all are closed.
async fn closed(cli: &Cli) -> HashMap<String, ExecutionView> {
    let limit = RUNS.to_string();
    let records: Vec<ExecutionView> = eventually(DEADLINE, async || {
        let records: Vec<ExecutionView> = cli.ask(&["list", "--limit", &limit]).await;
        Some(records).filter(|records| records.iter().all(is_closed))
    })
    .await;
    assert_eq!(records.len() as u64, RUNS);
    let by_id = records
        .into_iter()
        .map(|record| (record.execution_id.clone(), record));
    by_id.collect()
}

async fn check_logs(server: &TestServer, runs: &[Run], ids: &HashMap<u64, String>) {
    let room = Arc::new(Semaphore::new(4));
    let mut reading = JoinSet::new();
    for run in runs {
        let (cli, id, run) = (server.admin(), ids[&run.number].clone(), run.clone());
        let room = Arc::clone(&room);
        reading.spawn(async move {
            let _place = room.acquire().await.unwrap();
            assert_eq!(cli.log(&id).await, run.output(), "{run:?}");
        });
    }
    reading.join_all().await;
}
