//! An account on this machine, and artifacts to put into it.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use runvoy_aws_local::{LocalAws, Options};
use runvoy_core::key::{ApiKey, RANDOM_BYTES};
use runvoy_infra::{
    AdminPlan, AdminRequest, ApplyRequest, Deployed, Infra, InfraError, Pace, Plan, Source,
};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An account, and artifacts to put into it.
pub(crate) struct World {
    pub(crate) aws: LocalAws,
    artifacts: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let artifacts = TempDir::new().unwrap();
        for (name, machine) in [("runvoy-agent-aarch64", 183), ("runvoy-agent-x86_64", 62)] {
            std::fs::write(artifacts.path().join(name), agent(machine)).unwrap();
        }
        let options = Options::new(artifacts.path().join("runvoy-agent-x86_64"));
        let aws = LocalAws::start(options).await.unwrap();
        let world = Self { aws, artifacts };
        world.build("1");
        world
    }

    /// Where the artifacts are.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.artifacts.path().to_owned()
    }

    /// Builds the functions anew.
    pub(crate) fn build(&self, version: &str) {
        for name in ["orchestrator.zip", "event-processor.zip"] {
            write_zip(&self.artifacts.path().join(name), version);
        }
    }

    pub(crate) async fn infra(&self, project: &str) -> Infra {
        let credentials = Credentials::new("AKIALOCALADMIN", "secret", None, None, "test");
        let config = aws_config::defaults(BehaviorVersion::latest())
            .credentials_provider(credentials)
            .region(Region::new("us-east-1"))
            .endpoint_url(self.aws.endpoint())
            .load()
            .await;
        let pace = Pace(Duration::from_millis(20));
        Infra::with_config(config, project.parse().unwrap(), pace)
            .await
            .unwrap()
    }

    pub(crate) async fn plan(&self, infra: &Infra, parameters: &[(&str, &str)]) -> Plan {
        let given = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let request = ApplyRequest {
            source: Source::Directory(self.artifacts()),
            parameters: given.collect(),
        };
        infra.plan(request, &|_| {}).await.unwrap()
    }

    pub(crate) async fn apply(
        &self,
        infra: &Infra,
        parameters: &[(&str, &str)],
    ) -> Result<Deployed, InfraError> {
        let plan = self.plan(infra, parameters).await;
        infra.apply(plan, &|_| {}).await
    }
}

/// Enough of a program for its processor to be told.
fn agent(machine: u8) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..4].copy_from_slice(b"\x7fELF");
    bytes[18] = machine;
    bytes
}

fn write_zip(path: &Path, version: &str) {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().unix_permissions(0o755);
    zip.start_file("bootstrap", options).unwrap();
    zip.write_all(format!("#!/bin/sh\n# {version}\nexit 1\n").as_bytes())
        .unwrap();
    std::fs::write(path, zip.finish().unwrap().into_inner()).unwrap();
}

pub(crate) fn admin(wants_new_key: bool) -> AdminRequest {
    AdminRequest {
        email: Some("admin@example.com".parse().unwrap()),
        key: Some(ApiKey::from_random([7; RANDOM_BYTES])),
        wants_new_key,
    }
}

pub(crate) async fn give_admin(infra: &Infra) {
    if let AdminPlan::Give { email, key, .. } = infra.plan_admin(admin(false)).await.unwrap() {
        infra.give_admin(&email, key.hash()).await.unwrap();
    }
}

pub(crate) async fn parameter(infra: &Infra, name: &str) -> String {
    infra.status().await.unwrap().stack.unwrap().parameters[name].clone()
}
