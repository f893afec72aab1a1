//! The name of an image, in the parts that the engine and its registry want.

use runvoy_core::container::ImageRef;

/// The directory in containers that is the launcher's own.
const OWN_DIR: &str = ".runvoy";
/// How many digits an image's whole identity has.
const ID_DIGITS: usize = 64;
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

/// Whether it is an identity, such as `sha256:0f…`, which no registry knows.
pub(crate) fn is_identity(image: &ImageRef) -> bool {
    let text = image.as_str();
    let digits = text.strip_prefix("sha256:");
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.is_some_and(is_hex) || text.len() == ID_DIGITS && is_hex(text)
}

/// Whether a volume there would lie where the launcher has its own.
pub(crate) fn is_reserved(path: &str) -> bool {
    let mut dirs = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(dirs.pop()),
            part => dirs.push(part),
        }
    }
    dirs.first() == Some(&OWN_DIR)
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
    fn identities_are_no_names() {
        let id = format!("sha256:{}", "0f".repeat(32));
        for (text, expected) in [
            (id.as_str(), true),
            ("sha256:0f12", true),
            (&id["sha256:".len()..], true),
            ("sha256", false),
            ("sha256:latest", false),
            ("0f12", false),
            (&format!("x@{id}"), false),
        ] {
            assert_eq!(is_identity(&text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn the_launchers_own_directory_is_known_however_it_is_written() {
        for path in [
            "/.runvoy",
            "/.runvoy/bin/runvoy-agent",
            ".runvoy/",
            "//a/.././.runvoy/x",
        ] {
            assert!(is_reserved(path), "{path}");
        }
        for path in ["/", "/data", "/.runvoyage", "/x/.runvoy", "/.runvoy/../x"] {
            assert!(!is_reserved(path), "{path}");
        }
    }

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
