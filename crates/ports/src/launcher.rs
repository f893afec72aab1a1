use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use runvoy_core::container::{Container, ContainerWish};
use runvoy_core::execution::Evidence;
use runvoy_core::id::{AttemptId, Place};
use runvoy_core::log::{Entry, Seq};
use runvoy_core::money::Cost;
use runvoy_core::outcome::Report;
use secrecy::SecretString;
use thiserror::Error;

/// What a launcher needs to place an agent. Holds no command and no secret but the attempt's own token.
#[derive(Debug)]
pub struct LaunchRequest {
    /// Which attempt; everything placed for it carries this label.
    pub attempt: AttemptId,
    /// Good for one `start` of this attempt.
    pub token: SecretString,
    /// The container that was planned for the execution; a repeated launch brings the same.
    pub container: Option<Container>,
}

/// A wish that this launcher cannot fulfil.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct Unfit {
    /// The field of the request that is meant.
    pub field: &'static str,
    /// Whether another value could be fulfilled.
    pub kind: UnfitKind,
    /// What can be had instead.
    pub why: String,
}

/// In which way a wish cannot be fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnfitKind {
    /// Whatever the value: this launcher has no such thing.
    Unsupported,
    /// This value cannot be had.
    Invalid,
}

/// An attempt, and the place that its agent named when it started, if it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Which attempt.
    pub attempt: AttemptId,
    /// Before the start every place with the attempt's label counts; after it only this one.
    pub place: Option<Place>,
}

/// Why a launch did not happen, or may not have.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// A definite no to this attempt, in the provider's words: nothing runs and nothing will.
    #[error("{0}")]
    Refused(String),
    /// A definite no to this attempt and to every other that asks for the same, in the provider's words.
    #[error("{0}")]
    Impossible(String),
    /// No answer: it may run or not. The same attempt can be launched again.
    #[error("the launcher did not answer")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Whether anything of a placement runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Something does.
    Running,
    /// Nothing does, and nothing will: proven.
    Gone(Evidence),
    /// Nobody can say.
    Unknown,
}

/// A part of the second copy of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CopyPage {
    /// Entries in order; numbers may be missing.
    pub entries: Vec<Entry>,
    /// The result, once the end of the copy was read.
    pub end: Option<CopyEnd>,
}

/// The last line of a complete second copy.
pub type CopyEnd = (Seq, Report);

/// Places agents, stops them, and says how their places ended.
#[async_trait]
pub trait Launcher: Debug + Send + Sync {
    /// Name in the `Cloud` column of lists, for what runs in such a container or in none.
    fn name(&self, container: Option<&Container>) -> &'static str;
    /// The container that fulfils the wish, whole: what was not wished for is filled in. `None` where the launcher
    /// runs no containers. Pure: asks nobody.
    fn plan(&self, wish: &ContainerWish) -> Result<Option<Container>, Unfit>;
    /// What the provider asks for such a container for so long; `None` where nobody asks for anything. Pure.
    fn price(&self, container: &Container, billed: Duration) -> Option<Cost>;
    /// Places an agent for the attempt. Asked again for the same attempt, places no second one while the first lives.
    async fn launch(&self, request: &LaunchRequest) -> Result<(), LaunchError>;
    /// Whether anything of the placement runs. Kills what an agent that is dead has left behind before it says `Gone`.
    async fn probe(&self, placement: &Placement) -> Presence;
    /// What is being done for an attempt whose agent has not started, for people; `None` where there is nothing to tell.
    fn progress(&self, attempt: &AttemptId) -> Option<String>;
    /// Asks the place to end now, whatever its agent thinks. Nothing there: nothing happens.
    async fn stop(&self, placement: &Placement);
    /// Entries of the second copy above `after`, about `max_bytes` of text; an empty page at its end.
    async fn read_copy(
        &self,
        placement: &Placement,
        after: Seq,
        max_bytes: usize,
    ) -> std::io::Result<CopyPage>;
    /// The last lines that the provider itself has of an attempt whose agent never called; none where it keeps none.
    async fn provider_lines(&self, attempt: &AttemptId) -> std::io::Result<Vec<String>>;
    /// Removes what the attempt left where it ran. Called after `Gone`; may be called again.
    async fn clean_up(&self, attempt: &AttemptId) -> std::io::Result<()>;
}
