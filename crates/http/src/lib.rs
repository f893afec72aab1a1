//! The HTTP face: decodes, calls a use case, encodes. Decides nothing.

mod agent;
mod audit;
mod body;
mod caller;
mod error;
mod executions;
mod health;
mod lines;
mod link;
mod locks;
mod logs;
mod people;
mod request_id;
mod router;
mod routes;
mod run;
mod view;

pub use caller::Gate;
pub use router::{agent_router, agent_routes, user_router, user_routes};
pub use routes::Route;
