//! `cargo xtask openapi`: the descriptions that are checked in, made anew from the code. The tests that hold them also
//! write them, when they are asked to.

use anyhow::Result;

use crate::process::{cargo, run};

/// What the tests look for.
const WRITES: &str = "RUNVOY_WRITE_DESCRIPTIONS";

/// Writes docs/openapi.json and docs/schemas.
pub(crate) fn command() -> Result<()> {
    let writers: [(&str, &[&str], &str); 2] = [
        (
            "runvoy-http",
            &["--test", "it"],
            "openapi::the_checked_in_description_is_what_the_code_says",
        ),
        (
            "runvoy-cli",
            &["--bin", "runvoy"],
            "shapes::the_checked_in_schemas_are_what_the_code_says",
        ),
    ];
    for (package, target, writer) in writers {
        let mut command = cargo(&["test", "--locked", "--package", package]);
        command.args(target).args(["--", "--exact", writer]);
        run(command.env(WRITES, "1"))?;
    }
    println!("docs/openapi.json and docs/schemas are written");
    Ok(())
}
