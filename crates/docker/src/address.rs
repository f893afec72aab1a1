//! Where the engine listens.

use std::path::{Path, PathBuf};

/// An engine's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A socket of this machine.
    Unix(PathBuf),
    /// `host:port`, plain HTTP.
    Http(String),
}

impl Address {
    /// Reads an address as `DOCKER_HOST` has it; the error is the kind that is not supported.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix://") {
            return Ok(Self::Unix(path.into()));
        }
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        let http = text
            .strip_prefix("tcp://")
            .or_else(|| text.strip_prefix("http://"));
        match http.map(|host| host.trim_end_matches('/')) {
            Some(host) if !host.is_empty() => Ok(Self::Http(host.to_owned())),
            Some(_) | None => Err(text.to_owned()),
        }
    }

    /// The sockets where an engine usually listens, the likelier first.
    #[expect(
        clippy::disallowed_methods,
        reason = "where Docker's own tools look; no setting of runvoy's"
    )]
    pub(crate) fn usual() -> Vec<PathBuf> {
        let below = |variable: &str, path: &str| {
            let dir = std::env::var_os(variable).filter(|dir| !dir.is_empty())?;
            Some(Path::new(&dir).join(path))
        };
        let system = Some(PathBuf::from("/var/run/docker.sock"));
        [
            system,
            below("HOME", ".docker/run/docker.sock"),
            below("XDG_RUNTIME_DIR", "docker.sock"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Http(host) => write!(f, "tcp://{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_and_plain_http_are_understood() {
        for (text, shown) in [
            ("unix:///run/d.sock", "unix:///run/d.sock"),
            ("/run/d.sock", "unix:///run/d.sock"),
            ("tcp://10.0.0.1:2375", "tcp://10.0.0.1:2375"),
            ("http://localhost:2375/", "tcp://localhost:2375"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "ssh://me@host",
            "https://host:2376",
            "npipe:////./x",
            "tcp://",
            "host:1",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
