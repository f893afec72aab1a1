//! DynamoDB Local, Amazon's own engine of DynamoDB for one machine.

use anyhow::ensure;

use crate::engine::{Engine, tool};

/// Names the directory that has DynamoDB Local's jars.
pub const DYNAMODB_LOCAL_VARIABLE: &str = "RUNVOY_DYNAMODB_LOCAL";

/// A running DynamoDB Local, empty at first, in memory.
#[derive(Debug)]
pub struct DynamoDbLocal(Engine);

impl DynamoDbLocal {
    /// Starts one and waits until it answers.
    pub async fn start() -> anyhow::Result<Self> {
        let home = tool(DYNAMODB_LOCAL_VARIABLE, "dynamodb-local");
        let has_jar = std::fs::read_dir(&home).is_ok_and(|mut files| {
            files.any(|file| {
                file.is_ok_and(|file| file.path().extension().is_some_and(|kind| kind == "jar"))
            })
        });
        let hint = format!(
            "run `cargo xtask aws install`, or let {DYNAMODB_LOCAL_VARIABLE} name its directory"
        );
        ensure!(
            has_jar,
            "there is no DynamoDB Local in {}: {hint}",
            home.display()
        );
        let home = std::path::absolute(&home)?.display().to_string();
        let engine = Engine::start("DynamoDB Local", |port, _| {
            let library = format!("-Djava.library.path={home}");
            let (classes, port) = (format!("{home}/*"), port.to_string());
            let main = "software.amazon.dynamodb.services.local.main.ServerRunner";
            let java = [
                "java",
                "-Xmx512m",
                "-XX:TieredStopAtLevel=1",
                &library,
                "-cp",
                &classes,
                main,
            ];
            // One database for all access keys and regions, as the parts of a deployment have keys of their own.
            let options = [
                "-inMemory",
                "-sharedDb",
                "-disableTelemetry",
                "-port",
                &port,
            ];
            java.iter()
                .chain(&options)
                .map(|part| (*part).to_owned())
                .collect()
        });
        Ok(Self(engine.await?))
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        self.0.base()
    }
}
