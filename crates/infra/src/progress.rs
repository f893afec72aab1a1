//! What happens while something is deployed, as it happens.

/// One thing that happened or begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// This is being done now; it may take a while.
    Doing(String),
    /// This is done.
    Done(String),
    /// This deserves a look, and stops nothing.
    Warning(String),
    /// A resource of a stack moved on.
    Resource(ResourceEvent),
}

/// What a stack says of one of its resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceEvent {
    /// Which event.
    pub(crate) id: String,
    /// The resource's name in the template.
    pub logical_id: String,
    /// Its type, for example `AWS::Lambda::Function`.
    pub resource_type: String,
    /// Its status, for example `CREATE_COMPLETE`.
    pub status: String,
    /// Why, where something is said.
    pub reason: Option<String>,
}

impl ResourceEvent {
    /// Whether the resource could not be made, changed or deleted.
    pub fn is_failure(&self) -> bool {
        self.status.ends_with("_FAILED")
    }
}

/// Hears of progress.
pub type Listener<'a> = &'a (dyn Fn(Progress) + Send + Sync);
