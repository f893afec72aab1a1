//! End-to-end tests on a local AWS: the built command line, the real Lambda functions and agents, DynamoDB Local, and
//! simulators of what has no engine to be had.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in tests a panic is the verdict"
)]

mod documents;
mod ends;
mod events;
mod faults;
mod following;
mod infra;
mod locks;
mod people;
mod policies;
mod programs;
mod projects;
mod records;
mod round_trips;
mod runs;
mod shell;
mod stopping;
mod world;
