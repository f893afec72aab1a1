//! The answers as the old client's types take them: names and kinds of fields, no more.

use jiff::Timestamp;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Submitted {
    pub(crate) execution_id: String,
    pub(crate) log_url: String,
    pub(crate) status: String,
    pub(crate) image_id: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Progress {
    pub(crate) execution_id: String,
    pub(crate) status: String,
    pub(crate) started_at: Timestamp,
    pub(crate) exit_code: Option<i64>,
    pub(crate) completed_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Listed {
    pub(crate) execution_id: String,
    pub(crate) created_by: String,
    pub(crate) command: String,
    pub(crate) started_at: Timestamp,
    pub(crate) completed_at: Option<Timestamp>,
    pub(crate) status: String,
    pub(crate) exit_code: Option<i64>,
    pub(crate) duration_seconds: i64,
    pub(crate) created_by_request_id: String,
    pub(crate) cloud: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Logs {
    pub(crate) execution_id: String,
    pub(crate) events: Option<Vec<Event>>,
    pub(crate) status: String,
    pub(crate) websocket_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) line: i64,
    pub(crate) timestamp: i64,
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Killed {
    pub(crate) execution_id: String,
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) email: String,
    pub(crate) role: String,
    pub(crate) created_at: Timestamp,
    pub(crate) revoked: bool,
    pub(crate) last_used: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CreatedUser {
    pub(crate) user: User,
    #[serde(default)]
    pub(crate) claim_token: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Users {
    pub(crate) users: Vec<User>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RevokedUser {
    pub(crate) message: String,
    pub(crate) email: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Claimed {
    pub(crate) api_key: String,
    pub(crate) user_email: String,
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Health {
    pub(crate) status: String,
    pub(crate) version: String,
    pub(crate) provider: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Failure {
    pub(crate) error: String,
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) details: String,
}
