//! End-to-end tests: the built programs, with real processes, real sockets and real faults.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "in tests a panic is the verdict, and what was measured is shown with it"
)]

mod e2e;
mod harness;
