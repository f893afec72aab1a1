//! ECR's own API, on the registry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::ACCOUNT;
use crate::registry::{Manifest, PASSWORD, Repository};
use crate::sync::now;
use crate::{Call, Registry, Reply, json as json_reply, json_error};

/// ECR's refusal: its code and its words.
type Refusal = (&'static str, String);

/// Answers a call to ECR.
pub(crate) fn handle(registry: &Registry, call: &Call) -> Reply {
    let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let ecr = Ecr {
        registry,
        region: &call.region,
        name: request["repositoryName"].as_str().unwrap_or_default(),
        request: &request,
    };
    match ecr.answer(&call.action) {
        Ok(body) => json_reply(200, "application/x-amz-json-1.1", &body),
        Err((code, message)) => json_error(400, code, &message),
    }
}

struct Ecr<'a> {
    registry: &'a Registry,
    region: &'a str,
    name: &'a str,
    request: &'a Value,
}

impl Ecr<'_> {
    fn answer(&self, action: &str) -> Result<Value, Refusal> {
        match action {
            "GetAuthorizationToken" => Ok(self.token()),
            "CreateRepository" => self.create(),
            "DeleteRepository" => self.delete(),
            "DescribeRepositories" => self.describe_repositories(),
            "DescribeImages" => self.describe_images(),
            "ListImages" => self.list_images(),
            "BatchGetImage" => self.get_images(),
            "BatchDeleteImage" => self.delete_images(),
            other => Err((
                "UnknownOperationException",
                format!("ECR does not know {other} here"),
            )),
        }
    }

    fn token(&self) -> Value {
        let token = STANDARD.encode(format!("AWS:{PASSWORD}"));
        let expires = now().as_second() + 12 * 3600;
        json!({ "authorizationData": [{
            "authorizationToken": token,
            "expiresAt": expires,
            "proxyEndpoint": format!("http://{}", self.registry.address()),
        }]})
    }

    fn create(&self) -> Result<Value, Refusal> {
        if !self.registry.create(self.name) {
            let message = format!(
                "The repository with name '{}' already exists in the registry with id '{ACCOUNT}'",
                self.name
            );
            return Err(("RepositoryAlreadyExistsException", message));
        }
        let immutable = self.request["imageTagMutability"] == "IMMUTABLE";
        self.registry.set_immutable(self.name, immutable);
        Ok(json!({ "repository": self.described(self.name) }))
    }

    fn delete(&self) -> Result<Value, Refusal> {
        let described = self.with(|_| self.described(self.name))?;
        let force = self.request["force"] == true;
        if self.registry.delete(self.name, force) {
            return Ok(json!({ "repository": described }));
        }
        let message = format!(
            "The repository with name '{}' in registry with id '{ACCOUNT}' cannot be deleted because it still contains images",
            self.name
        );
        Err(("RepositoryNotEmptyException", message))
    }

    fn describe_repositories(&self) -> Result<Value, Refusal> {
        let all: Vec<String> = self.registry.repositories().keys().cloned().collect();
        let names = match self.request["repositoryNames"].as_array() {
            Some(names) => names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            None => all.clone(),
        };
        if let Some(missing) = names.iter().find(|name| !all.contains(name)) {
            return Err(not_found(missing));
        }
        let described: Vec<_> = names.iter().map(|name| self.described(name)).collect();
        Ok(json!({ "repositories": described }))
    }

    fn describe_images(&self) -> Result<Value, Refusal> {
        let wanted = self.wanted();
        self.with(|repository| {
            let mut details = Vec::new();
            for (digest, manifest) in &repository.manifests {
                let tags = repository.tags_of(digest);
                let is_wanted = wanted.is_empty()
                    || wanted.iter().any(|name| name == digest || tags.contains(&name.as_str()));
                if is_wanted {
                    details.push(self.detail(digest, manifest, &tags));
                }
            }
            match wanted.first() {
                Some(first) if details.is_empty() => Err((
                    "ImageNotFoundException",
                    format!(
                        "The image with imageId {first} does not exist within the repository with name '{}' in the registry with id '{ACCOUNT}'",
                        self.name
                    ),
                )),
                _ => Ok(json!({ "imageDetails": details })),
            }
        })?
    }

    fn list_images(&self) -> Result<Value, Refusal> {
        self.with(|repository| json!({ "imageIds": image_ids(repository) }))
    }

    fn get_images(&self) -> Result<Value, Refusal> {
        let wanted = self.wanted();
        self.with(|repository| {
            let (mut images, mut failures) = (Vec::new(), Vec::new());
            for name in &wanted {
                match repository.find(name) {
                    Some((digest, manifest)) => images.push(json!({
                        "registryId": ACCOUNT,
                        "repositoryName": self.name,
                        "imageId": { "imageDigest": digest },
                        "imageManifest": String::from_utf8_lossy(&manifest.body),
                        "imageManifestMediaType": manifest.media_type,
                    })),
                    None => failures.push(failure(name)),
                }
            }
            json!({ "images": images, "failures": failures })
        })
    }

    fn delete_images(&self) -> Result<Value, Refusal> {
        self.with(|_| ())?;
        let mut repositories = self.registry.repositories();
        let (mut gone, mut failures) = (Vec::new(), Vec::new());
        for name in self.wanted() {
            let repository = repositories.get_mut(self.name);
            let removed = repository.and_then(|repository| remove(repository, &name));
            match removed {
                Some(id) => gone.push(id),
                None => failures.push(failure(&name)),
            }
        }
        Ok(json!({ "imageIds": gone, "failures": failures }))
    }

    fn wanted(&self) -> Vec<String> {
        let ids = self.request["imageIds"].as_array().into_iter().flatten();
        let names = ids.filter_map(|id| id["imageDigest"].as_str().or(id["imageTag"].as_str()));
        names.map(str::to_owned).collect()
    }

    fn with<T>(&self, read: impl FnOnce(&Repository) -> T) -> Result<T, Refusal> {
        let repositories = self.registry.repositories();
        let repository = repositories.get(self.name);
        repository.map(read).ok_or_else(|| not_found(self.name))
    }

    fn described(&self, name: &str) -> Value {
        json!({
            "registryId": ACCOUNT,
            "repositoryName": name,
            "repositoryArn": format!("arn:aws:ecr:{}:{ACCOUNT}:repository/{name}", self.region),
            "repositoryUri": self.registry.uri(name),
        })
    }

    fn detail(&self, digest: &str, manifest: &Manifest, tags: &[&str]) -> Value {
        let mut detail = json!({
            "registryId": ACCOUNT,
            "repositoryName": self.name,
            "imageDigest": digest,
            "imageSizeInBytes": manifest.body.len(),
            "imagePushedAt": manifest.pushed.as_second(),
            "imageManifestMediaType": manifest.media_type,
        });
        if !tags.is_empty() {
            detail["imageTags"] = json!(tags);
        }
        detail
    }
}

fn image_ids(repository: &Repository) -> Vec<Value> {
    let mut ids = Vec::new();
    for digest in repository.manifests.keys() {
        let tags = repository.tags_of(digest);
        if tags.is_empty() {
            ids.push(json!({ "imageDigest": digest }));
        }
        ids.extend(
            tags.iter()
                .map(|tag| json!({ "imageDigest": digest, "imageTag": tag })),
        );
    }
    ids
}

/// A tag goes alone while the image has others; a digest goes with all its tags.
fn remove(repository: &mut Repository, name: &str) -> Option<Value> {
    if let Some(digest) = repository.tags.remove(name) {
        if repository.tags_of(&digest).is_empty() {
            repository.manifests.remove(&digest);
        }
        return Some(json!({ "imageDigest": digest, "imageTag": name }));
    }
    repository.manifests.remove(name)?;
    repository.tags.retain(|_, digest| digest != name);
    Some(json!({ "imageDigest": name }))
}

fn failure(name: &str) -> Value {
    json!({
        "imageId": { "imageDigest": name },
        "failureCode": "ImageNotFound",
        "failureReason": "Requested image not found",
    })
}

fn not_found(name: &str) -> Refusal {
    let message = format!(
        "The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"
    );
    ("RepositoryNotFoundException", message)
}
