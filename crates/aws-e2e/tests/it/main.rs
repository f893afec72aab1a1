//! End-to-end tests on a local AWS: the built command line, the real Lambda functions and agents, DynamoDB Local, and
//! simulators of what has no engine to be had.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in tests a panic is the verdict"
)]

mod programs;
mod runs;
mod shell;
mod world;
