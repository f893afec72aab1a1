//! The HTTP face: decodes, calls a use case, encodes. Decides nothing.

mod address;
mod agent;
mod audit;
mod body;
mod bounded;
mod caller;
mod error;
mod executions;
mod health;
mod limiter;
mod lines;
mod link;
mod locks;
mod logs;
mod openapi;
mod people;
mod proof;
mod rate;
mod request_id;
mod router;
mod routes;
mod run;
mod view;

pub use caller::Gate;
pub use limiter::RateLimits;
pub use router::{agent_router, agent_routes, limited_user_router, user_router, user_routes};
pub use routes::Route;
