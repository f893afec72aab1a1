//! End-to-end tests: the built programs, with real processes, real sockets and real faults.

mod e2e;
mod harness;
