//! The programs under test, which cargo builds beside this one for their own crates' tests.

use std::path::PathBuf;

use runvoy_aws_local::Programs;

/// The directory of the built programs: tests are in its `deps`.
fn directory() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().to_owned()
}

/// The command line.
pub(crate) fn runvoy() -> PathBuf {
    let path = directory().join("runvoy");
    let hint = "cargo build -p runvoy-cli --features infra";
    assert!(
        path.is_file(),
        "{} is not there; type: {hint}",
        path.display()
    );
    path
}

/// What is deployed.
pub(crate) fn deployed() -> Programs {
    Programs::built_in(&directory()).unwrap()
}
