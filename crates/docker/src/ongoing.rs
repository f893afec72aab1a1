//! What this process is doing for attempts, and why it could not do it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runvoy_core::execution::Evidence;
use runvoy_core::id::AttemptId;
use tokio_util::sync::CancellationToken;

/// By attempt; one that is not there has nothing done for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ongoing(Arc<Mutex<HashMap<AttemptId, Stage>>>);

#[derive(Debug)]
enum Stage {
    /// Something may appear at any moment.
    Working {
        stop: CancellationToken,
        progress: String,
    },
    /// It came to nothing.
    Failed(Failure),
}

/// Why something came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) words: String,
    /// Whether it would come to nothing again.
    pub(crate) is_final: bool,
}

impl Failure {
    /// What is known of an attempt of which nothing is there.
    pub(crate) fn evidence(failure: Option<Self>) -> Evidence {
        let (words, is_final) = failure.map_or((None, false), |failure| {
            (Some(failure.words), failure.is_final)
        });
        Evidence {
            words,
            is_final,
            ..Evidence::default()
        }
    }
}

/// What is being done for one attempt, until it is dropped. There is no second one meanwhile.
#[derive(Debug)]
pub(crate) struct Work {
    all: Ongoing,
    attempt: AttemptId,
    /// Told when nothing more is to be begun.
    pub(crate) stop: CancellationToken,
    failure: Option<Failure>,
}

impl Ongoing {
    /// Begins something for the attempt, unless something is being done for it.
    pub(crate) fn begin(&self, attempt: &AttemptId) -> Option<Work> {
        let mut stages = self.lock();
        if matches!(stages.get(attempt), Some(Stage::Working { .. })) {
            return None;
        }
        let stop = CancellationToken::new();
        let stage = Stage::Working {
            stop: stop.clone(),
            progress: String::new(),
        };
        stages.insert(attempt.clone(), stage);
        Some(Work {
            all: self.clone(),
            attempt: attempt.clone(),
            stop,
            failure: None,
        })
    }

    /// Whether something is being done for the attempt.
    pub(crate) fn is_working(&self, attempt: &AttemptId) -> bool {
        matches!(self.lock().get(attempt), Some(Stage::Working { .. }))
    }

    /// Why what was done came to nothing.
    pub(crate) fn failure(&self, attempt: &AttemptId) -> Option<Failure> {
        match self.lock().get(attempt)? {
            Stage::Failed(failure) => Some(failure.clone()),
            Stage::Working { .. } => None,
        }
    }

    /// What is being done.
    pub(crate) fn progress(&self, attempt: &AttemptId) -> Option<String> {
        match self.lock().get(attempt)? {
            Stage::Working { progress, .. } if !progress.is_empty() => Some(progress.clone()),
            Stage::Working { .. } | Stage::Failed(_) => None,
        }
    }

    /// Nothing more is to be begun for the attempt.
    pub(crate) fn stop(&self, attempt: &AttemptId) {
        if let Some(Stage::Working { stop, .. }) = self.lock().get(attempt) {
            stop.cancel();
        }
    }

    /// Nobody will ask any more why it came to nothing.
    pub(crate) fn forget(&self, attempt: &AttemptId) {
        let mut stages = self.lock();
        if matches!(stages.get(attempt), Some(Stage::Failed(_))) {
            stages.remove(attempt);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AttemptId, Stage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    /// What is being done now.
    pub(crate) fn tell(&self, words: String) {
        if let Some(Stage::Working { progress, .. }) = self.all.lock().get_mut(&self.attempt) {
            *progress = words;
        }
    }

    /// It came to nothing.
    pub(crate) fn fail(mut self, failure: Failure) {
        self.failure = Some(failure);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let mut stages = self.all.lock();
        match self.failure.take() {
            Some(failure) => stages.insert(self.attempt.clone(), Stage::Failed(failure)),
            None => stages.remove(&self.attempt),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_done_at_a_time_and_its_failure_is_kept_until_it_is_forgotten() {
        let ongoing = Ongoing::default();
        let attempt: AttemptId = "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-1".parse().unwrap();
        let work = ongoing.begin(&attempt).unwrap();
        assert!(ongoing.begin(&attempt).is_none());
        assert_eq!(ongoing.progress(&attempt), None);
        work.tell("pulling".to_owned());
        assert_eq!(ongoing.progress(&attempt).as_deref(), Some("pulling"));
        ongoing.stop(&attempt);
        assert!(work.stop.is_cancelled());
        ongoing.forget(&attempt);
        assert!(ongoing.is_working(&attempt));
        let failure = Failure {
            words: "no".to_owned(),
            is_final: true,
        };
        work.fail(failure.clone());
        assert_eq!(ongoing.failure(&attempt), Some(failure));
        assert!(!ongoing.is_working(&attempt));
        ongoing.forget(&attempt);
        assert_eq!(ongoing.failure(&attempt), None);
    }
}
