//! What may be asked of one execution, checked before anything is written.

use std::time::Duration;

use runvoy_core::command::MAX_COMMAND_BYTES;
use runvoy_core::environment::{EnvName, MAX_ENVIRONMENT_BYTES};
use runvoy_core::execution::{self, Execution};

use crate::error::{AppError, ErrorKind};
use crate::stack_key::SpecValues;
use crate::submit::NewExecution;

/// DynamoDB holds 400 KB in an item (its developer guide, "Service quotas"); a record stands in it twice in part.
const MAX_RECORD_BYTES: usize = 300 * 1024;

/// Refuses what no place can carry, before anything is written.
pub(crate) fn check(wish: &NewExecution) -> Result<(), AppError> {
    let invalid = |why: String| Err(AppError::new(ErrorKind::Invalid, why));
    not_larger("the command is", wish.command.size(), MAX_COMMAND_BYTES)?;
    not_larger(
        "the variables together are",
        wish.values.size(),
        MAX_ENVIRONMENT_BYTES,
    )?;
    check_variables(&wish.values)?;
    within("timeout", wish.timeout, execution::MAX_TIMEOUT)?;
    within("grace", wish.grace, execution::MAX_GRACE)?;
    within(
        "lock_timeout",
        wish.lock.as_ref().and_then(|lock| lock.timeout),
        execution::MAX_LOCK_TIMEOUT,
    )?;
    if wish
        .log_limit
        .is_some_and(|limit| limit > execution::DEFAULT_LOG_LIMIT)
    {
        return invalid(format!(
            "log_limit is at most {} bytes",
            execution::DEFAULT_LOG_LIMIT
        ));
    }
    if wish
        .workdir
        .as_ref()
        .is_some_and(|dir| !dir.starts_with('/') || dir.contains('\0'))
    {
        return invalid("workdir must be an absolute path".to_owned());
    }
    Ok(())
}

/// Refuses a record that would grow beyond what one item of a store may hold: in JSON a control character takes six
/// bytes, and what is to come is written to it too.
pub(crate) fn check_record(execution: &Execution) -> Result<(), AppError> {
    let size = serde_json::to_vec(execution).map_or(usize::MAX, |record| record.len());
    not_larger(
        "the command and its variables are, as they are stored,",
        size,
        MAX_RECORD_BYTES,
    )
}

fn check_variables(values: &SpecValues) -> Result<(), AppError> {
    let invalid = |why: String| Err(AppError::new(ErrorKind::Invalid, why));
    for (name, value) in values.env.iter().chain(&values.secrets) {
        name.parse::<EnvName>()?;
        if value.contains('\0') {
            return invalid(format!("the value of {name} contains a NUL character"));
        }
    }
    match values
        .env
        .keys()
        .find(|name| values.secrets.contains_key(*name))
    {
        Some(name) => invalid(format!(
            "{name} is given both as a plain and as a secret variable"
        )),
        None => Ok(()),
    }
}

fn not_larger(what: &str, size: usize, limit: usize) -> Result<(), AppError> {
    if size <= limit {
        return Ok(());
    }
    let message = format!("{what} longer than {} KiB", limit / 1024);
    Err(AppError::new(ErrorKind::TooLarge, message)
        .with_details("put what is long into a file that the command fetches"))
}

fn within(what: &str, asked: Option<Duration>, limit: Duration) -> Result<(), AppError> {
    let shown = runvoy_core::duration::show(limit);
    match asked {
        Some(asked) if asked > limit => Err(AppError::new(
            ErrorKind::Invalid,
            format!("{what} is at most {shown}"),
        )),
        Some(_) | None => Ok(()),
    }
}
