//! Does what has moved, at once and bounded, and looks after everything else in rounds: the reconciler.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use runvoy_app::{App, Task};
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use crate::turns::Turns;

/// How long tasks under way may take to end.
const FINISH: Duration = Duration::from_secs(10);

/// How long one may take. Each may be cut off anywhere; one that never ended would never be done again.
const LIMIT: Duration = Duration::from_mins(10);

/// One dispatcher for all tasks of a process.
struct Pool {
    app: App,
    turns: Turns,
    later: BTreeMap<(Instant, u64), Task>,
    counter: u64,
    under_way: JoinSet<Option<Duration>>,
    /// Which task is which.
    tasks: HashMap<Id, Task>,
}

/// Works until `stop`, then finishes what is under way and does not hang.
pub(crate) async fn run(
    app: App,
    mut moved: mpsc::UnboundedReceiver<Task>,
    every: Duration,
    stop: CancellationToken,
) {
    let mut pool = Pool {
        app: app.clone(),
        turns: Turns::default(),
        later: BTreeMap::new(),
        counter: 0,
        under_way: JoinSet::new(),
        tasks: HashMap::new(),
    };
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looking = JoinSet::new();
    loop {
        pool.start_next();
        let next = pool.later.keys().next().map(|(at, _)| *at);
        tokio::select! {
            () = stop.cancelled() => break,
            Some(task) = moved.recv() => pool.turns.want(task),
            Some(ended) = pool.under_way.join_next_with_id() => pool.ended(ended),
            () = sleep_until(next) => pool.take_due(),
            Some(open) = looking.join_next() => pool.turns.look_after(open.unwrap_or_default()),
            _ = tick.tick(), if looking.is_empty() && pool.turns.is_round_over() => {
                let app = app.clone();
                looking.spawn(async move {
                    app.open().await.unwrap_or_else(|error| {
                        tracing::error!(%error, "open executions cannot be looked after");
                        Vec::new()
                    })
                });
            }
        }
    }
    finish(pool.under_way, looking, FINISH).await;
}

/// Lets what is under way end, but calls that hang do not keep the server: what it had begun, the next one finds.
async fn finish<T: 'static, U: 'static>(
    mut tasks: JoinSet<T>,
    mut looking: JoinSet<U>,
    limit: Duration,
) {
    let ending = async {
        while tasks.join_next().await.is_some() {}
        while looking.join_next().await.is_some() {}
    };
    if tokio::time::timeout(limit, ending).await.is_err() {
        tracing::warn!("what is under way does not end, and is left to the next start");
    }
}

/// Sleeps until then; for ever where there is no then.
async fn sleep_until(then: Option<Instant>) {
    match then {
        Some(then) => tokio::time::sleep_until(then).await,
        None => std::future::pending().await,
    }
}

impl Pool {
    fn start_next(&mut self) {
        while let Some(task) = self.turns.next() {
            let (app, work_on) = (self.app.clone(), task.clone());
            let started = self
                .under_way
                .spawn(async move { work(&app, &work_on).await });
            self.tasks.insert(started.id(), task);
        }
    }

    /// One that has panicked, which is printed, is left to the next round.
    fn ended(&mut self, ended: Result<(Id, Option<Duration>), JoinError>) {
        let (id, again) = ended.unwrap_or_else(|panic| (panic.id(), None));
        let Some(task) = self.tasks.remove(&id) else {
            return;
        };
        if let Some(delay) = self.turns.done(&task, again) {
            self.counter += 1;
            self.later
                .insert((Instant::now() + delay, self.counter), task);
        }
    }

    fn take_due(&mut self) {
        let now = Instant::now();
        while let Some(due) = self.later.first_entry().filter(|due| due.key().0 <= now) {
            let task = due.remove();
            self.turns.want(task);
        }
    }
}

/// Does one task; answers how soon to do it again. A failure is left to the next round.
async fn work(app: &App, task: &Task) -> Option<Duration> {
    let working = async {
        match task {
            Task::Drive(id) => app.drive(id).await,
            Task::Advance(name) => app.advance(name).await.map(|()| None),
        }
    };
    match timeout(LIMIT, working).await {
        Ok(Ok(again_after)) => again_after,
        Ok(Err(error)) => {
            tracing::warn!(?task, error = %error.chain(), "left to the next round");
            None
        }
        Err(_) => {
            tracing::warn!(?task, "it takes too long and is left to the next round");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_end_waits_for_what_is_under_way_but_not_for_what_hangs() {
        let (done, was_done) = tokio::sync::oneshot::channel();
        let (kept, was_given_up) = tokio::sync::oneshot::channel::<()>();
        let (mut tasks, mut looking) = (JoinSet::new(), JoinSet::new());
        tasks.spawn(async move {
            tokio::time::sleep(FINISH / 2).await;
            done.send(()).unwrap();
        });
        looking.spawn(async move {
            let _kept = kept;
            std::future::pending::<()>().await;
        });
        finish(tasks, looking, FINISH).await;
        assert!(was_done.await.is_ok());
        assert!(was_given_up.await.is_err());
    }
}
