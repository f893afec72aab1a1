//! What outlives the stack: found again, adopted, or deleted at last.

use aws_sdk_dynamodb::types::TableStatus;

use crate::deployment::Infra;
use crate::error::{self, InfraError, has_code};
use crate::progress::{Listener, Progress};
use crate::template::{Retained, RetainedKind};

impl Infra {
    /// Tables and log groups of an earlier deployment that are still there.
    pub(crate) async fn remains(&self) -> Result<Vec<Retained>, InfraError> {
        let mut there = Vec::new();
        for one in self.main_template().retained(self.project()) {
            let exists = match one.kind {
                RetainedKind::Table => self.has_table(&one.name).await?,
                RetainedKind::LogGroup => self.has_log_group(&one.name).await?,
            };
            if exists {
                there.push(one);
            }
        }
        Ok(there)
    }

    pub(crate) async fn delete_remains(&self, listener: Listener<'_>) -> Result<(), InfraError> {
        for one in self.remains().await? {
            listener(Progress::Doing(format!("deleting {}", one.name)));
            match one.kind {
                RetainedKind::Table => self.delete_table(&one.name).await?,
                RetainedKind::LogGroup => self.delete_log_group(&one.name).await?,
            }
            listener(Progress::Done(format!("Deleted {}", one.name)));
        }
        // Lambda makes a log group again when a last line comes after the stack's deletion.
        for function in ["api", "agent", "event-processor"] {
            let name = format!("/aws/lambda/{}-{function}", self.project());
            if self.has_log_group(&name).await? {
                self.delete_log_group(&name).await?;
                listener(Progress::Done(format!("Deleted {name}")));
            }
        }
        Ok(())
    }

    async fn has_table(&self, name: &str) -> Result<bool, InfraError> {
        Ok(self.table_status(name).await?.is_some())
    }

    async fn table_status(&self, name: &str) -> Result<Option<TableStatus>, InfraError> {
        let answer = self
            .aws()
            .dynamodb()
            .describe_table()
            .table_name(name)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer
                .table()
                .and_then(|table| table.table_status())
                .cloned()),
            Err(error) if has_code(&error, &["ResourceNotFoundException"]) => Ok(None),
            Err(error) => {
                let what = format!("the table {name} cannot be looked at");
                Err(error::failed(what, "dynamodb:DescribeTable")(error))
            }
        }
    }

    async fn delete_table(&self, name: &str) -> Result<(), InfraError> {
        let answer = self
            .aws()
            .dynamodb()
            .delete_table()
            .table_name(name)
            .send()
            .await;
        match answer {
            Ok(_) => {}
            Err(error)
                if has_code(
                    &error,
                    &["ResourceNotFoundException", "ResourceInUseException"],
                ) => {}
            Err(error) => {
                let what = format!("the table {name} cannot be deleted");
                return Err(error::failed(what, "dynamodb:DeleteTable")(error));
            }
        }
        while self.has_table(name).await? {
            tokio::time::sleep(self.poll()).await;
        }
        Ok(())
    }

    async fn has_log_group(&self, name: &str) -> Result<bool, InfraError> {
        let call = self
            .aws()
            .logs()
            .describe_log_groups()
            .log_group_name_prefix(name);
        let failed = error::failed(
            format!("the log group {name} cannot be looked at"),
            "logs:DescribeLogGroups",
        );
        let answer = call.send().await.map_err(failed)?;
        Ok(answer
            .log_groups()
            .iter()
            .any(|group| group.log_group_name() == Some(name)))
    }

    async fn delete_log_group(&self, name: &str) -> Result<(), InfraError> {
        let answer = self
            .aws()
            .logs()
            .delete_log_group()
            .log_group_name(name)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if has_code(&error, &["ResourceNotFoundException"]) => Ok(()),
            Err(error) => {
                let what = format!("the log group {name} cannot be deleted");
                Err(error::failed(what, "logs:DeleteLogGroup")(error))
            }
        }
    }
}
