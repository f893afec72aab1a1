//! `~/.runvoy/config.yaml`: read leniently, written so that nobody else can read it, unknown keys kept.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use runvoy_core::Invalid;
use secrecy::SecretString;
use serde_yaml_ng::{Mapping, Value};
use tempfile::NamedTempFile;

use crate::environment::{CONFIG, Environment};
use crate::failure::{self, Failure};

/// The name by which the keys at the top of the file go, as the first releases wrote them.
pub(crate) const DEFAULT_CONTEXT: &str = "default";

/// Refuses what cannot name a context: a name is typed again, in a shell, and shown on a terminal.
pub(crate) fn check_context_name(name: &str) -> Result<(), Invalid> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let head = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if head && name.len() <= 64 && name.chars().all(is_good) {
        return Ok(());
    }
    let shown: String = name
        .chars()
        .take(64)
        .flat_map(char::escape_default)
        .collect();
    Err(Invalid::new(
        "context name",
        format!(
            "must be 1 to 64 letters, digits or . _ - and begin with a letter or digit, not `{shown}`"
        ),
    ))
}

/// The configuration file's content.
#[derive(Debug, Clone)]
pub(crate) struct ConfigFile {
    path: PathBuf,
    content: Mapping,
    is_open_to_others: bool,
}

/// How to reach one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    /// The server's address.
    pub(crate) endpoint: Option<String>,
    /// The key for it.
    pub(crate) api_key: Option<SecretString>,
    /// The default of `--timeout`.
    pub(crate) timeout: Option<String>,
}

impl ConfigFile {
    /// Where the file is, or would be.
    pub(crate) fn path_of(environment: &Environment) -> Option<PathBuf> {
        environment.path(CONFIG).or_else(|| {
            let home = environment.home()?;
            Some(home.join(".runvoy").join("config.yaml"))
        })
    }

    /// Reads the file; a missing one is an empty one.
    pub(crate) fn read(path: PathBuf) -> Result<Self, Failure> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                String::new()
            }
            Err(error) => return Err(failure::file("read", path.display(), &error)),
        };
        let content = match serde_yaml_ng::from_str::<Value>(&text) {
            Ok(Value::Mapping(content)) => content,
            Ok(Value::Null) => Mapping::new(),
            Ok(_) => return Err(broken(&path, "it must be lines of `key: value`")),
            Err(error) => return Err(broken(&path, &error.to_string())),
        };
        let is_open_to_others = is_open_to_others(&path);
        Ok(Self {
            path,
            content,
            is_open_to_others,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What to tell a person whose file others can read.
    pub(crate) fn warning(&self) -> Option<String> {
        let path = self.path.display();
        self.is_open_to_others
            .then(|| format!("{path} can be read by others; type:  chmod 600 {path}"))
    }

    /// The context that is used where none is asked for.
    pub(crate) fn current(&self) -> Option<&str> {
        text(&self.content, "current_context").filter(|name| *name != DEFAULT_CONTEXT)
    }

    /// The context of this name, if there is one.
    pub(crate) fn context(&self, name: &str) -> Option<Context> {
        let keys = if name == DEFAULT_CONTEXT {
            has_any(&self.content, &["api_endpoint", "api_key"]).then_some(&self.content)
        } else {
            self.contexts()?.get(name)?.as_mapping()
        }?;
        Some(Context {
            endpoint: text(keys, "api_endpoint").map(ToOwned::to_owned),
            api_key: text(keys, "api_key").map(SecretString::from),
            timeout: scalar(keys, "timeout"),
        })
    }

    /// The names of all contexts.
    pub(crate) fn context_names(&self) -> Vec<String> {
        let default = self
            .context(DEFAULT_CONTEXT)
            .map(|_| DEFAULT_CONTEXT.to_owned());
        let named = self.contexts().into_iter().flat_map(Mapping::keys);
        let named = named.filter_map(|name| name.as_str().map(ToOwned::to_owned));
        default.into_iter().chain(named).collect()
    }

    /// Sets address and key of a context.
    pub(crate) fn set_context(&mut self, name: &str, endpoint: &str, api_key: &str) {
        let keys = if name == DEFAULT_CONTEXT {
            &mut self.content
        } else {
            mapping_in(mapping_in(&mut self.content, "contexts"), name)
        };
        keys.insert("api_endpoint".into(), endpoint.into());
        keys.insert("api_key".into(), api_key.into());
    }

    /// Makes a context the current one.
    pub(crate) fn set_current(&mut self, name: &str) {
        if name == DEFAULT_CONTEXT {
            self.content.remove("current_context");
        } else {
            self.content.insert("current_context".into(), name.into());
        }
    }

    /// Forgets a context.
    pub(crate) fn remove_context(&mut self, name: &str) {
        if name == DEFAULT_CONTEXT {
            self.content.remove("api_endpoint");
            self.content.remove("api_key");
        } else if let Some(Value::Mapping(contexts)) = self.content.get_mut("contexts") {
            contexts.remove(name);
        }
    }

    /// Proves that the file can be written, before anything is done that depends on it.
    pub(crate) fn writable(&self) -> Result<Writable, Failure> {
        // Through a symbolic link, so that the file it leads to is replaced and not the link.
        let target = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let unwritable = |error: std::io::Error| {
            failure::file("written", self.path.display(), &error).hint(format!(
                "keep it elsewhere:  export {CONFIG}=/path/to/config.yaml"
            ))
        };
        let directory = target.parent().unwrap_or(Path::new("."));
        create_private(directory).map_err(unwritable)?;
        let file = NamedTempFile::new_in(directory).map_err(unwritable)?;
        Ok(Writable { file, target })
    }

    fn contexts(&self) -> Option<&Mapping> {
        self.content.get("contexts")?.as_mapping()
    }
}

/// A file that lies ready to become the configuration file; gone again if it does not.
#[derive(Debug)]
pub(crate) struct Writable {
    file: NamedTempFile,
    target: PathBuf,
}

impl Writable {
    /// Puts `config` in place of the old file, at once or not at all.
    pub(crate) fn write(mut self, config: &ConfigFile) -> Result<(), Failure> {
        let failed =
            |error: &std::io::Error| failure::file("written", self.target.display(), error);
        let text = serde_yaml_ng::to_string(&config.content)
            .map_err(|error| Failure::new("the configuration cannot be written").because(&error))?;
        self.file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.as_file().sync_all())
            .map_err(|error| failed(&error))?;
        self.file
            .persist(&self.target)
            .map_err(|error| failed(&error.error))?;
        Ok(())
    }
}

fn broken(path: &Path, why: &str) -> Failure {
    let path = path.display();
    Failure::new(format!("{path} is not valid YAML"))
        .because_of(why)
        .hint("correct the line, or begin anew:")
        .hint(format!("mv {path} {path}.broken && runvoy configure"))
}

fn text<'a>(keys: &'a Mapping, key: &str) -> Option<&'a str> {
    keys.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// A text, or a number as text: `timeout: 600`.
fn scalar(keys: &Mapping, key: &str) -> Option<String> {
    match keys.get(key)? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

fn has_any(keys: &Mapping, names: &[&str]) -> bool {
    names.iter().any(|name| text(keys, name).is_some())
}

/// The mapping under `key`; made where there is none.
fn mapping_in<'a>(keys: &'a mut Mapping, key: &str) -> &'a mut Mapping {
    let value = keys
        .entry(key.into())
        .or_insert_with(|| Value::Mapping(Mapping::new()));
    if !value.is_mapping() {
        *value = Value::Mapping(Mapping::new());
    }
    match value {
        Value::Mapping(mapping) => mapping,
        _ => unreachable!("it was made a mapping just above"),
    }
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_path: &Path) -> bool {
    false
}

#[cfg(unix)]
fn create_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

#[cfg(not(unix))]
fn create_private(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn config(text: &str) -> (tempfile::TempDir, ConfigFile) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.yaml");
        fs::write(&path, text).unwrap();
        let config = ConfigFile::read(path).unwrap();
        (home, config)
    }

    #[test]
    fn the_file_of_the_first_releases_is_the_default_context() {
        let (_home, config) = config("api_endpoint: https://a\napi_key: k\nweb_url: https://w\n");
        let context = config.context("default").unwrap();
        assert_eq!(context.endpoint.as_deref(), Some("https://a"));
        assert_eq!(context.api_key.unwrap().expose_secret(), "k");
        assert_eq!(config.context_names(), ["default"]);
        assert_eq!(config.current(), None);
    }

    #[test]
    fn a_context_name_is_one_plain_word() {
        let longest = "x".repeat(64);
        for name in ["default", "prod", "eu-west.1_b", "7", &longest] {
            assert_eq!(check_context_name(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "a b",
            "-x",
            ".",
            "ü",
            "a/b",
            "a\u{1b}[2J",
            &(longest.clone() + "x"),
        ] {
            assert!(check_context_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn unknown_keys_survive_a_change() {
        let (_home, mut config) = config("web_url: https://w\nfuture: {a: [1]}\n");
        config.set_context("prod", "https://p", "k2");
        config.set_current("prod");
        config.writable().unwrap().write(&config).unwrap();
        let again = ConfigFile::read(config.path().to_owned()).unwrap();
        assert_eq!(again.content.get("future"), config.content.get("future"));
        assert_eq!(text(&again.content, "web_url"), Some("https://w"));
        assert_eq!(again.current(), Some("prod"));
        assert_eq!(
            again.context("prod").unwrap().endpoint.as_deref(),
            Some("https://p")
        );
    }

    #[test]
    fn a_proof_that_is_not_used_leaves_nothing() {
        let (home, config) = config("api_key: k\n");
        drop(config.writable().unwrap());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(config.path()).unwrap(), "api_key: k\n");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_written_is_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("deep/.runvoy/config.yaml");
        let mut config = ConfigFile::read(path.clone()).unwrap();
        config.set_context("default", "https://a", "k");
        config.writable().unwrap().write(&config).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert!(ConfigFile::read(path.clone()).unwrap().warning().is_none());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(ConfigFile::read(path).unwrap().warning().is_some());
    }
}
