//! Reads the audit trail.

use runvoy_core::audit::AuditEntry;
use runvoy_core::role::Action;
use runvoy_ports::AuditQuery;

use crate::app::App;
use crate::context::OpContext;
use crate::error::AppError;

impl App {
    /// A page of the trail, newest first.
    pub async fn audit(
        &self,
        ctx: &OpContext,
        query: &AuditQuery,
    ) -> Result<Vec<AuditEntry>, AppError> {
        ctx.require(Action::ReadAudit)?;
        Ok(self.store().list_audit(query).await?)
    }
}
