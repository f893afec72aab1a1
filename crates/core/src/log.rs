//! Log entries and the head of a log.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ExecutionId, SessionId};

/// Longest text of one entry in bytes; a longer line is split into entries of which only the last has an end.
pub const MAX_ENTRY_BYTES: usize = 32 * 1024;

/// Number of an entry, from 1, given at the source and kept for ever. 0 stands before the first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Seq(u64);

impl Seq {
    /// Before the first entry.
    pub const START: Self = Self(0);
    /// The first entry.
    pub const FIRST: Self = Self(1);

    /// The entry numbered `number`.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The entry `count` places on.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// The entry before, or the start.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// The command's standard output.
    Stdout,
    /// The command's standard error.
    Stderr,
    /// runvoy's own remarks: start, stop, gap, truncation.
    System,
}

impl Stream {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::System => "system",
        }
    }

    /// The letter in the agent protocol and in stored chunks.
    pub const fn letter(self) -> char {
        match self {
            Self::Stdout => 'o',
            Self::Stderr => 'e',
            Self::System => 's',
        }
    }

    /// The stream of a letter.
    pub const fn from_letter(letter: char) -> Option<Self> {
        match letter {
            'o' => Some(Self::Stdout),
            'e' => Some(Self::Stderr),
            's' => Some(Self::System),
            _ => None,
        }
    }
}

/// One numbered piece of output. The raw output of a stream is the texts and ends of its entries in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub seq: Seq,
    /// When the agent read it.
    pub at: Timestamp,
    /// Where it comes from.
    pub stream: Stream,
    /// At most [`MAX_ENTRY_BYTES`], without a line feed; a carriage return is text.
    pub text: String,
    /// Whether a line feed follows. A partial or split entry has none; the next entry of its stream goes on.
    pub has_end: bool,
}

impl Entry {
    /// Bytes of raw output that the entry stands for.
    pub fn size(&self) -> u64 {
        self.text.len() as u64 + u64::from(self.has_end)
    }
}

/// The end of a log that is being written: an item of its own, so that lines never touch the execution's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    /// Whose log.
    pub execution: ExecutionId,
    /// The number that the next entry must carry.
    pub next_seq: Seq,
    /// The agent's session that may write; `None` before the agent has started.
    pub session: Option<SessionId>,
    /// A closed log never changes.
    pub is_closed: bool,
    /// When the agent was last heard.
    pub last_seen: Option<Timestamp>,
}

impl LogHead {
    /// The head of an empty log.
    pub fn new(execution: ExecutionId) -> Self {
        Self {
            execution,
            next_seq: Seq::FIRST,
            session: None,
            is_closed: false,
            last_seen: None,
        }
    }
}
