//! The store in SQL: SQLite, for one machine.
//!
//! Rows are the columns that are looked up by plus a JSON body; every write is conditional on the row's version.
//! One connection writes, a few read; SQLite's write-ahead log lets them work side by side, across processes too.

mod audit;
mod chunk;
mod connection;
mod error;
mod executions;
mod keyed;
mod ledger;
mod locks;
mod logs;
mod migrate;
mod open;
#[cfg(test)]
mod plans;
mod row;
mod users;

pub use open::{Durability, OpenError, SqliteStore};
