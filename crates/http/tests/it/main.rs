//! The API as its callers see it: requests in, status and body out.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as it must be"
)]

mod addresses;
mod agent;
mod audit;
mod authorization;
mod bodies;
mod claim;
mod compatibility;
mod containers;
mod executions;
mod faults;
mod harness;
mod keys;
mod limits;
mod locks;
mod logs;
mod openapi;
mod run;
mod users;
