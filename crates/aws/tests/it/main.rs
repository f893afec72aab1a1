//! The store held to the contract on DynamoDB Local, and what is DynamoDB's own.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the verdict")]

mod calls;
mod canned;
mod contract;
mod database;
mod errors;
mod fargate;
mod golden;
mod items;
mod logs;
mod schema;
