//! Whether anything of a placement runs: facts first, then ECS.
//!
//! ECS does not know a task for a moment after its launch, and none any more an hour after its stop. That it knows
//! nothing therefore proves something only when it has gone on for a while.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use runvoy_core::error::chain;
use runvoy_core::execution::Evidence;
use runvoy_core::id::{AttemptId, Place};
use runvoy_ports::{Placement, Presence};
use thiserror::Error;

use super::FargateLauncher;
use super::facts::{FactsError, Known, Note};
use super::failure::EcsError;
use super::task::Task;

/// After this long without a trace of it, a task that nobody has ever heard of was never placed.
const NEVER_PLACED: Duration = Duration::from_mins(2);
/// After this long without a trace of it, a task that was there once is no more.
const NO_MORE: Duration = Duration::from_mins(10);
/// For so long, while ECS cannot be asked, a task runs of which it said so last.
const LAST_WORD_STANDS: Duration = Duration::from_mins(3);
/// Where ECS shows why somebody stopped a task.
const STOP_REASON: &str = "runvoy: stop asked";

/// Why nobody can say.
#[derive(Debug, Error)]
pub(super) enum LookError {
    #[error(transparent)]
    Facts(#[from] FactsError),
    #[error("ECS cannot be asked")]
    Ecs(#[source] EcsError),
}

/// Which tasks count.
#[derive(Debug, PartialEq, Eq)]
enum Scope<'a> {
    /// All of the attempt.
    Attempt,
    /// The one that its agent named.
    Task(&'a str),
    /// One of another cluster, of which nothing can be said here.
    Foreign,
}

/// What was found out.
#[derive(Debug, Default)]
struct Sight {
    /// The tasks that count, as they were told of last.
    tasks: Vec<Task>,
    /// Tasks that were asked for, and that ECS does not know.
    missing: BTreeSet<String>,
}

impl FargateLauncher {
    /// Looks at the placement.
    pub(super) async fn look(&self, placement: &Placement) -> Result<Presence, LookError> {
        let attempt = &placement.attempt;
        let known = self.facts.of(attempt).await?;
        let scope = self.scope(placement);
        if scope == Scope::Foreign {
            return Ok(Presence::Unknown);
        }
        let sight = Sight {
            tasks: counting(&scope, &known),
            missing: BTreeSet::new(),
        };
        if let Some(evidence) = sight.proof() {
            return Ok(Presence::Gone(evidence));
        }
        let ran = sight.runs();
        let sight = match self.ask_ecs(attempt, &scope, sight).await {
            Err(LookError::Ecs(error)) if ran && !error.is_definite => {
                return self.without_answer(attempt, &known, error).await;
            }
            told => told?,
        };
        if known.silent_since.is_some() {
            self.facts.forget(attempt, Note::Silent).await?;
        }
        let now = self.clock.now();
        let presence = judge(&sight, known.missing_since, now);
        match (&presence, known.missing_since) {
            (Presence::Unknown, None) => self.facts.note(attempt, Note::Missing, now).await?,
            (Presence::Running, Some(_)) => self.facts.forget(attempt, Note::Missing).await?,
            (_, _) => {}
        }
        Ok(presence)
    }

    /// ECS said of a task that it runs, and cannot be asked now: for a while that is nothing to call anybody for.
    async fn without_answer(
        &self,
        attempt: &AttemptId,
        known: &Known,
        error: EcsError,
    ) -> Result<Presence, LookError> {
        let now = self.clock.now();
        if known.silent_since.is_none() {
            self.facts.note(attempt, Note::Silent, now).await?;
        }
        let since = known.silent_since.unwrap_or(now);
        if now.duration_since(since).unsigned_abs() >= LAST_WORD_STANDS {
            return Err(LookError::Ecs(error));
        }
        let error = chain(&error);
        tracing::warn!(%attempt, error, "ECS does not say how a task is; it ran when it did last");
        Ok(Presence::Running)
    }

    /// Asks after an attempt that never was: nothing is written, the answers do not matter, the open connections do.
    pub async fn open_connections(&self, nobody: &AttemptId) {
        let listed = self.ecs.list_tasks().cluster(&self.settings.cluster);
        let listed = listed.started_by(nobody.to_string());
        let _whatever = tokio::join!(self.facts.of(nobody), listed.send());
    }

    /// Stops whatever of the placement may run.
    pub(super) async fn stop_tasks(&self, placement: &Placement) -> Result<(), LookError> {
        let known = self.facts.of(&placement.attempt).await?;
        let scope = self.scope(placement);
        let asked = self
            .asked(&placement.attempt, &scope, &counting(&scope, &known))
            .await?;
        for arn in asked {
            let stopped = self
                .ecs
                .stop_task()
                .cluster(&self.settings.cluster)
                .task(&arn)
                .reason(STOP_REASON);
            if let Err(error) = stopped.send().await.map_err(EcsError::of) {
                // Above all: a task that ECS does not know any more.
                tracing::warn!(attempt = %placement.attempt, task = arn, %error, "a task was not stopped");
            }
        }
        Ok(())
    }

    /// A place that is no ARN was named by an agent that could not learn its own: then all tasks of the attempt count.
    fn scope<'a>(&self, placement: &'a Placement) -> Scope<'a> {
        let Some(arn) = placement.place.as_ref().map(Place::as_str) else {
            return Scope::Attempt;
        };
        let (region, cluster) = (&self.settings.region, &self.settings.cluster);
        let Some((head, task)) = arn.split_once(":task/") else {
            return Scope::Attempt;
        };
        let is_ours =
            head.contains(&format!(":ecs:{region}:")) && task.starts_with(&format!("{cluster}/"));
        if is_ours {
            Scope::Task(arn)
        } else {
            Scope::Foreign
        }
    }

    /// Asks ECS for every task that is not known to have stopped, and keeps what is new.
    async fn ask_ecs(
        &self,
        attempt: &AttemptId,
        scope: &Scope<'_>,
        known: Sight,
    ) -> Result<Sight, LookError> {
        let mut missing = self.asked(attempt, scope, &known.tasks).await?;
        let mut tasks = known.tasks;
        for told in self.describe(&missing).await? {
            missing.remove(&told.arn);
            let old = tasks.iter().position(|task| task.arn == told.arn);
            if old.is_none_or(|old| tasks[old].version < told.version) {
                self.facts.keep(attempt, &told, self.clock.now()).await?;
                tasks.retain(|task| task.arn != told.arn);
                tasks.push(told);
            }
        }
        Ok(Sight { tasks, missing })
    }

    /// The ARNs to ask for.
    async fn asked(
        &self,
        attempt: &AttemptId,
        scope: &Scope<'_>,
        known: &[Task],
    ) -> Result<BTreeSet<String>, LookError> {
        let is_over = |arn: &str| {
            known
                .iter()
                .any(|task| task.arn == arn && task.is_stopped())
        };
        let unfinished = known
            .iter()
            .filter(|task| !task.is_stopped())
            .map(|task| task.arn.clone());
        let mut asked: BTreeSet<String> = unfinished.collect();
        match scope {
            Scope::Attempt => {
                let listed = self
                    .ecs
                    .list_tasks()
                    .cluster(&self.settings.cluster)
                    .started_by(attempt.to_string());
                let listed = listed
                    .send()
                    .await
                    .map_err(|error| LookError::Ecs(EcsError::of(error)))?;
                asked.extend(
                    listed
                        .task_arns()
                        .iter()
                        .filter(|arn| !is_over(arn))
                        .cloned(),
                );
            }
            Scope::Task(arn) if !is_over(arn) => {
                asked.insert((*arn).to_owned());
            }
            Scope::Task(_) | Scope::Foreign => {}
        }
        Ok(asked)
    }

    async fn describe(&self, arns: &BTreeSet<String>) -> Result<Vec<Task>, LookError> {
        if arns.is_empty() {
            return Ok(Vec::new());
        }
        let described = self.ecs.describe_tasks().cluster(&self.settings.cluster);
        let described = described.set_tasks(Some(arns.iter().cloned().collect()));
        let described = described
            .send()
            .await
            .map_err(|error| LookError::Ecs(EcsError::of(error)))?;
        Ok(described
            .tasks()
            .iter()
            .filter_map(Task::from_sdk)
            .collect())
    }
}

/// The known tasks that count.
fn counting(scope: &Scope<'_>, known: &Known) -> Vec<Task> {
    let counts = |task: &&Task| match scope {
        Scope::Attempt => true,
        Scope::Task(arn) => task.arn == *arn,
        Scope::Foreign => false,
    };
    known.tasks.iter().filter(counts).cloned().collect()
}

/// What the sight proves. `since`: when ECS was first seen not to know.
fn judge(sight: &Sight, since: Option<Timestamp>, now: Timestamp) -> Presence {
    if let Some(evidence) = sight.proof() {
        return Presence::Gone(evidence);
    }
    if sight.runs() {
        return Presence::Running;
    }
    let was_there = !sight.tasks.is_empty() || !sight.missing.is_empty();
    let patience = if was_there { NO_MORE } else { NEVER_PLACED };
    let waited = since.map(|since| now.duration_since(since).unsigned_abs());
    match waited {
        Some(waited) if waited >= patience => Presence::Gone(sight.evidence()),
        Some(_) | None => Presence::Unknown,
    }
}

impl Sight {
    /// Something runs that ECS knows of.
    fn runs(&self) -> bool {
        let mut tasks = self.tasks.iter();
        tasks.any(|task| !task.is_stopped() && !self.missing.contains(&task.arn))
    }

    /// All tasks are known to have stopped, and there was one.
    fn proof(&self) -> Option<Evidence> {
        let is_over = !self.tasks.is_empty()
            && self.missing.is_empty()
            && self.tasks.iter().all(Task::is_stopped);
        is_over.then(|| self.evidence())
    }

    /// What the tasks left behind.
    fn evidence(&self) -> Evidence {
        let mut words: Vec<String> = self.tasks.iter().filter_map(Task::words).collect();
        if !self.missing.is_empty() {
            words.push("ECS does not know its task any more".to_owned());
        }
        Evidence {
            report: None,
            word: self.tasks.iter().find_map(Task::word),
            words: (!words.is_empty()).then(|| words.join("; ")),
            is_final: self.tasks.iter().any(Task::is_without_image),
            billed: self.tasks.iter().filter_map(Task::billed).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::task::samples::{ARN, stopped, task};
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_793_000_000 + minutes * 60).unwrap()
    }

    fn sight(tasks: Vec<Task>, missing: &[&str]) -> Sight {
        let missing = missing.iter().map(|arn| (*arn).to_owned()).collect();
        Sight { tasks, missing }
    }

    fn other(task: Task) -> Task {
        Task {
            arn: format!("{ARN}-other"),
            ..task
        }
    }

    #[test]
    fn only_stopped_tasks_prove_at_once() {
        let judged = |tasks| judge(&sight(tasks, &[]), None, at(0));
        assert!(
            matches!(judged(vec![stopped()]), Presence::Gone(evidence) if evidence.billed.len() == 1)
        );
        assert!(
            matches!(judged(vec![stopped(), other(stopped())]), Presence::Gone(evidence) if evidence.billed.len() == 2)
        );
        for status in [
            "PROVISIONING",
            "PENDING",
            "RUNNING",
            "STOPPING",
            "DEPROVISIONING",
            "NEWLY_INVENTED",
        ] {
            assert_eq!(judged(vec![task(1, status)]), Presence::Running, "{status}");
            assert_eq!(
                judged(vec![stopped(), other(task(1, status))]),
                Presence::Running,
                "{status}"
            );
        }
    }

    #[test]
    fn what_was_never_heard_of_was_never_placed_after_two_minutes() {
        let nothing = sight(Vec::new(), &[]);
        assert_eq!(judge(&nothing, None, at(9)), Presence::Unknown);
        assert_eq!(judge(&nothing, Some(at(0)), at(1)), Presence::Unknown);
        assert_eq!(
            judge(&nothing, Some(at(0)), at(2)),
            Presence::Gone(Evidence::default())
        );
    }

    #[test]
    fn a_task_that_ecs_has_not_known_for_ten_minutes_is_no_more() {
        for tasks in [
            vec![],
            vec![task(3, "RUNNING")],
            vec![task(3, "RUNNING"), other(stopped())],
        ] {
            let missing = sight(tasks, &[ARN]);
            assert_eq!(judge(&missing, None, at(0)), Presence::Unknown);
            assert_eq!(judge(&missing, Some(at(0)), at(9)), Presence::Unknown);
            let Presence::Gone(evidence) = judge(&missing, Some(at(0)), at(10)) else {
                panic!("it stays unknown");
            };
            assert!(
                evidence
                    .words
                    .unwrap()
                    .ends_with("ECS does not know its task any more")
            );
        }
    }

    #[test]
    fn one_that_runs_outweighs_one_that_is_missing() {
        let both = sight(vec![task(3, "RUNNING"), other(task(2, "RUNNING"))], &[ARN]);
        assert_eq!(judge(&both, Some(at(0)), at(60)), Presence::Running);
    }
}
