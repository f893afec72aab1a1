//! Locks: list, read, release.

use http::Method;
use runvoy_wire::lock::{LockView, ReleaseRequest, ReleaseResponse};

use super::{Api, Call};
use crate::api_error::ApiError;
use crate::path::encode;

impl Api {
    /// `GET /locks`.
    pub async fn locks(&self) -> Result<Vec<LockView>, ApiError> {
        self.get("/locks").await
    }

    /// `GET /locks/{name}`.
    pub async fn lock(&self, name: &str) -> Result<LockView, ApiError> {
        self.get(format!("/locks/{}", encode(name))).await
    }

    /// `DELETE /locks/{name}`. Never repeated by itself: by then somebody else may hold the lock.
    pub async fn release(
        &self,
        name: &str,
        request: &ReleaseRequest,
    ) -> Result<ReleaseResponse, ApiError> {
        let path = format!("/locks/{}", encode(name));
        self.call(Call::json(Method::DELETE, path, request)).await
    }
}
