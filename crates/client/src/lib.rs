//! A typed client of runvoy's HTTP, over TCP, TLS, a Unix socket, or a control plane in the same process.

pub mod api;
pub mod api_error;
pub mod backoff;
mod path;
pub mod transport;
