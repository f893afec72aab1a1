//! The JSON that crosses the network: the users' API and the agent protocol.
//!
//! Names and shapes of the API are those of the published v0.5 client where it has them.
//! Views of the API are read leniently (a newer server may say more); requests are read strictly.

pub mod agent;
pub mod audit;
pub mod copy;
pub mod error;
pub mod execution;
pub mod lock;
pub mod log;
pub mod process_place;
#[cfg(feature = "schema")]
pub mod schema;
pub mod secret;
pub mod user;

/// The API's base path.
pub const BASE_PATH: &str = "/api/v1";
/// The header that carries an API key.
pub const API_KEY_HEADER: &str = "x-api-key";
/// The header that names a request so that it can be repeated.
pub const IDEMPOTENCY_HEADER: &str = "idempotency-key";
/// The header in which every answer names its request.
pub const REQUEST_ID_HEADER: &str = "x-request-id";
/// The header in which answers say when the caller's key ends, where that is soon; RFC 3339.
pub const KEY_EXPIRES_HEADER: &str = "x-runvoy-key-expires";
/// The largest request body that is read, in bytes: the longest command and environment, with room for JSON's escapes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
