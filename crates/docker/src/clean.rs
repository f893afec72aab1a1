//! Removes what attempts have left, and tries again where the engine is away.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::ListContainersOptions;
use runvoy_core::id::AttemptId;
use tokio::time::sleep;

use crate::call::CallError;
use crate::copy::failed;
use crate::launcher::Inner;
use crate::options::{ATTEMPT_LABEL, STACK_LABEL};

/// Time between two tries.
const PAUSE: Duration = Duration::from_secs(5);
/// How often it is tried: for an hour.
const TRIES: u32 = 720;

impl Inner {
    /// Removes the attempt's container and its volumes. What cannot be removed now is removed later, while this
    /// process lives: nobody asks a second time.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is not done when the process ends is named by the containers' labels"
    )]
    pub(crate) async fn clean_up(self: &Arc<Self>, attempt: &AttemptId) -> io::Result<()> {
        self.copies.forget(attempt);
        self.ongoing.forget(attempt);
        match self.remove(attempt).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tokio::spawn(remove_later(self.clone(), attempt.clone()));
                Err(failed(&error))
            }
        }
    }

    /// The attempts of this control plane that have a container.
    pub(crate) async fn attempts(&self) -> Result<Vec<AttemptId>, CallError> {
        let label = format!("{STACK_LABEL}={}", self.options.stack);
        let options = ListContainersOptions {
            all: true,
            filters: Some([("label".to_owned(), vec![label])].into()),
            ..ListContainersOptions::default()
        };
        let found = self.engine.docker().list_containers(Some(options)).await?;
        let labels = found.into_iter().filter_map(|container| container.labels);
        let attempts = labels.filter_map(|labels| labels.get(ATTEMPT_LABEL)?.parse().ok());
        Ok(attempts.collect())
    }
}

async fn remove_later(inner: Arc<Inner>, attempt: AttemptId) {
    for _ in 0..TRIES {
        sleep(PAUSE).await;
        if inner.remove(&attempt).await.is_ok() {
            return;
        }
    }
    tracing::warn!(%attempt, "a container is left behind");
}
