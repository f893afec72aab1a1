//! The use cases: what people, agents and the reconciler may do, each behind one gate of authorization.
//!
//! Every change is read, decided by the core, and committed with its audit record; whoever commits hands on what it moved.

mod advance;
mod agent;
mod app;
mod audit;
mod authentication;
mod change;
mod claims;
mod closing;
mod context;
mod drive;
mod error;
mod executions;
mod gone;
mod ids;
mod keys;
mod launching;
mod limits;
mod locks;
mod logs;
mod revoke;
mod run_limits;
mod stack_key;
mod submit;
mod users;
mod wakeups;

pub use agent::{AgentCall, Finish, FinishAnswer, PushAnswer, Start, StartAnswer, StartedRun};
pub use app::{App, IsOwnerAlive, LaunchStyle, Parts, Task, Tuning};
pub use authentication::{KeyUseStyle, Proved};
pub use context::{Actor, OpContext};
pub use error::{AppError, ErrorKind};
pub use executions::{ExecutionDetail, Killed, QueuePlace};
pub use ids::Ids;
pub use keys::Rotated;
pub use locks::{HolderDetail, LockDetail, Release, Released};
pub use logs::LogPage;
pub use revoke::Revoked;
pub use run_limits::RunLimits;
pub use stack_key::{SpecValues, StackKey};
pub use submit::{LockGlance, LockWish, NewExecution, Submitted};
pub use users::{Created, Credential, NewUser, UserDetail};
