//! The real agent, run by a small control plane that can be told to misbehave.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where something is not as it must be"
)]

mod agent;
mod command;
mod ecs;
mod ends;
mod faults;
mod masking;
mod output;
mod plane;
