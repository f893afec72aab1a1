//! The agent protocol, version 1: `POST /agent/v1/{attempt}/{start|logs|heartbeat|finish}` with a bearer token.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runvoy_core::id::{BootNonce, Place};
use runvoy_core::log::{Entry, Seq, Stream};
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Where the agent finds its control plane: an `http:`, `https:` or `unix:` address.
pub const URL_VARIABLE: &str = "RUNVOY_AGENT_URL";
/// The bootstrap token.
pub const TOKEN_VARIABLE: &str = "RUNVOY_AGENT_TOKEN";
/// The attempt, `{execution}-{n}`.
pub const ATTEMPT_VARIABLE: &str = "RUNVOY_ATTEMPT";
/// A file of further TLS roots, in PEM.
pub const CA_VARIABLE: &str = "RUNVOY_AGENT_CA_FILE";
/// Where the agent keeps lines that are not accepted yet, beyond what it holds in memory; its working directory where unset.
pub const SPOOL_VARIABLE: &str = "RUNVOY_AGENT_SPOOL_DIR";
/// A file that the agent's owner holds locked while it lives; once the agent gets the lock, it stops its command and ends.
pub const OWNER_VARIABLE: &str = "RUNVOY_AGENT_OWNER_LOCK";
/// What the agent calls its place, where its launcher knows that; elsewhere the agent finds out.
pub const PLACE_VARIABLE: &str = "RUNVOY_AGENT_PLACE";
/// The execution, for the command and for its launcher, which finds leftovers by it.
pub const EXECUTION_VARIABLE: &str = "RUNVOY_EXECUTION_ID";
/// The fencing token of the command's lock.
pub const FENCE_VARIABLE: &str = "RUNVOY_LOCK_FENCE";
/// The largest chunk of log entries that an agent sends, in bytes of JSON.
pub const MAX_CHUNK_BYTES: usize = 256 * 1024;

/// Asks to run the attempt. The same nonce gets the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRequest {
    /// The agent's boot.
    pub nonce: BootNonce,
    /// Where it runs.
    pub place: Place,
    /// The agent's version.
    pub version: String,
    /// The processor's architecture, for example `x86_64`.
    pub arch: String,
}

/// What to run, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartResponse {
    /// The token of all further calls.
    pub session: Secret,
    /// What to run; absent with `cancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<Spec>,
    /// A stop was asked for: run nothing and finish.
    #[serde(default)]
    pub cancel: bool,
    /// Running time left, in milliseconds.
    pub timeout_left_ms: u64,
    /// Time between TERM and KILL, in milliseconds.
    pub grace_ms: u64,
    /// Bytes of output that the log keeps.
    pub log_limit: u64,
    /// Where no launcher can prove death: the agent kills its command when no heartbeat was accepted for this long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence_ms: Option<u64>,
    /// How long lines may be gathered before they are sent.
    pub flush_ms: u64,
    /// How often to send a heartbeat.
    pub heartbeat_ms: u64,
}

/// A command and its surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// For `/bin/sh -c`; exactly one of this and `argv` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// The program and its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    /// The command as the log's opening lines show it.
    pub shown_command: String,
    /// The request that asked for it, for the log's opening lines.
    pub request_id: String,
    /// Plain variables.
    #[serde(default)]
    pub env: BTreeMap<String, Secret>,
    /// Secret variables: set like the plain ones, and masked.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// Further values to mask, beside those of `secrets`.
    #[serde(default)]
    pub mask: Vec<Secret>,
    /// Code to fetch first; none yet.
    #[serde(default)]
    pub sources: Vec<serde_json::Value>,
    /// A machine behind a relay; none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Directory to run in; the agent's own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
}

/// Consecutive log entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsRequest {
    /// The number of the first entry.
    pub first: Seq,
    /// The entries.
    pub entries: Vec<WireEntry>,
}

/// An entry as `[microseconds, stream letter, text, end]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireEntry(pub i64, pub char, pub String, pub String);

impl WireEntry {
    /// The entry without its number.
    pub fn new(entry: Entry) -> Self {
        let end = if entry.has_end { "\n" } else { "" };
        Self(
            entry.at.as_microsecond(),
            entry.stream.letter(),
            entry.text,
            end.to_owned(),
        )
    }

    /// The entry numbered `seq`, or `None` where a part is not of the protocol.
    pub fn into_entry(self, seq: Seq) -> Option<Entry> {
        let has_end = match self.3.as_str() {
            "" => false,
            "\n" => true,
            _ => return None,
        };
        let at = Timestamp::from_microsecond(self.0).ok()?;
        Some(Entry {
            seq,
            at,
            stream: Stream::from_letter(self.1)?,
            text: self.2,
            has_end,
        })
    }
}

/// Where the log stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsResponse {
    /// The number that the next entry must carry. The agent keeps everything from there on.
    pub next_seq: Seq,
    /// How long lines may be gathered before they are sent.
    pub flush_ms: u64,
    /// A stop was asked for.
    pub cancel: bool,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatRequest {
    /// The number that the agent's next entry will carry.
    pub next_seq: Seq,
}

/// What the control plane has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatResponse {
    /// A stop was asked for.
    pub cancel: bool,
    /// How long lines may be gathered before they are sent.
    pub flush_ms: u64,
    /// How often to send a heartbeat.
    pub heartbeat_ms: u64,
}

/// The command's end. Neither code nor signal: it could not be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishRequest {
    /// The code that the command exited with.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// `none`, `timeout`, `cancel`, `signal` or `oom`.
    pub ended_by: String,
    /// When it started, by the agent's clock; absent if it never did.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended, by the agent's clock.
    pub ended_at: Timestamp,
    /// The number of the last log entry; 0 if there is none.
    pub last_seq: Seq,
    /// Why it could not be started, where so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Whether the end was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishResponse {
    /// `false`: log entries are missing; send those from `next_seq` on, then finish again.
    pub accepted: bool,
    /// The number that the next entry must carry.
    pub next_seq: Seq,
}
