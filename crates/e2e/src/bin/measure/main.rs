//! Measures what the design gives budgets to, and prints the figures, and why others are missing, as one JSON object.
//!
//! `measure RUNVOY FOLDER [--short] [--pueue=PROGRAM] [PART…]`: the built program, a folder on the disk to be measured,
//! fewer repetitions to see that it works, where pueue is, and which parts.

mod authorization;
mod bench;
mod container;
mod docker;
mod figures;
mod follow;
mod followers;
mod ingest;
mod list;
mod local;
mod machine;
mod program;
mod pueue;
mod server;
mod submit;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use tokio::runtime::Runtime;

use crate::bench::{Bench, PARTS};
use crate::figures::Figures;

fn main() -> Result<ExitCode> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let (bench, parts) = Bench::from_words(&words)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut figures = Figures::default();
    let mut code = ExitCode::SUCCESS;
    for part in parts {
        writeln!(std::io::stderr(), "measuring {part}")?;
        // What others have measured by then is not thrown away.
        if let Err(error) = measure(part, &bench, &runtime, &mut figures) {
            figures.skip(part, &format!("it failed: {error:#}"))?;
            code = ExitCode::FAILURE;
        }
    }
    writeln!(std::io::stdout(), "{}", figures.to_json())?;
    Ok(code)
}

fn measure(part: &str, bench: &Bench, runtime: &Runtime, figures: &mut Figures) -> Result<()> {
    match part {
        "local" => local::measure(bench, figures),
        "submit" => runtime.block_on(submit::measure(bench, figures)),
        "container" => runtime.block_on(container::measure(bench, figures)),
        "follow" => follow::measure(bench, figures),
        "followers" => runtime.block_on(followers::measure(bench, figures)),
        "pueue" => pueue::measure(bench, figures),
        "ingest" => runtime.block_on(ingest::measure(bench, figures)),
        "authorization" => runtime.block_on(authorization::measure(bench, figures)),
        "list" => runtime.block_on(list::measure(bench, figures)),
        unknown => bail!("there is no part {unknown}; there are {}", PARTS.join(", ")),
    }
}
