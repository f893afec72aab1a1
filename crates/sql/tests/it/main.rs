//! The store held to the contract, and what is SQLite's own.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the verdict")]

mod child;
mod contract;
mod faults;
mod golden;
mod kill;
mod open;
