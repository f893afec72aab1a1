//! Puts runvoy into an AWS account, looks after it there, and takes it away again, with the admin's own credentials.
//!
//! Nothing is printed here and nobody is asked: progress goes to a listener, what would change is a [`Plan`] that the
//! caller shows before it is applied.

mod account;
mod admin;
mod apply;
mod artifact;
mod bootstrap;
mod cost;
mod deployment;
mod destroy;
mod egress;
mod error;
mod image;
mod parameters;
mod plan;
mod progress;
mod project;
mod region;
mod registry;
mod remains;
mod stack;
mod status;
mod template;
mod web;

pub use account::{Access, Account};
pub use admin::{AdminPlan, AdminRequest};
pub use apply::Deployed;
pub use artifact::Source;
pub use cost::Cost;
pub use deployment::{Infra, Pace};
pub use error::{ADMIN_POLICY, ErrorKind, InfraError};
pub use image::{Blob, Image};
pub use parameters::parse_parameter;
pub use plan::{ApplyRequest, Plan};
pub use progress::{Listener, Progress, ResourceEvent};
pub use project::Project;
pub use stack::{Change, ChangeKind, StackState};
pub use status::Status;
