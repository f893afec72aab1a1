//! Wakes those who wait for an execution to go on, within this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use runvoy_core::id::ExecutionId;
use tokio::sync::watch;

type Followed = Mutex<HashMap<ExecutionId, watch::Sender<u64>>>;

/// Who follows which execution. A wake-up is a hint: it may come without news, and news of other processes come without it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Wakeups {
    followed: Arc<Followed>,
}

/// Follows an execution while it lives.
#[derive(Debug)]
pub(crate) struct Follower {
    id: ExecutionId,
    news: watch::Receiver<u64>,
    followed: Arc<Followed>,
}

impl Wakeups {
    /// Begins to follow; nothing that is told from now on is missed.
    pub(crate) fn follow(&self, id: &ExecutionId) -> Follower {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = followed
            .entry(id.clone())
            .or_insert_with(|| watch::channel(0).0);
        Follower {
            id: id.clone(),
            news: sender.subscribe(),
            followed: Arc::clone(&self.followed),
        }
    }

    /// Tells the followers of an execution that there is news.
    pub(crate) fn wake(&self, id: &ExecutionId) {
        if let Some(sender) = self
            .followed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
        {
            sender.send_modify(|count| *count += 1);
        }
    }

    /// Whether anybody follows the execution.
    pub(crate) fn is_followed(&self, id: &ExecutionId) -> bool {
        self.followed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(id)
    }
}

impl Follower {
    /// Waits for news since the last call, or since following began.
    pub(crate) async fn news(&mut self) {
        // The sender lives as long as its followers, so this cannot fail.
        let _changed = self.news.changed().await;
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if followed
            .get(&self.id)
            .is_some_and(|sender| sender.receiver_count() <= 1)
        {
            followed.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_follower_misses_nothing_and_leaves_nothing() {
        let wakeups = Wakeups::default();
        let id: ExecutionId = "a".repeat(32).parse().unwrap();
        let mut first = wakeups.follow(&id);
        let second = wakeups.follow(&id);
        wakeups.wake(&id);
        first.news().await;
        drop(first);
        assert!(wakeups.is_followed(&id));
        drop(second);
        assert!(!wakeups.is_followed(&id));
    }
}
