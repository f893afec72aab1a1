//! The templates and the deploying person's policy, held to what they promise.
#![expect(clippy::unwrap_used, reason = "in tests a panic is the verdict")]

mod admin_policy;
mod functions;
mod graph;
mod lifecycle;
mod names;
mod parameters;
mod roles;
mod rules;
mod stack_template;
mod tables;
mod troubles;
mod world;
