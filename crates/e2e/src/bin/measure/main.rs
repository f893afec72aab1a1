//! Measures what the design gives budgets to, and prints the figures as one JSON object of names and numbers.
//!
//! `measure RUNVOY FOLDER [PART…]`: the built program, a folder on the disk to be measured, and which parts.

mod authorization;
mod figures;
mod ingest;
mod list;
mod local;
mod machine;
mod server;
mod submit;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::figures::Figures;

/// What the parts share.
#[derive(Debug)]
struct Bench {
    /// The program that is measured.
    runvoy: PathBuf,
    /// Where everything is kept.
    folder: PathBuf,
}

const PARTS: [&str; 5] = ["local", "submit", "ingest", "authorization", "list"];

fn main() -> Result<()> {
    let mut words = std::env::args_os().skip(1);
    let (Some(runvoy), Some(folder)) = (words.next(), words.next()) else {
        bail!("usage: measure RUNVOY FOLDER [{}]…", PARTS.join("|"));
    };
    let bench = Bench {
        runvoy: PathBuf::from(runvoy).canonicalize()?,
        folder: PathBuf::from(folder).canonicalize()?,
    };
    let mut parts: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    if parts.is_empty() {
        parts = PARTS.map(str::to_owned).to_vec();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut figures = Figures::default();
    for part in &parts {
        writeln!(std::io::stderr(), "measuring {part}")?;
        let measured = match part.as_str() {
            "local" => local::measure(&bench, &mut figures),
            "submit" => runtime.block_on(submit::measure(&bench, &mut figures)),
            "ingest" => runtime.block_on(ingest::measure(&bench, &mut figures)),
            "authorization" => runtime.block_on(authorization::measure(&bench, &mut figures)),
            "list" => runtime.block_on(list::measure(&bench, &mut figures)),
            unknown => bail!("there is no part {unknown}"),
        };
        measured.with_context(|| format!("measuring {part}"))?;
    }
    writeln!(std::io::stdout(), "{}", figures.to_json()?)?;
    Ok(())
}
