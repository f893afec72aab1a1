//! The name of an image, in the parts that the engine and its registry want.

use runvoy_core::container::ImageRef;

/// What Docker's own registry is called in `config.json`.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A name in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Registry and path.
    pub(crate) name: String,
    /// Which of its images: a tag or a digest. Without one the engine would fetch all.
    pub(crate) tag: String,
    /// The registry, as credentials are filed.
    pub(crate) registry: String,
}

impl Reference {
    pub(crate) fn of(image: &ImageRef) -> Self {
        let text = image.as_str();
        let (text, digest) = match text.split_once('@') {
            Some((text, digest)) => (text, Some(digest)),
            None => (text, None),
        };
        let path_at = text.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match text[path_at..].rfind(':') {
            Some(colon) => (&text[..path_at + colon], Some(&text[path_at + colon + 1..])),
            None => (text, None),
        };
        Self {
            name: name.to_owned(),
            tag: digest.or(tag).unwrap_or("latest").to_owned(),
            registry: registry(name).to_owned(),
        }
    }
}

fn registry(name: &str) -> &str {
    match name.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => match host {
            "docker.io" | "index.docker.io" => DOCKER_HUB,
            host => host,
        },
        Some(_) | None => DOCKER_HUB,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_their_parts() {
        for (text, name, tag, registry) in [
            ("alpine", "alpine", "latest", DOCKER_HUB),
            ("alpine:3.22", "alpine", "3.22", DOCKER_HUB),
            ("me/tool", "me/tool", "latest", DOCKER_HUB),
            ("docker.io/me/tool:1", "docker.io/me/tool", "1", DOCKER_HUB),
            (
                "localhost:5000/x",
                "localhost:5000/x",
                "latest",
                "localhost:5000",
            ),
            ("localhost/x:2", "localhost/x", "2", "localhost"),
            (
                "ghcr.io/a/b:1@sha256:ff",
                "ghcr.io/a/b",
                "sha256:ff",
                "ghcr.io",
            ),
            (
                "ghcr.io/a/b@sha256:ff",
                "ghcr.io/a/b",
                "sha256:ff",
                "ghcr.io",
            ),
        ] {
            let expected = Reference {
                name: name.to_owned(),
                tag: tag.to_owned(),
                registry: registry.to_owned(),
            };
            assert_eq!(Reference::of(&text.parse().unwrap()), expected, "{text}");
        }
    }
}
