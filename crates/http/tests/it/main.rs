//! The API as its callers see it: requests in, status and body out.

mod addresses;
mod agent;
mod audit;
mod authorization;
mod claim;
mod compatibility;
mod executions;
mod faults;
mod harness;
mod keys;
mod locks;
mod logs;
mod run;
mod users;
