//! The local AWS, part by part.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in tests a panic is the verdict"
)]

mod cloudformation;
mod ecs;
mod engines;
mod events;
mod gateway;
mod lambda;
mod local_aws;
mod registry;
