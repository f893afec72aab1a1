//! Credentials of registries, from Docker's `config.json` and the helpers that it names.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::words::fit;

/// How long a helper may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How helpers say that they have none.
const HAS_NONE: &str = "credentials not found";

/// What is there for the registry; the error says in words why that cannot be told.
pub(crate) async fn find(
    config: Option<&Path>,
    registry: &str,
) -> Result<Option<DockerCredentials>, String> {
    let Some(path) = config.map(|dir| dir.join("config.json")) else {
        return Ok(None);
    };
    let late = format!(
        "the credentials for {registry} of {} are not there after {} s",
        path.display(),
        PATIENCE.as_secs()
    );
    let registry = registry.to_owned();
    let (answer, answered) = oneshot::channel();
    // A helper is another program, and may ask its own service. A thread of its own holds nobody up who ends.
    let reading = std::thread::Builder::new().spawn(move || {
        let _nobody_waits = answer.send(read(&path, &registry));
    });
    reading.map_err(|error| error.to_string())?;
    match timeout(PATIENCE, answered).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(late),
    }
}

fn read(path: &Path, registry: &str) -> Result<Option<DockerCredentials>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    let mut credentials = DockerCredentials {
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    };
    match get_credential_from_reader(io::BufReader::new(file), registry) {
        Ok(DockerCredential::IdentityToken(token)) => credentials.identitytoken = Some(token),
        Ok(DockerCredential::UsernamePassword(name, password)) => {
            credentials.username = Some(name);
            credentials.password = Some(password);
        }
        Err(CredentialRetrievalError::NoCredentialConfigured) => return Ok(None),
        Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
            if stdout.contains(HAS_NONE) || stderr.contains(HAS_NONE) =>
        {
            return Ok(None);
        }
        Err(error) => {
            let why = fit(&error.to_string());
            return Err(format!(
                "the credentials for {registry} of {} cannot be had: {why}",
                path.display()
            ));
        }
    }
    Ok(Some(credentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(config: &str, registry: &str) -> Result<Option<DockerCredentials>, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), config).unwrap();
        find(Some(dir.path()), registry).await
    }

    #[tokio::test]
    async fn each_registry_has_its_own() {
        // me:a:b
        let config = r#"{"auths": {"reg.example:5000": {"auth": "bWU6YTpi"}, "https://index.docker.io/v1/": {"auth": "eDp5", "identitytoken": "t"}}}"#;
        let found = of(config, "reg.example:5000").await.unwrap().unwrap();
        assert_eq!(
            (found.username.as_deref(), found.password.as_deref()),
            (Some("me"), Some("a:b"))
        );
        let hub = of(config, "https://index.docker.io/v1/").await.unwrap();
        assert_eq!(hub.unwrap().identitytoken.as_deref(), Some("t"));
        assert_eq!(of(config, "other.example").await, Ok(None));
        assert_eq!(of("{}", "reg.example:5000").await, Ok(None));
    }

    #[tokio::test]
    async fn no_file_is_nothing_and_a_broken_one_is_said() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(Some(dir.path()), "x.example").await, Ok(None));
        assert_eq!(find(None, "x.example").await, Ok(None));
        let broken = of("{", "x.example").await.unwrap_err();
        assert!(broken.contains("x.example"), "{broken}");
        let no_helper = r#"{"credHelpers": {"x.example": "runvoy-is-not-there"}}"#;
        assert!(of(no_helper, "x.example").await.is_err());
    }
}
