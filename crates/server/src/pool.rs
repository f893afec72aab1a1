//! Does what has moved, at once and bounded, and looks after everything else in turn.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use runvoy_app::{App, Task};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Tasks under way at once.
const WORKERS: usize = 16;
/// How long they may take to end.
const FINISH: Duration = Duration::from_secs(10);

/// Whether a task under way must be done again when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    Once,
    Again,
}

/// One dispatcher; each task is under way at most once.
struct Pool {
    app: App,
    ready: VecDeque<Task>,
    busy: HashMap<Task, Busy>,
    later: BTreeMap<(Instant, u64), Task>,
    counter: u64,
    under_way: JoinSet<(Task, Option<Duration>)>,
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
        ready: VecDeque::new(),
        busy: HashMap::new(),
        later: BTreeMap::new(),
        counter: 0,
        under_way: JoinSet::new(),
    };
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reconciling = JoinSet::new();
    loop {
        pool.start_ready();
        let next = pool.later.keys().next().map(|(at, _)| *at);
        tokio::select! {
            () = stop.cancelled() => break,
            Some(task) = moved.recv() => pool.want(task),
            Some(Ok((task, again))) = pool.under_way.join_next() => pool.done(task, again),
            () = sleep_until(next) => pool.take_due(),
            Some(_) = reconciling.join_next() => {}
            _ = tick.tick(), if reconciling.is_empty() => {
                let app = app.clone();
                reconciling.spawn(async move {
                    if let Err(error) = app.reconcile().await {
                        tracing::error!(%error, "open executions cannot be looked after");
                    }
                });
            }
        }
    }
    finish(pool.under_way, reconciling, FINISH).await;
}

/// Lets what is under way end, but calls that hang do not keep the server: what it had begun, the next one finds.
async fn finish<T: 'static>(mut tasks: JoinSet<T>, mut reconciling: JoinSet<()>, limit: Duration) {
    let ending = async {
        while tasks.join_next().await.is_some() {}
        while reconciling.join_next().await.is_some() {}
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
    fn want(&mut self, task: Task) {
        if let Some(busy) = self.busy.get_mut(&task) {
            *busy = Busy::Again;
        } else {
            self.busy.insert(task.clone(), Busy::Once);
            self.ready.push_back(task);
        }
    }

    fn start_ready(&mut self) {
        while self.under_way.len() < WORKERS {
            let Some(task) = self.ready.pop_front() else {
                return;
            };
            // From here on, whoever wants it again wants it after this.
            self.busy.insert(task.clone(), Busy::Once);
            let app = self.app.clone();
            self.under_way.spawn(async move {
                let again = work(&app, &task).await;
                (task, again)
            });
        }
    }

    fn done(&mut self, task: Task, again: Option<Duration>) {
        match (self.busy.remove(&task), again) {
            (Some(Busy::Again), _) => self.want(task),
            (_, Some(delay)) => {
                self.counter += 1;
                self.later
                    .insert((Instant::now() + delay, self.counter), task);
            }
            (_, None) => {}
        }
    }

    fn take_due(&mut self) {
        let now = Instant::now();
        while let Some(due) = self.later.first_entry().filter(|due| due.key().0 <= now) {
            let task = due.remove();
            self.want(task);
        }
    }
}

/// Does one task; answers how soon to do it again. A failure is left to the reconciler.
async fn work(app: &App, task: &Task) -> Option<Duration> {
    let result = match task {
        Task::Drive(id) => app.drive(id).await,
        Task::Advance(name) => app.advance(name).await.map(|()| None),
    };
    result.unwrap_or_else(|error| {
        tracing::warn!(?task, %error, "left to the reconciler");
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_end_waits_for_what_is_under_way_but_not_for_what_hangs() {
        let (done, was_done) = tokio::sync::oneshot::channel();
        let (kept, was_given_up) = tokio::sync::oneshot::channel::<()>();
        let (mut tasks, mut reconciling) = (JoinSet::new(), JoinSet::new());
        tasks.spawn(async move {
            tokio::time::sleep(FINISH / 2).await;
            done.send(()).unwrap();
        });
        reconciling.spawn(async move {
            let _kept = kept;
            std::future::pending::<()>().await;
        });
        finish(tasks, reconciling, FINISH).await;
        assert!(was_done.await.is_ok());
        assert!(was_given_up.await.is_err());
    }
}
