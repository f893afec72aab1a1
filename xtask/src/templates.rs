//! The CloudFormation templates, checked by cfn-lint.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process::{root, run};

/// What pip installs below `target`.
const CFN_LINT: &str = "cfn-lint==1.51.0";

/// Checks every template; a warning counts as an error.
pub(crate) fn check() -> Result<()> {
    let tools = root().join("target/tools/cfn-lint");
    let program = tools.join("bin/cfn-lint");
    if !program.exists() {
        fs::create_dir_all(&tools)?;
        run(Command::new("python3").args(["-m", "venv"]).arg(&tools))
            .context("hint: sudo apt-get install python3-venv")?;
        run(Command::new(tools.join("bin/python3"))
            .args(["-m", "pip", "install", "--quiet", CFN_LINT]))?;
    }
    let mut templates = Vec::new();
    for entry in fs::read_dir(root().join("deployments/aws"))? {
        templates.push(entry?.path());
    }
    templates.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    ensure!(!templates.is_empty(), "there is no template");
    run(Command::new(program).args(templates))
}
