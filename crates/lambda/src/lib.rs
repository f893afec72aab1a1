//! The control plane as Lambda functions: what the two binaries share.
//!
//! `orchestrator` answers people (as the function `api`) or agents (as `agent`); `event-processor` hears of tasks,
//! looks after what is not closed, and does what the others hand on.

mod compose;
mod config;
mod event;
mod hand_on;
mod nowhere;

pub use compose::{Function, compose};
pub use config::{Config, Serves};
pub use event::{Processor, process};
pub use hand_on::HandOn;

/// Writes the function's log as JSON lines, as CloudWatch's filters expect it. Called once, first.
pub fn log_as_json() {
    tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_target(false)
        .with_current_span(false)
        .init();
}
