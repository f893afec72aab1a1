//! An empty home to run the binary in, and the snapshot of what it did.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use assert_cmd::Command;
use tempfile::TempDir;

/// A home directory of its own for each test.
pub(crate) struct Home {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            variables: Vec::new(),
        }
    }

    /// One whose configuration file says `text`.
    pub(crate) fn with_config(text: &str) -> Self {
        let home = Self::new();
        fs::create_dir(home.path(".runvoy")).unwrap();
        fs::write(home.config(), text).unwrap();
        home.set_config_mode(0o600);
        home
    }

    /// One that knows the server at `endpoint`.
    pub(crate) fn with_server(endpoint: &str) -> Self {
        Self::with_config(&format!("api_endpoint: {endpoint}\napi_key: {KEY}\n"))
    }

    /// Sets a variable for every command.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Its configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.path(".runvoy/config.yaml")
    }

    #[cfg(unix)]
    pub(crate) fn set_config_mode(&self, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(self.config(), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[cfg(not(unix))]
    pub(crate) fn set_config_mode(&self, _mode: u32) {}

    /// `runvoy` with `arguments`, and nothing of this process's environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_runvoy"));
        command
            .env_clear()
            .env("HOME", self.directory.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path())
            .args(arguments);
        command
    }

    /// Runs `runvoy` with `arguments`, `input` on its stdin.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::from_std(self.command(arguments));
        command
            .timeout(std::time::Duration::from_mins(1))
            .write_stdin(input);
        command.output().unwrap()
    }

    /// Runs `runvoy` with `arguments`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with_input(arguments, "")
    }

    /// Runs `runvoy` and shows exit code, stdout and stderr, with paths and ports that change taken out.
    pub(crate) fn shown(&self, arguments: &[&str]) -> String {
        self.masked(&self.run(arguments))
    }

    /// Shows what a run did.
    pub(crate) fn masked(&self, output: &Output) -> String {
        let home = self.directory.path().to_str().unwrap();
        let text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec())
                .unwrap()
                .replace(home, "[HOME]")
                .replace(env!("CARGO_PKG_VERSION"), "[VERSION]")
        };
        format!(
            "exit: {}\n--- stdout\n{}--- stderr\n{}",
            output
                .status
                .code()
                .map_or("signal".to_owned(), |code| code.to_string()),
            text(&output.stdout),
            text(&output.stderr),
        )
    }
}

/// A key that is well formed.
pub(crate) const KEY: &str = "a-key-of-another-system-0123";

/// Compares a shown run with an inline snapshot; ports and ids are filtered.
macro_rules! runvoy_snapshot {
    ($shown:expr, @$snapshot:literal) => {{
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"127\.0\.0\.1:\d+", "[SERVER]");
        settings.add_filter(r"\b[0-9a-f]{32}\b", "[ID]");
        settings.bind(|| insta::assert_snapshot!($shown, @$snapshot));
    }};
}
pub(crate) use runvoy_snapshot;
