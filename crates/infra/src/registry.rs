//! Puts an image into a registry by its HTTP API (OCI distribution), without Docker.

use aws_sdk_ecr::types::AuthorizationData;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use reqwest::{Client, RequestBuilder, Response};

use crate::account::Aws;
use crate::error::{self, InfraError};
use crate::image::{Blob, Image};
use crate::progress::{Listener, Progress};
use crate::web;

const WHAT: &str = "the agent's image cannot be pushed";

/// One repository of a registry that was signed in to.
#[derive(Debug)]
pub(crate) struct Registry {
    client: Client,
    base: String,
    repository: String,
    password: String,
}

impl Registry {
    /// Signs in to the account's own registry.
    pub(crate) async fn sign_in(aws: &Aws, repository: &str) -> Result<Self, InfraError> {
        let action = "ecr:GetAuthorizationToken";
        let answer = aws
            .ecr()
            .get_authorization_token()
            .send()
            .await
            .map_err(error::failed(WHAT, action))?;
        let odd = || InfraError::failed(WHAT).because("ECR gave no token");
        let data = answer.authorization_data().first().ok_or_else(odd)?;
        let base = data.proxy_endpoint().ok_or_else(odd)?;
        let password = password(data).ok_or_else(odd)?;
        Self::at(base, repository, password)
    }

    /// A repository of the registry at `base`.
    fn at(base: &str, repository: &str, password: String) -> Result<Self, InfraError> {
        Ok(Self {
            client: web::client()?,
            base: base.trim_end_matches('/').to_owned(),
            repository: repository.to_owned(),
            password,
        })
    }

    /// Pushes what is not there yet; the index last, so that an image that is there is whole.
    pub(crate) async fn push(
        &self,
        image: &Image,
        listener: Listener<'_>,
    ) -> Result<(), InfraError> {
        let tag = tag_of(image);
        if self.has("manifests", &tag).await? {
            return Ok(());
        }
        listener(Progress::Doing("pushing the agent's image".to_owned()));
        for blob in &image.blobs {
            if !self.has("blobs", &blob.digest).await? {
                self.upload(blob).await?;
            }
        }
        for manifest in &image.manifests {
            self.put_manifest(manifest, &manifest.digest).await?;
        }
        // Tagged, so that a policy that removes untagged images spares it.
        self.put_manifest(&image.index, &tag).await?;
        listener(Progress::Done("Pushed the agent's image".to_owned()));
        Ok(())
    }

    async fn has(&self, kind: &str, reference: &str) -> Result<bool, InfraError> {
        let url = self.url(&format!("{kind}/{reference}"));
        let accepted =
            "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
        let request = self.client.head(url).header("accept", accepted);
        let answer = self.send(request).await?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refused(answer).await),
        }
    }

    async fn upload(&self, blob: &Blob) -> Result<(), InfraError> {
        let begun = self
            .send(self.client.post(self.url("blobs/uploads/")))
            .await?;
        if begun.status() != StatusCode::ACCEPTED {
            return Err(refused(begun).await);
        }
        let location = begun
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| {
            InfraError::failed(WHAT).because("the registry did not say where to put it")
        })?;
        let url = self.upload_url(location, &blob.digest);
        let request = self
            .client
            .put(url)
            .header("content-type", "application/octet-stream")
            .body(blob.bytes.clone());
        self.expect_created(request).await
    }

    async fn put_manifest(&self, manifest: &Blob, reference: &str) -> Result<(), InfraError> {
        let request = self
            .client
            .put(self.url(&format!("manifests/{reference}")))
            .header("content-type", manifest.media_type)
            .body(manifest.bytes.clone());
        self.expect_created(request).await
    }

    async fn expect_created(&self, request: RequestBuilder) -> Result<(), InfraError> {
        let answer = self.send(request).await?;
        if answer.status() == StatusCode::CREATED {
            Ok(())
        } else {
            Err(refused(answer).await)
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, InfraError> {
        let request = request.basic_auth("AWS", Some(&self.password));
        let answer = request.send().await;
        answer.map_err(|error| web::unanswered(WHAT, &error))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v2/{}/{path}", self.base, self.repository)
    }

    /// Registries answer with a whole address or with a path, with or without a query.
    fn upload_url(&self, location: &str, digest: &str) -> String {
        let base = if location.starts_with('/') {
            self.base.as_str()
        } else {
            ""
        };
        let separator = if location.contains('?') { '&' } else { '?' };
        format!("{base}{location}{separator}digest={digest}")
    }
}

/// The tag of an image: the first digits of its digest.
pub(crate) fn tag_of(image: &Image) -> String {
    let hex = image.index.digest.trim_start_matches("sha256:");
    hex.chars().take(20).collect()
}

fn password(data: &AuthorizationData) -> Option<String> {
    let decoded = STANDARD.decode(data.authorization_token()?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    Some(text.split_once(':')?.1.to_owned())
}

async fn refused(answer: Response) -> InfraError {
    let (status, url) = (answer.status(), answer.url().path().to_owned());
    let body = answer.text().await.unwrap_or_default();
    let said: String = body.chars().take(300).collect();
    let error = InfraError::failed(WHAT)
        .because(format!("the registry answered {status} to {url}: {said}"));
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        return error.hint(format!(
            "these credentials may lack ecr:PutImage and its like; all that is needed stands in {}",
            error::ADMIN_POLICY
        ));
    }
    error
}

#[cfg(test)]
mod tests;
