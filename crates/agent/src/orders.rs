//! What others tell the run to do. Each order, once given, stands.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// Orders to one run. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Orders {
    /// The control plane says that the run was cancelled.
    pub(crate) cancel: CancellationToken,
    /// The agent itself was told to end.
    pub(crate) signal: CancellationToken,
    /// The agent's owner is dead, and the control plane with it.
    pub(crate) owner_gone: CancellationToken,
    /// The control plane has not been reached for so long that the command must be asked to end.
    pub(crate) fence_near: CancellationToken,
    /// It has not been reached for so long that the command must not live any more.
    pub(crate) fence_reached: CancellationToken,
    leave: CancellationToken,
    leave_reason: Arc<Mutex<String>>,
}

impl Orders {
    /// The control plane wants nothing more of this agent.
    pub(crate) fn leave(&self, reason: String) {
        if !self.leave.is_cancelled() {
            *self
                .leave_reason
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = reason;
            self.leave.cancel();
        }
    }

    /// Waits for [`Self::leave`]; answers why.
    pub(crate) async fn left(&self) -> String {
        self.leave.cancelled().await;
        let reason = self.leave_reason.lock();
        reason.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
