//! The programs under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

/// The program `runvoy`. Cargo builds it beside this test for `crates/cli`, whose own tests need it.
pub(crate) fn runvoy() -> &'static Path {
    static RUNVOY: LazyLock<PathBuf> = LazyLock::new(|| {
        let path = beside_this_test("runvoy");
        check(&path);
        path
    });
    &RUNVOY
}

/// The server with faults.
pub(crate) fn faulty_server() -> PathBuf {
    beside_this_test("faulty-server")
}

/// Tests are in `deps` of the directory where programs are.
fn beside_this_test(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let deps = test.parent().unwrap();
    deps.with_file_name(name)
}

/// Panics where the program is not there or older than a file that it was made of.
fn check(program: &Path) {
    let built = modified(program);
    assert!(
        built.is_some(),
        "{} is not there; type: cargo build -p runvoy-cli",
        program.display()
    );
    for source in sources(&program.with_extension("d")) {
        assert!(
            modified(&source) <= built,
            "{} is newer than {}; type: cargo build -p runvoy-cli",
            source.display(),
            program.display()
        );
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// The files that cargo notes beside the program: `program: file file …`, with a backslash before blanks in names.
fn sources(notes: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(notes).unwrap_or_default();
    let Some((_, files)) = text.split_once(": ") else {
        return Vec::new();
    };
    let files = files.trim_end().replace("\\ ", "\0");
    let names = files.split(' ').map(|name| name.replace('\0', " "));
    names.map(PathBuf::from).collect()
}
