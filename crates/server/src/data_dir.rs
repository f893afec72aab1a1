//! The directory where a control plane of one machine keeps everything.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use runvoy_app::StackKey;
use runvoy_sql::{Durability, SqliteStore};
use sha2::{Digest as _, Sha256};

/// Longest path of a Unix socket that every system takes (`sun_path` of 104 bytes, less its end).
const MAX_SOCKET_PATH: usize = 100;

/// A data directory, made for its owner only.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Makes the directory where there is none. One that others can enter is refused: it holds keys.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("the data directory {} cannot be made", path.display()))?;
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            bail!(
                "others can enter the data directory {0}; type: chmod 700 {0}",
                path.display()
            );
        }
        let path = path
            .canonicalize()
            .with_context(|| format!("{} cannot be entered", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// Lock files of the commands that share the directory.
    pub(crate) fn owners(&self) -> PathBuf {
        self.0.join("owners")
    }

    /// Opens the database, bringing it up to date.
    pub(crate) async fn store(&self, durability: Durability) -> anyhow::Result<SqliteStore> {
        let path = self.0.join("runvoy.db");
        SqliteStore::open(&path, durability)
            .await
            .with_context(|| format!("the database {} cannot be opened", path.display()))
    }

    /// Which attempts were given to the container engine.
    pub(crate) fn containers(&self) -> PathBuf {
        self.0.join("containers")
    }

    /// The stack key; made at the first start. Two processes that start at once agree on one.
    pub(crate) fn stack_key(&self) -> anyhow::Result<StackKey> {
        Ok(StackKey::new(&self.secret()?))
    }

    /// Eight hexadecimal digits that stay the control plane's wherever the directory goes, for what it makes outside.
    pub(crate) fn stack_name(&self, purpose: &str) -> anyhow::Result<String> {
        let digest = Sha256::new()
            .chain_update(purpose)
            .chain_update(self.secret()?)
            .finalize();
        let mut name = String::with_capacity(8);
        for byte in &digest[..4] {
            write!(name, "{byte:02x}")?;
        }
        Ok(name)
    }

    fn secret(&self) -> anyhow::Result<[u8; 32]> {
        let path = self.0.join("stack.key");
        let unusable = || format!("the stack key {} cannot be used", path.display());
        if !path.exists() {
            self.make_stack_key(&path).with_context(unusable)?;
        }
        let bytes = fs::read(&path).with_context(unusable)?;
        match bytes.try_into() {
            Ok(secret) => Ok(secret),
            Err(_) => bail!(
                "the stack key {} is damaged: it must have 32 bytes; restore it from a backup",
                path.display()
            ),
        }
    }

    /// The port that containers call; none before the first was taken.
    pub(crate) fn agent_port(&self) -> anyhow::Result<Option<u16>> {
        let path = self.0.join("agent.port");
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse() {
                Ok(port) => Ok(Some(port)),
                Err(_) => bail!("{} has no port; remove it", path.display()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Keeps the port for the servers to come, so that what runs finds them.
    pub(crate) fn keep_agent_port(&self, port: u16) -> anyhow::Result<()> {
        let (path, draft) = (self.0.join("agent.port"), self.0.join("agent.port.new"));
        fs::write(&draft, format!("{port}\n"))
            .and_then(|()| fs::rename(&draft, &path))
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Writes the whole key under another name first: a link that is there is never half a key.
    fn make_stack_key(&self, path: &Path) -> io::Result<()> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| io::Error::other(error.to_string()))?;
        let draft = self.0.join(format!("stack.key.{}", std::process::id()));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(&secret)?;
        file.sync_all()?;
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            answer => answer,
        }
    }

    /// Where a socket of this name goes: here, or in the runtime directory where this path is too long for a socket.
    pub(crate) fn socket(&self, name: &str) -> anyhow::Result<PathBuf> {
        let here = self.0.join(name);
        if here.as_os_str().len() <= MAX_SOCKET_PATH {
            return Ok(here);
        }
        let runtime = runtime()
            .with_context(|| format!("{} is too long; use a shorter --data-dir", here.display()))?;
        let digest = digest(self.0.as_os_str().as_encoded_bytes());
        Ok(runtime.join(format!("{digest:016x}-{}", name.replace('/', "-"))))
    }
}

/// A directory for what is gone with the machine's next start, for this user only.
pub(crate) fn runtime() -> anyhow::Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let runtime = PathBuf::from(format!("/tmp/runvoy-{user}"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&runtime)?;
    let facts = fs::symlink_metadata(&runtime)?;
    let is_ours = std::os::unix::fs::MetadataExt::uid(&facts) == user;
    if !facts.is_dir() || !is_ours || facts.permissions().mode() & 0o077 != 0 {
        bail!("{} is not ours alone; remove it", runtime.display());
    }
    Ok(runtime)
}

/// FNV-1a, to tell data directories apart in a name.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private() -> tempfile::TempDir {
        tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .unwrap()
    }

    #[test]
    fn the_stack_key_is_made_once_and_kept_private() {
        let dir = private();
        let data = DataDir::open(dir.path()).unwrap();
        data.stack_key().unwrap();
        let first = fs::read(dir.path().join("stack.key")).unwrap();
        data.stack_key().unwrap();
        assert_eq!(fs::read(dir.path().join("stack.key")).unwrap(), first);
        assert_eq!(
            fs::metadata(dir.path().join("stack.key"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_stack_is_named_by_its_key_and_not_by_its_place() {
        let (first, second) = (private(), private());
        let name = |dir: &tempfile::TempDir, purpose| {
            let data = DataDir::open(dir.path()).unwrap();
            data.stack_name(purpose).unwrap()
        };
        let name_of_first = name(&first, "server");
        assert_eq!(name_of_first.len(), 8);
        assert_ne!(name_of_first, name(&first, "local"));
        assert_ne!(name_of_first, name(&second, "server"));
        fs::copy(
            first.path().join("stack.key"),
            second.path().join("stack.key"),
        )
        .unwrap();
        assert_eq!(name_of_first, name(&second, "server"));
    }

    #[test]
    fn the_port_of_agents_is_kept() {
        let dir = private();
        let data = DataDir::open(dir.path()).unwrap();
        assert_eq!(data.agent_port().unwrap(), None);
        data.keep_agent_port(40123).unwrap();
        assert_eq!(data.agent_port().unwrap(), Some(40123));
        fs::write(dir.path().join("agent.port"), "x").unwrap();
        let error = data.agent_port().unwrap_err();
        assert!(error.to_string().contains("remove it"), "{error}");
    }

    #[test]
    fn a_damaged_key_and_an_open_directory_are_refused() {
        let dir = private();
        fs::write(dir.path().join("stack.key"), b"short").unwrap();
        let error = DataDir::open(dir.path()).unwrap().stack_key().unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(
            DataDir::open(dir.path())
                .unwrap_err()
                .to_string()
                .contains("chmod 700")
        );
    }

    #[test]
    fn a_long_path_gets_a_short_socket() {
        let dir = private();
        let deep = dir.path().join("d".repeat(120));
        let socket = DataDir::open(&deep)
            .unwrap()
            .socket("owners/x.sock")
            .unwrap();
        assert!(
            socket.as_os_str().len() <= MAX_SOCKET_PATH
                && !socket.to_string_lossy().contains("owners/")
        );
    }
}
