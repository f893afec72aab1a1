//! Ends people's access, and what they have under way.

use runvoy_core::audit::AuditAction;
use runvoy_core::execution::{Execution, Status};
use runvoy_core::id::ExecutionId;
use runvoy_core::role::Action;
use runvoy_core::user::UserEmail;
use runvoy_ports::{ExecutionQuery, Scope, StoreError, Write};

use crate::app::App;
use crate::change::Cause;
use crate::context::OpContext;
use crate::error::AppError;
use crate::executions::Killed;
use crate::users::no_active_user;

/// Executions of one person that are looked at together.
const PAGE: u32 = 200;

/// What a revocation did to executions.
#[derive(Debug, Default)]
pub struct Revoked {
    /// Queued ones, cancelled.
    pub cancelled: Vec<ExecutionId>,
    /// Those that were running, stopped where that was asked for.
    pub running: Vec<ExecutionId>,
}

impl App {
    /// Ends a person's access from the next request on, and cancels what they have queued.
    pub async fn revoke_user(
        &self,
        ctx: &OpContext,
        email: &UserEmail,
        kill: bool,
    ) -> Result<Revoked, AppError> {
        ctx.require(Action::ManageUsers)?;
        self.until_committed(|| self.revoke_once(ctx, email))
            .await?;
        self.stop_all_of(ctx, email, kill).await
    }

    /// Revoked before: nothing to do, so that a revocation that was cut off can be repeated.
    async fn revoke_once(&self, ctx: &OpContext, email: &UserEmail) -> Result<(), AppError> {
        let found = self
            .store()
            .find_user(email)
            .await?
            .ok_or_else(|| no_active_user(email))?;
        if !found.value.is_active() {
            return Ok(());
        }
        let now = self.now();
        let mut writes = self.without_admin(&found.value).await?;
        writes.extend(self.end_keys(&found.value, now, now).await?);
        let mut user = found.value;
        (user.revoked_at, user.keys) = (Some(now), Vec::new());
        writes.push(Write::ReplaceUser(user, found.version));
        Ok(self
            .commit_user(
                &Cause::from(ctx),
                AuditAction::UserRevoked,
                email,
                String::new(),
                writes,
            )
            .await?)
    }
    async fn stop_all_of(
        &self,
        ctx: &OpContext,
        email: &UserEmail,
        kill: bool,
    ) -> Result<Revoked, AppError> {
        let mut revoked = Revoked::default();
        for execution in self.open_of(email).await? {
            let is_queued = execution.status() == Status::Queued;
            if is_queued || kill {
                match self.cancel(execution.id(), &Cause::from(ctx)).await? {
                    Killed::Stopping(_) if is_queued => {
                        revoked.cancelled.push(execution.id().clone());
                    }
                    Killed::Stopping(_) => revoked.running.push(execution.id().clone()),
                    Killed::WasOver(_) => {}
                }
            } else {
                revoked.running.push(execution.id().clone());
            }
        }
        Ok(revoked)
    }

    async fn open_of(&self, email: &UserEmail) -> Result<Vec<Execution>, StoreError> {
        let statuses: Vec<Status> = Status::ALL
            .into_iter()
            .filter(|status| !status.is_terminal())
            .collect();
        let mut query = ExecutionQuery {
            scope: Scope::User(email.clone()),
            statuses,
            before: None,
            limit: PAGE,
        };
        let mut open = Vec::new();
        loop {
            let page = self.store().list_executions(&query).await?;
            query.before = page.last().map(|last| last.id().clone());
            let is_last = page.len() < PAGE as usize;
            open.extend(page);
            if is_last {
                return Ok(open);
            }
        }
    }
}
