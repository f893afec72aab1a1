//! Two hundred megabytes as an infrastructure tool prints them, a secret in every hundredth line.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;

/// Bytes to write, about; below the limit of a log.
const BYTES: u64 = 200_000_000;
/// How many secrets.
const SECRETS: u64 = 50;
/// A secret stands in one line of this many.
const SECRET_EVERY: u64 = 100;

/// The flood, and what is known of it.
#[derive(Debug)]
pub(crate) struct Flood {
    /// Where it is.
    pub(crate) file: PathBuf,
    /// Its size in millions of bytes.
    pub(crate) megabytes: f64,
    /// Its number of lines.
    pub(crate) lines: u64,
    /// The secrets.
    pub(crate) secrets: Vec<String>,
    /// The last line as the log must have it.
    pub(crate) last_line_masked: String,
    /// A script that makes `sed` mask the same secrets.
    pub(crate) sed_script: PathBuf,
}

impl Flood {
    /// Writes the flood, equal every time, and the script.
    pub(crate) fn write(folder: &Path) -> Result<Self> {
        let mut random = Random(42);
        let secrets: Vec<String> = (0..SECRETS)
            .map(|_| format!("{:016x}{:016x}", random.next(), random.next()))
            .collect();
        let file = folder.join("flood.txt");
        let mut out = BufWriter::new(File::create(&file)?);
        let (mut bytes, mut lines, mut last) = (0, 0, String::new());
        let mut last_secret = "";
        while bytes < BYTES || last_secret.is_empty() {
            lines += 1;
            last_secret = "";
            if lines % SECRET_EVERY == 0 {
                let chosen = usize::try_from(random.next() % SECRETS)?;
                last_secret = &secrets[chosen];
            }
            last = line(lines, &mut random, last_secret);
            writeln!(out, "{last}")?;
            bytes += last.len() as u64 + 1;
        }
        out.into_inner()?.sync_all()?;
        let substitutions = secrets.iter().map(|secret| format!("s/{secret}/***/g"));
        let script = substitutions.collect::<Vec<_>>().join("\n");
        let sed_script = folder.join("mask.sed");
        fs::write(&sed_script, script)?;
        Ok(Self {
            megabytes: f64::from(u32::try_from(bytes)?) / 1e6,
            file,
            lines,
            last_line_masked: last.replace(last_secret, "***"),
            secrets,
            sed_script,
        })
    }
}

/// A line of one of three shapes, about a hundred bytes.
fn line(number: u64, random: &mut Random, secret: &str) -> String {
    let (id, seconds) = (random.next() >> 16, random.next() % 300);
    match (secret.is_empty(), number % 3) {
        (false, _) => format!(
            "2026-01-05T09:12:{:02}Z debug request {id:012x} header authorization: Bearer {secret} (sent)",
            seconds % 60
        ),
        (true, 0) => format!(
            "module.network.aws_subnet.private[{}]: Still creating... [{seconds}s elapsed] [id=subnet-{id:012x}]",
            number % 12
        ),
        (true, 1) => format!(
            "2026-01-05T09:12:{:02}Z info  reconciling deployment/web-{id:012x}: {seconds} of 300 pods are ready",
            seconds % 60
        ),
        (true, _) => format!(
            "aws_iam_role.worker-{id:012x}: Refreshing state... [id=worker-{id:012x}] took {seconds} ms"
        ),
    }
}

/// A small generator (xorshift): the flood must be the same every time, not unpredictable.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
