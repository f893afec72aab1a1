//! Functions killed before and after each call to AWS, answers lost, services that refuse: the end is always the same
//! true one, the command runs at most once, and nothing is left behind.

pub(crate) mod account;
mod forgotten;
mod services;
mod stories;
mod story;
