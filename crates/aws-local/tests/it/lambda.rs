//! The Lambda host, with a real process for every environment.

mod asynchronous;
mod environments;
mod function_url;
mod rest;
pub(crate) mod stage;
