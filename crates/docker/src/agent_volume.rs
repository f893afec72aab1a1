//! The agent's program, in a volume that every container mounts read-only.
//!
//! The volume is named after the program, and nobody looks into it before a container is started: one that does not
//! find the agent says so, and then it is filled. That is done through a container that is never started and whose
//! name is the lock. The agent's own name comes last in the archive, so nobody ever sees a half of it.

use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions};
use bollard::query_parameters::{
    ContainerArchiveInfoOptions, CreateContainerOptions, RemoveContainerOptions,
    UploadToContainerOptions,
};
use bytes::Bytes;
use runvoy_core::id::AttemptId;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use crate::call::CallError;
use crate::engine::Engine;
use crate::options::{AGENT_LABEL, STACK_LABEL};
use crate::spec::{AGENT, AGENT_DIR, PROGRAM};
use crate::tar::Archive;

/// How many digits of the program's digest name its volume.
const DIGITS: usize = 16;
/// What the program is called while it is being written.
const DRAFT: &str = "program";
/// The bits of a mode, as the engine writes it, that only what is no plain file has: directory, symbolic link, device,
/// pipe, socket, character device, irregular.
const SPECIAL: u32 = 0x8f28_0000;
/// What the names of containers that fill one end with.
pub(crate) const FILLER: &str = "-fill";
/// How long somebody else may take to fill it; who takes longer is dead.
pub(crate) const FILL_PATIENCE: Duration = Duration::from_secs(30);
/// Time between two tries to be the one who fills it.
const FILL_PAUSE: Duration = Duration::from_millis(100);

/// The agent's volume.
#[derive(Debug)]
pub(crate) struct AgentVolume {
    program: Bytes,
    digest: String,
}

impl AgentVolume {
    pub(crate) fn new(program: Bytes) -> Self {
        Self {
            digest: format!("{:x}", Sha256::digest(&program)),
            program,
        }
    }

    /// The program, as plans name it.
    pub(crate) fn digest(&self) -> String {
        format!("sha256:{}", self.digest)
    }

    pub(crate) fn name(&self) -> String {
        format!("runvoy-agent-{}", &self.digest[..DIGITS])
    }

    /// How containers mount it, and may not write to it. The engine makes it where it is not there.
    pub(crate) fn mount(&self) -> Mount {
        Mount {
            read_only: Some(true),
            ..self.mount_at(AGENT_DIR.to_owned())
        }
    }

    fn mount_at(&self, dir: String) -> Mount {
        Mount {
            target: Some(dir),
            source: Some(self.name()),
            typ: Some(MountType::VOLUME),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(true),
                labels: Some([(AGENT_LABEL.to_owned(), self.digest())].into()),
                ..MountVolumeOptions::default()
            }),
            ..Mount::default()
        }
    }

    /// Fills the volume: a container did not find the agent in it. Any image will do that the engine has.
    pub(crate) async fn fill(&self, engine: &Engine, maker: Maker<'_>) -> Result<(), CallError> {
        let container = format!("{}{FILLER}", self.name());
        self.take(engine, &container, maker).await?;
        let filled = self.fill_through(engine, &container, &maker.dir()).await;
        let removed = remove(engine, &container).await;
        filled.and(removed)
    }

    /// Makes the container that only one can have, waiting for who has it.
    async fn take(
        &self,
        engine: &Engine,
        container: &str,
        maker: Maker<'_>,
    ) -> Result<(), CallError> {
        let body = ContainerCreateBody {
            image: Some(maker.image.to_owned()),
            entrypoint: Some(vec![AGENT.to_owned()]),
            labels: Some(
                [
                    (STACK_LABEL.to_owned(), maker.stack.to_owned()),
                    (AGENT_LABEL.to_owned(), self.digest()),
                ]
                .into(),
            ),
            network_disabled: Some(true),
            host_config: Some(HostConfig {
                mounts: Some(vec![self.mount_at(maker.dir())]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptions {
            name: Some(container.to_owned()),
            ..CreateContainerOptions::default()
        };
        let mut deadline = Instant::now() + FILL_PATIENCE;
        loop {
            let docker = engine.worker();
            let created = docker.create_container(Some(options.clone()), body.clone());
            match created.await.map_err(CallError::from) {
                Ok(_) => return Ok(()),
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
            if Instant::now() >= deadline {
                remove(engine, container).await?;
                deadline = Instant::now() + FILL_PATIENCE;
            }
            sleep(FILL_PAUSE).await;
        }
    }

    async fn fill_through(
        &self,
        engine: &Engine,
        container: &str,
        dir: &str,
    ) -> Result<(), CallError> {
        // Somebody was quicker.
        if self.is_filled(engine, container, dir).await? {
            return Ok(());
        }
        let archive = Archive::new()
            .file(DRAFT, 0o755, &self.program)
            .link(PROGRAM, DRAFT)
            .finish();
        // What is in the way is replaced.
        put(engine, container, dir, archive).await?;
        if self.is_filled(engine, container, dir).await? {
            return Ok(());
        }
        Err(CallError::Unusable(self.name()))
    }

    /// Whether the agent is there, whole, and a file.
    async fn is_filled(
        &self,
        engine: &Engine,
        container: &str,
        dir: &str,
    ) -> Result<bool, CallError> {
        let agent = ContainerArchiveInfoOptions {
            path: format!("{dir}/{PROGRAM}"),
        };
        let docker = engine.docker();
        let looked = docker.get_container_archive_info(container, Some(agent));
        match looked.await.map_err(CallError::from) {
            Ok(found) => Ok(found.file_mode & SPECIAL == 0
                && u64::try_from(found.size) == Ok(self.program.len() as u64)),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Who fills a volume, and with which image at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maker<'a> {
    pub(crate) image: &'a str,
    pub(crate) stack: &'a str,
    pub(crate) attempt: &'a AttemptId,
}

impl Maker<'_> {
    /// Where the volume is written to: nobody who makes an image can know it, and so no volume of an image lies in it.
    fn dir(&self) -> String {
        format!("/.runvoy-{}", self.attempt)
    }
}

/// Unpacks an archive in a directory of a container.
pub(crate) async fn put(
    engine: &Engine,
    container: &str,
    path: &str,
    archive: Vec<u8>,
) -> Result<(), CallError> {
    let options = UploadToContainerOptions {
        path: path.to_owned(),
        ..UploadToContainerOptions::default()
    };
    let body = bollard::body_full(archive.into());
    let docker = engine.worker();
    docker
        .upload_to_container(container, Some(options), body)
        .await?;
    Ok(())
}

/// Removes a container that has filled the volume, or should have. Not there: nothing happens.
pub(crate) async fn remove(engine: &Engine, container: &str) -> Result<(), CallError> {
    let options = RemoveContainerOptions {
        v: true,
        ..RemoveContainerOptions::default()
    };
    let docker = engine.worker();
    let removed = docker.remove_container(container, Some(options));
    match removed.await.map_err(CallError::from) {
        Err(error) if !error.is_absent() => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
