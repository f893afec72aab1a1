//! The pure core of runvoy: what an execution, a lock, a user and a key are, and what may happen to them.
//!
//! Nothing here does I/O, reads a clock or the environment, or waits.
//! Stores make the steps of this crate atomic; launchers, agents and people only feed it events.
#![cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]

#[macro_use]
mod text;

pub mod audit;
pub mod claim;
pub mod command;
pub mod container;
pub mod duration;
pub mod environment;
pub mod error;
pub mod execution;
pub mod id;
pub mod idempotency;
pub mod key;
pub mod lock;
pub mod log;
pub mod money;
pub mod outcome;
pub mod role;
pub mod user;

pub use text::Invalid;
