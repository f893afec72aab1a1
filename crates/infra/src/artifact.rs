//! What is deployed: two Lambda zips and two agents, from a directory, from a build, or from a release.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;

use crate::account::Aws;
use crate::error::{self, InfraError};
use crate::image::{Image, hex};
use crate::progress::{Listener, Progress};
use crate::web;

const RELEASES: &str = "https://github.com/runvoy/runvoy/releases/download";
const CHECKSUMS: &str = "SHA256SUMS";
/// File names in a directory of artifacts and in a release.
const FILES: [&str; 4] = [
    "orchestrator.zip",
    "event-processor.zip",
    "runvoy-agent-aarch64",
    "runvoy-agent-x86_64",
];
/// Where builds leave the same files, below the directory of the sources.
const BUILT: [&[&str]; 4] = [
    &[
        "lambda/orchestrator.zip",
        "lambda/orchestrator/bootstrap.zip",
    ],
    &[
        "lambda/event-processor.zip",
        "lambda/event-processor/bootstrap.zip",
    ],
    &["agents/linux-arm64/runvoy-agent"],
    &["agents/linux-amd64/runvoy-agent"],
];

/// Where the artifacts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A directory of the files by their published names.
    Directory(PathBuf),
    /// The `target` directory of a build of the sources.
    Build(PathBuf),
    /// A published release.
    Release(String),
}

impl Source {
    /// The directory that was given; else the build that `directory` lies in, if there is a whole one; else the release of
    /// this program's own version.
    pub fn choose(given: Option<PathBuf>, directory: &Path) -> Self {
        if let Some(given) = given {
            return Self::Directory(given);
        }
        for parent in directory.ancestors() {
            let target = parent.join("target");
            let is_ours = parent.join("deployments/aws/template.yaml").is_file();
            if is_ours && BUILT.iter().all(|places| built(&target, places).is_some()) {
                return Self::Build(target);
            }
        }
        Self::Release(env!("CARGO_PKG_VERSION").to_owned())
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(path) | Self::Build(path) => path.display().fmt(f),
            Self::Release(version) => write!(f, "release v{version}"),
        }
    }
}

/// A Lambda's zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zip {
    /// Its name in the bucket, which tells its content.
    pub(crate) key: String,
    pub(crate) bytes: Vec<u8>,
}

/// Everything that is deployed.
#[derive(Debug, Clone)]
pub(crate) struct Artifacts {
    pub(crate) orchestrator: Zip,
    pub(crate) event_processor: Zip,
    pub(crate) image: Image,
}

impl Artifacts {
    /// Reads or fetches them.
    pub(crate) async fn load(source: &Source, listener: Listener<'_>) -> Result<Self, InfraError> {
        listener(Progress::Doing(format!(
            "reading the artifacts from {source}"
        )));
        let [orchestrator, event_processor, aarch64, x86_64] = match source {
            Source::Directory(directory) => in_directory(directory)?,
            Source::Build(target) => in_build(target)?,
            Source::Release(version) => in_release(version, RELEASES).await?,
        };
        check_zip("orchestrator.zip", &orchestrator)?;
        check_zip("event-processor.zip", &event_processor)?;
        check_agent("runvoy-agent-aarch64", &aarch64, 183)?;
        check_agent("runvoy-agent-x86_64", &x86_64, 62)?;
        Ok(Self {
            orchestrator: zip("orchestrator", orchestrator),
            event_processor: zip("event-processor", event_processor),
            image: Image::of_agents(&aarch64, &x86_64)?,
        })
    }

    /// Puts the zips into the bucket, unless they are there.
    pub(crate) async fn upload(
        &self,
        aws: &Aws,
        bucket: &str,
        listener: Listener<'_>,
    ) -> Result<(), InfraError> {
        for zip in [&self.orchestrator, &self.event_processor] {
            if put_once(aws, bucket, &zip.key, &zip.bytes, listener).await? {
                listener(Progress::Done(format!("Uploaded {}", zip.key)));
            }
        }
        Ok(())
    }
}

/// Puts an object whose name tells its content, unless it is there; whether it had to be put.
pub(crate) async fn put_once(
    aws: &Aws,
    bucket: &str,
    key: &str,
    bytes: &[u8],
    listener: Listener<'_>,
) -> Result<bool, InfraError> {
    let what = format!("{key} cannot be put into the bucket {bucket}");
    let s3 = aws.s3();
    match s3.head_object().bucket(bucket).key(key).send().await {
        Ok(_) => return Ok(false),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(HeadObjectError::is_not_found) => {}
        // S3 says "forbidden" of what is not there to those who may not list; whether it can be put is seen next.
        Err(error)
            if error
                .raw_response()
                .is_some_and(|r| r.status().as_u16() == 403) => {}
        Err(error) => return Err(error::failed(what, "s3:GetObject")(error)),
    }
    listener(Progress::Doing(format!("uploading {key}")));
    s3.put_object()
        .bucket(bucket)
        .key(key)
        .body(ByteStream::from(bytes.to_vec()))
        .send()
        .await
        .map_err(error::failed(what, "s3:PutObject"))?;
    Ok(true)
}

fn zip(name: &str, bytes: Vec<u8>) -> Zip {
    let key = format!("{name}-{}.zip", hex(&bytes));
    Zip { key, bytes }
}

fn in_directory(directory: &Path) -> Result<[Vec<u8>; 4], InfraError> {
    let mut files = [const { Vec::new() }; 4];
    for (file, name) in files.iter_mut().zip(FILES) {
        *file = read(&directory.join(name))?;
    }
    Ok(files)
}

fn in_build(target: &Path) -> Result<[Vec<u8>; 4], InfraError> {
    let mut files = [const { Vec::new() }; 4];
    for (file, places) in files.iter_mut().zip(BUILT) {
        let path = built(target, places).unwrap_or_else(|| target.join(places[0]));
        *file = read(&path)?;
    }
    Ok(files)
}

fn built(target: &Path, places: &[&str]) -> Option<PathBuf> {
    let mut places = places.iter().map(|place| target.join(place));
    places.find(|place| place.is_file())
}

fn read(path: &Path) -> Result<Vec<u8>, InfraError> {
    fs::read(path).map_err(|error| {
        let mut names = String::new();
        for name in FILES {
            let _infallible = write!(names, " {name}");
        }
        InfraError::input(format!("{} cannot be read", path.display()))
            .because_of(&error)
            .hint(format!("a directory of artifacts has these files:{names}"))
            .hint("build them:  cargo xtask agents && cargo xtask package-lambda")
    })
}

async fn in_release(version: &str, releases: &str) -> Result<[Vec<u8>; 4], InfraError> {
    let client = web::client()?;
    let base = format!("{releases}/v{version}");
    let sums = fetch(&client, &format!("{base}/{CHECKSUMS}")).await?;
    let sums = String::from_utf8_lossy(&sums).into_owned();
    let mut files = [const { Vec::new() }; 4];
    for (file, name) in files.iter_mut().zip(FILES) {
        let bytes = fetch(&client, &format!("{base}/{name}")).await?;
        check_sum(&sums, name, &bytes)?;
        *file = bytes;
    }
    Ok(files)
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<Vec<u8>, InfraError> {
    let what = format!("{url} cannot be fetched");
    let failed = |error: reqwest::Error| {
        web::unanswered(&what, &error).hint("or bring the files yourself:  --artifacts DIR")
    };
    let answer = client.get(url).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(InfraError::failed(what.clone())
            .because(format!("the answer was {}", answer.status()))
            .hint("is there a release of this version?  runvoy version")
            .hint("or bring the files yourself:         --artifacts DIR"));
    }
    Ok(answer.bytes().await.map_err(failed)?.to_vec())
}

/// A list as `sha256sum` writes it.
fn check_sum(sums: &str, name: &str, bytes: &[u8]) -> Result<(), InfraError> {
    let expected = sums.lines().find_map(|line| {
        let (sum, file) = line.split_once(char::is_whitespace)?;
        (file.trim_start().trim_start_matches('*') == name).then_some(sum)
    });
    match expected {
        Some(sum) if sum.eq_ignore_ascii_case(&hex(bytes)) => Ok(()),
        Some(_) => Err(InfraError::failed(format!(
            "{name} of the release is not what its checksum says"
        ))
        .hint(
            "try again; if it stays so, do not use it, and tell the people who publish the release",
        )),
        None => Err(InfraError::failed(format!(
            "the release has no checksum for {name}"
        ))),
    }
}

fn check_zip(name: &str, bytes: &[u8]) -> Result<(), InfraError> {
    if bytes.starts_with(b"PK\x03\x04") {
        return Ok(());
    }
    Err(InfraError::input(format!("{name} is no zip file")))
}

/// An agent for the wrong processor would be found out only by the first run.
fn check_agent(name: &str, bytes: &[u8], machine: u8) -> Result<(), InfraError> {
    if bytes.starts_with(b"\x7fELF") && bytes.get(18..20) == Some(&[machine, 0]) {
        return Ok(());
    }
    Err(
        InfraError::input(format!("{name} is no Linux program for its processor"))
            .hint("build it:  cargo xtask agents"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(machine: u8) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..4].copy_from_slice(b"\x7fELF");
        bytes[18] = machine;
        bytes
    }

    #[test]
    fn a_zip_is_named_by_its_content() {
        let (one, two) = (zip("orchestrator", vec![1]), zip("orchestrator", vec![2]));
        assert!(one.key == format!("orchestrator-{}.zip", hex(&[1])));
        assert!(one.key != two.key && one == zip("orchestrator", vec![1]));
    }

    #[test]
    fn a_checksum_must_be_there_and_right() {
        let sums = format!(
            "{}  orchestrator.zip\n{} *other\n",
            hex(b"zip"),
            hex(b"other")
        );
        assert_eq!(check_sum(&sums, "orchestrator.zip", b"zip"), Ok(()));
        assert_eq!(check_sum(&sums, "other", b"other"), Ok(()));
        let changed = check_sum(&sums, "orchestrator.zip", b"zap").unwrap_err();
        assert!(changed.message.contains("checksum"));
        assert!(check_sum(&sums, "event-processor.zip", b"zip").is_err());
    }

    #[test]
    fn an_agent_of_another_processor_is_refused() {
        assert!(check_agent("a", &agent(183), 183).is_ok());
        assert!(check_agent("a", &agent(62), 183).is_err());
        assert!(check_agent("a", b"#!/bin/sh", 62).is_err());
    }

    #[test]
    fn a_missing_file_says_which_files_there_must_be() {
        let error = in_directory(Path::new("/nonexistent")).unwrap_err();
        assert!(error.hints[0].contains("event-processor.zip"));
    }

    #[test]
    fn without_a_build_the_release_of_this_version_is_taken() {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        assert_eq!(
            Source::choose(None, Path::new("/")),
            Source::Release(version)
        );
        let given = Source::choose(Some("x".into()), Path::new("/"));
        assert_eq!(given, Source::Directory("x".into()));
    }
}
