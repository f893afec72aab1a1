//! How many executions may be under way at once: of one person, and in all.

use std::num::NonZeroU32;

use runvoy_core::execution::Status;
use runvoy_ports::Scope;
use tokio::sync::{Mutex, MutexGuard};

use crate::app::App;
use crate::context::OpContext;
use crate::error::{AppError, ErrorKind};

/// Statuses of what is not over. One that waits for a lock counts too: it holds a record, and starts by itself.
const UNDER_WAY: [Status; 4] = [
    Status::Queued,
    Status::Starting,
    Status::Running,
    Status::Terminating,
];

/// Most executions that are not over; `None` for as many as anybody likes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunLimits {
    /// Of one person.
    pub per_user: Option<NonZeroU32>,
    /// Of everybody together.
    pub in_all: Option<NonZeroU32>,
}

/// Keeps the limits: between a count and the commit that relies on it nobody else commits.
#[derive(Debug, Default)]
pub(crate) struct RunLimiter {
    limits: RunLimits,
    turn: Mutex<()>,
}

impl RunLimiter {
    pub(crate) fn new(limits: RunLimits) -> Self {
        Self {
            limits,
            turn: Mutex::default(),
        }
    }

    /// The turn to count and commit; none is needed where nothing is limited.
    pub(crate) async fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        if self.limits == RunLimits::default() {
            return None;
        }
        Some(self.turn.lock().await)
    }
}

impl App {
    /// Why the asking person may not have one more execution now, if so.
    pub(crate) async fn too_many_runs(
        &self,
        ctx: &OpContext,
    ) -> Result<Option<AppError>, AppError> {
        let RunLimits { per_user, in_all } = self.run_limiter.limits;
        if let Some(limit) = per_user
            && self
                .is_reached(Scope::User(ctx.actor.email.clone()), limit)
                .await?
        {
            let message = format!("your limit of {limit} executions that are not over is reached");
            let details =
                "wait for one to end, or stop one: runvoy list --mine, then runvoy kill ID";
            return Ok(Some(refusal(message, details, "user", limit)));
        }
        if let Some(limit) = in_all
            && self.is_reached(Scope::All, limit).await?
        {
            let message =
                format!("the server's limit of {limit} executions that are not over is reached");
            let details = "try again when some have ended, or ask an operator to stop some";
            return Ok(Some(refusal(message, details, "server", limit)));
        }
        Ok(None)
    }

    async fn is_reached(&self, scope: Scope, limit: NonZeroU32) -> Result<bool, AppError> {
        let count = self
            .store()
            .count_executions(&scope, &UNDER_WAY, limit.get());
        Ok(count.await? >= limit.get())
    }
}

fn refusal(message: String, details: &str, whose: &str, limit: NonZeroU32) -> AppError {
    AppError::new(ErrorKind::TooManyRuns, message)
        .with_details(details)
        .with_context("limit", limit)
        .with_context("limit_of", whose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_over_is_under_way() {
        let expected: Vec<Status> = Status::ALL
            .into_iter()
            .filter(|status| !status.is_terminal())
            .collect();
        assert_eq!(UNDER_WAY.to_vec(), expected);
    }
}
