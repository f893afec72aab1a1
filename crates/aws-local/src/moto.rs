//! moto, a stand-in for services that need no more than to remember: logs, parameters, objects.

use std::path::{Path, PathBuf};

use crate::engine::{Engine, tool};

/// Names moto's server program.
pub const MOTO_VARIABLE: &str = "RUNVOY_MOTO";

/// A running moto, empty at first.
#[derive(Debug)]
pub struct Moto(Engine);

impl Moto {
    /// Starts one and waits until it answers.
    pub async fn start() -> anyhow::Result<Self> {
        let installed = tool(MOTO_VARIABLE, "moto/bin/moto_server");
        let program = if installed.exists() {
            installed
        } else {
            PathBuf::from("moto_server")
        };
        let program = Self::absolute(&program);
        let engine = Engine::start("moto", |port, _| {
            let port = port.to_string();
            let parts = [
                "env",
                "MOTO_ACCOUNT_ID=123456789012",
                &program,
                "-H",
                "127.0.0.1",
                "-p",
                &port,
            ];
            parts.iter().map(|part| (*part).to_owned()).collect()
        });
        Ok(Self(engine.await?))
    }

    fn absolute(program: &Path) -> String {
        let has_directory = program.components().count() > 1;
        let path = if has_directory {
            std::path::absolute(program).ok()
        } else {
            None
        };
        path.as_deref().unwrap_or(program).display().to_string()
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        self.0.base()
    }
}
