//! One repository: blobs and manifests by what they contain.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::sync::now;

/// A manifest or an index of manifests.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    /// Its media type.
    pub(crate) media_type: String,
    /// Its very bytes.
    pub(crate) body: Bytes,
    /// When it came.
    pub(crate) pushed: Timestamp,
}

/// Why a manifest is not taken, as the distribution API names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unacceptable {
    /// `MANIFEST_INVALID`, …
    pub(crate) code: &'static str,
    /// In words.
    pub(crate) message: String,
}

/// A repository.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    /// Layers and configurations by digest.
    pub(crate) blobs: BTreeMap<String, Bytes>,
    /// How many uploads were begun.
    pub(crate) begun: u64,
    /// Uploads that go on, by id.
    pub(crate) uploads: BTreeMap<String, Vec<u8>>,
    /// Manifests by digest.
    pub(crate) manifests: BTreeMap<String, Manifest>,
    /// Tag to digest.
    pub(crate) tags: BTreeMap<String, String>,
    /// Whether tags stay where they are.
    pub(crate) is_immutable: bool,
}

impl Repository {
    /// The digest and manifest of a tag or digest.
    pub(crate) fn find(&self, reference: &str) -> Option<(&str, &Manifest)> {
        let digest = self.tags.get(reference).map_or(reference, String::as_str);
        let (digest, manifest) = self.manifests.get_key_value(digest)?;
        Some((digest, manifest))
    }

    /// Takes a manifest whose parts are there; its digest.
    pub(crate) fn put(
        &mut self,
        reference: &str,
        media_type: &str,
        body: Bytes,
    ) -> Result<String, Unacceptable> {
        let digest = digest_of(&body);
        self.check_parts(&body)?;
        if reference.starts_with("sha256:") {
            if reference != digest {
                return Err(Unacceptable {
                    code: "DIGEST_INVALID",
                    message: format!("the manifest's digest is {digest}, not {reference}"),
                });
            }
        } else {
            self.tag(reference, &digest)?;
        }
        let manifest = Manifest {
            media_type: media_type.to_owned(),
            body,
            pushed: now(),
        };
        self.manifests.entry(digest.clone()).or_insert(manifest);
        Ok(digest)
    }

    /// Tags of a digest.
    pub(crate) fn tags_of(&self, digest: &str) -> Vec<&str> {
        let tags = self.tags.iter().filter(|(_, tagged)| *tagged == digest);
        tags.map(|(tag, _)| tag.as_str()).collect()
    }

    fn tag(&mut self, tag: &str, digest: &str) -> Result<(), Unacceptable> {
        let there = self.tags.get(tag);
        if self.is_immutable && there.is_some_and(|there| there != digest) {
            return Err(Unacceptable {
                code: "TAG_INVALID",
                message: format!(
                    "The image tag '{tag}' already exists and cannot be overwritten because the tag is immutable."
                ),
            });
        }
        self.tags.insert(tag.to_owned(), digest.to_owned());
        Ok(())
    }

    fn check_parts(&self, body: &[u8]) -> Result<(), Unacceptable> {
        let manifest: Value = serde_json::from_slice(body).map_err(|error| Unacceptable {
            code: "MANIFEST_INVALID",
            message: error.to_string(),
        })?;
        let list = |name: &str| manifest[name].as_array().cloned().unwrap_or_default();
        let mut blobs = list("layers");
        if manifest["config"].is_object() {
            blobs.push(manifest["config"].clone());
        }
        let manifests = list("manifests");
        if blobs.is_empty() && manifests.is_empty() {
            return Err(Unacceptable {
                code: "MANIFEST_INVALID",
                message: "it names neither layers nor manifests".to_owned(),
            });
        }
        let digest = |part: &Value| part["digest"].as_str().unwrap_or_default().to_owned();
        let no_blob = blobs
            .iter()
            .map(digest)
            .find(|digest| !self.blobs.contains_key(digest));
        let no_manifest = manifests
            .iter()
            .map(digest)
            .find(|digest| !self.manifests.contains_key(digest));
        match no_blob.or(no_manifest) {
            None => Ok(()),
            Some(digest) => Err(Unacceptable {
                code: "MANIFEST_BLOB_UNKNOWN",
                message: format!("{digest} is not in the repository"),
            }),
        }
    }
}

/// `sha256:…` of the bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        if write!(digest, "{byte:02x}").is_err() {
            // Writing to a string cannot fail.
            digest.clear();
        }
    }
    digest
}
