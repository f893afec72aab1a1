//! Composes a control plane of one machine: the application, its HTTP, SQLite, and the launchers of containers and of
//! plain processes.

mod admin;
mod agent_program;
mod agents;
mod bounded;
mod claim;
mod compose;
mod containers;
mod data_dir;
mod descriptors;
mod door;
mod firewall;
mod hinted;
mod launchers;
mod limits;
mod listen;
pub mod local;
mod marks;
mod options;
mod owners;
mod place;
mod pool;
mod serve;
mod sweep;
mod turns;

pub use admin::{ResetAdmin, reset_admin};
pub use containers::ContainerOptions;
pub use hinted::Hinted;
pub use limits::Limits;
pub use options::{Seams, ServerOptions};
pub use serve::{serve, serve_with};
