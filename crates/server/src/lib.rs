//! Composes a control plane of one machine: the application, its HTTP, SQLite and the process launcher.

mod admin;
mod agents;
mod data_dir;
mod listen;
pub mod local;
mod owners;
mod pool;
mod serve;

pub use admin::{ResetAdmin, reset_admin};
pub use serve::{Seams, ServerOptions, serve, serve_with};
