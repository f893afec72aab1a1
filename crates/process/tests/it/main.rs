//! The real launcher and real processes; a shell script stands in for the agent.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it must be"
)]

mod copies;
mod ends;
mod launches;
mod marks;
mod stage;
