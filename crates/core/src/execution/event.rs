//! What may happen to an execution.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{BootNonce, Place, SessionId};
use crate::lock::Fence;
use crate::money::Cost;
use crate::outcome::{Outcome, Report};

/// Something that happened, told by a person, an agent, a launcher or the reconciler: late, twice or out of order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "`at` is always when, `attempt` always which launch; the variants say the rest"
)]
pub enum Event {
    /// Its turn came: it holds its lock.
    Admitted { at: Timestamp, fence: Fence },
    /// Its turn will not come: it waited too long, or may no longer run.
    TurnedAway { at: Timestamp, outcome: Outcome },
    /// Somebody, or the clock, wants it stopped.
    StopAsked { at: Timestamp, cause: StopCause },
    /// The launcher is about to be asked; until the lease ends a launch may be in flight.
    LaunchIntended {
        at: Timestamp,
        lease_until: Timestamp,
    },
    /// The launcher took it.
    LaunchAccepted { attempt: u32 },
    /// The launcher gave a definite no.
    LaunchRefused {
        at: Timestamp,
        attempt: u32,
        words: String,
        /// Whether every other attempt would be refused as well.
        is_final: bool,
    },
    /// No agent started within [`START_LIMIT`](super::START_LIMIT).
    StartOverdue { at: Timestamp, words: String },
    /// An agent asks to run it.
    Started {
        at: Timestamp,
        attempt: u32,
        nonce: BootNonce,
        session: SessionId,
        place: Place,
    },
    /// The agent that runs it reports the end.
    Finished {
        at: Timestamp,
        session: SessionId,
        report: Report,
        words: Option<String>,
    },
    /// The launcher proves that nothing of the attempt runs any more.
    Gone {
        at: Timestamp,
        attempt: u32,
        evidence: Evidence,
    },
    /// The launcher cannot say whether it runs.
    Unreachable { at: Timestamp },
    /// The launcher can say again.
    Reachable,
    /// Its lock was given to somebody else by force.
    LockLost,
    /// Nothing of it is left, and this is what it cost.
    Closed { at: Timestamp, cost: Cost },
}

/// Why a stop is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// A person wants it.
    Cancelled,
    /// It outlived its time, its grace and a minute: the agent did not stop it.
    TimedOut,
}

/// What a place left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The result in the second copy of the log, if the agent came that far.
    pub report: Option<Report>,
    /// The provider's reason, where it gives one that we know.
    pub word: Option<ProviderWord>,
    /// The provider's own words.
    pub words: Option<String>,
    /// Whether every other attempt would come to nothing as well.
    pub is_final: bool,
    /// From when to when the provider bills the attempt's places, one for each of them that it says.
    pub billed: Vec<Billed>,
}

/// A time that a provider bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Billed {
    /// From this moment.
    pub from: Timestamp,
    /// Until this one.
    pub until: Timestamp,
}

/// A reason that a provider gives for the end of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderWord {
    /// It ran out of memory.
    OutOfMemory,
    /// It was taken away.
    Interrupted,
}
