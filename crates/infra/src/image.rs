//! The agent's container image, made in memory: nothing but the agent, for both processors, the same bytes every time.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::error::InfraError;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const BLOCK: usize = 512;

/// Bytes that a registry knows by their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// `sha256:` and 64 hex digits.
    pub digest: String,
    /// What they are.
    pub media_type: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// An image for several processors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What names the manifests; its digest is the image's.
    pub index: Blob,
    /// One for each processor.
    pub manifests: Vec<Blob>,
    /// What the manifests name.
    pub blobs: Vec<Blob>,
}

impl Image {
    /// The image of these agents.
    pub fn of_agents(aarch64: &[u8], x86_64: &[u8]) -> Result<Self, InfraError> {
        let (mut manifests, mut blobs, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for (architecture, agent) in [("arm64", aarch64), ("amd64", x86_64)] {
            let (manifest, parts) = of_one(architecture, agent)?;
            let mut entry = descriptor(&manifest);
            entry["platform"] = json!({"architecture": architecture, "os": "linux"});
            entries.push(entry);
            manifests.push(manifest);
            blobs.extend(parts);
        }
        let index = blob(
            INDEX,
            canonical(&json!({"manifests": entries, "mediaType": INDEX, "schemaVersion": 2})),
        );
        Ok(Self {
            index,
            manifests,
            blobs,
        })
    }
}

fn of_one(architecture: &str, agent: &[u8]) -> Result<(Blob, [Blob; 2]), InfraError> {
    let layer = tar(agent);
    let config = blob(
        CONFIG,
        canonical(&json!({
            "architecture": architecture,
            "config": {"Entrypoint": ["/runvoy-agent", "install", "/.runvoy"]},
            "os": "linux",
            "rootfs": {"diff_ids": [digest(&layer)], "type": "layers"},
        })),
    );
    let layer = blob(LAYER, gzip(&layer)?);
    let manifest = blob(
        MANIFEST,
        canonical(&json!({
            "config": descriptor(&config),
            "layers": [descriptor(&layer)],
            "mediaType": MANIFEST,
            "schemaVersion": 2,
        })),
    );
    Ok((manifest, [config, layer]))
}

fn blob(media_type: &'static str, bytes: Vec<u8>) -> Blob {
    Blob {
        digest: digest(&bytes),
        media_type,
        bytes,
    }
}

fn descriptor(blob: &Blob) -> Value {
    json!({"digest": blob.digest, "mediaType": blob.media_type, "size": blob.bytes.len()})
}

/// JSON whose keys are in order, whether or not another crate makes `serde_json` keep the order of insertion.
fn canonical(value: &Value) -> Vec<u8> {
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|(name, _)| name.as_str());
                out.push('{');
                for (index, (name, value)) in fields.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(&Value::from(name.as_str()).to_string());
                    out.push(':');
                    write(value, out);
                }
                out.push('}');
            }
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write(item, out);
                }
                out.push(']');
            }
            other => out.push_str(&other.to_string()),
        }
    }
    let mut out = String::new();
    write(value, &mut out);
    out.into_bytes()
}

/// An archive (POSIX ustar) of one executable file, without a time or an owner of this machine.
fn tar(agent: &[u8]) -> Vec<u8> {
    let mut header = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, "runvoy-agent");
    put(100, "0000755\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", agent.len()));
    put(136, "00000000000\0");
    // The checksum counts its own field as spaces.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(agent);
    archive.resize(archive.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    archive
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, InfraError> {
    let failed = |error: std::io::Error| {
        InfraError::failed("the agent's image cannot be packed").because_of(&error)
    };
    // No name, no time: the same input gives the same bytes.
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    encoder.write_all(bytes).map_err(failed)?;
    encoder.finish().map_err(failed)
}

/// `sha256:` and the digest in hex.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(bytes))
}

/// SHA-256 in hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn image() -> Image {
        Image::of_agents(b"arm", b"intel").unwrap()
    }

    #[test]
    fn the_same_agents_make_the_same_image() {
        assert_eq!(image(), image());
        let other = Image::of_agents(b"arm", b"intel!").unwrap();
        assert_ne!(image().index.digest, other.index.digest);
    }

    #[test]
    fn the_digest_of_json_is_not_moved_by_a_build() {
        let index: Value = serde_json::from_slice(&image().index.bytes).unwrap();
        assert_eq!(canonical(&index), image().index.bytes);
        assert!(
            image()
                .index
                .bytes
                .starts_with(br#"{"manifests":[{"digest":"sha256:"#)
        );
    }

    #[test]
    fn everything_that_is_named_is_there_under_its_digest() {
        let image = image();
        let index: Value = serde_json::from_slice(&image.index.bytes).unwrap();
        let platforms: Vec<_> = index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["platform"]["architecture"].as_str().unwrap())
            .collect();
        assert_eq!(platforms, ["arm64", "amd64"]);
        let all = || image.manifests.iter().chain(&image.blobs);
        assert!(all().all(|blob| blob.digest == digest(&blob.bytes)));
        for manifest in &image.manifests {
            let manifest: Value = serde_json::from_slice(&manifest.bytes).unwrap();
            for part in [&manifest["config"], &manifest["layers"][0]] {
                let found = all().find(|blob| part["digest"] == blob.digest.as_str());
                assert_eq!(part["size"], found.unwrap().bytes.len());
            }
        }
    }

    #[test]
    fn a_layer_is_the_agent_alone_and_may_be_executed() {
        let image = image();
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(&image.blobs[1].bytes[..])
            .read_to_end(&mut tar)
            .unwrap();
        assert_eq!(tar.len(), 4 * BLOCK);
        assert!(tar.starts_with(b"runvoy-agent\0") && &tar[100..107] == b"0000755");
        assert_eq!(&tar[BLOCK..BLOCK + 3], b"arm");
        let config: Value = serde_json::from_slice(&image.blobs[0].bytes).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], digest(&tar).as_str());
        assert_eq!(config["config"]["Entrypoint"][2], "/.runvoy");
        let sum: u32 = tar[..148]
            .iter()
            .chain(&tar[156..BLOCK])
            .map(|b| u32::from(*b))
            .sum::<u32>()
            + 8 * 32;
        assert_eq!(&tar[148..154], format!("{sum:06o}").as_bytes());
    }
}
