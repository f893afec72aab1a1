//! A Docker Engine with images, and what is to be seen in it.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

use runvoy_testkit::dockerd::Dockerd;
use runvoy_testkit::dockerd_image::{Image, busybox};

use super::server::TestServer;

/// A small system; commands are root's.
pub(crate) const BUSYBOX: &str = "test/busybox:1";
/// One static program, `/busybox`, and nothing else.
pub(crate) const SCRATCH: &str = "test/scratch:1";
/// The small system with an entry and a command that would fail.
pub(crate) const ENTRYPOINT: &str = "test/entrypoint:1";
/// The small system; commands are nobody's.
pub(crate) const NOBODY: &str = "test/nobody:1";
/// An image with a program for another processor, `/foreign`, and one that is none, `/broken`.
pub(crate) const FOREIGN: &str = "test/foreign:1";

/// The engine of all tests that neither kill it nor fill it.
pub(crate) fn shared() -> &'static Dockerd {
    static READY: OnceLock<()> = OnceLock::new();
    let engine = Dockerd::shared();
    READY.get_or_init(|| fill(engine));
    engine
}

/// An engine of one's own.
pub(crate) fn own() -> Dockerd {
    let engine = Dockerd::start();
    fill(&engine);
    engine
}

fn fill(engine: &Dockerd) {
    engine.import_image(BUSYBOX, &Image::busybox());
    let scratch = Image::scratch().file("/busybox", &busybox(), 0o755);
    engine.import_image(SCRATCH, &scratch);
    let entrypoint = Image::busybox()
        .change("ENTRYPOINT [\"/bin/false\"]")
        .change("CMD [\"nonsense\"]");
    engine.import_image(ENTRYPOINT, &entrypoint);
    // The way back to the server is no proxy's.
    let nobody = Image::busybox()
        .change("USER nobody")
        .change("ENV http_proxy=http://127.0.0.1:9");
    engine.import_image(NOBODY, &nobody);
    let foreign = Image::busybox()
        .file("/foreign", &foreign_program(), 0o755)
        .file("/broken", b"\x7fELFnonsense", 0o755);
    engine.import_image(FOREIGN, &foreign);
}

/// The head of a program for a processor that this machine has not.
fn foreign_program() -> Vec<u8> {
    let machine: u16 = if cfg!(target_arch = "x86_64") {
        183
    } else {
        62
    };
    let mut program = vec![0; 120];
    program[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    program[16] = 2;
    program[18..20].copy_from_slice(&machine.to_le_bytes());
    program[20] = 1;
    program
}

/// A server that runs commands in this engine.
pub(crate) async fn server(engine: &Dockerd, options: &[&str]) -> TestServer {
    let host = engine.host();
    let ours = ["--docker-host", &host, "--default-image", BUSYBOX];
    TestServer::start_with(&[&ours, options].concat()).await
}

/// Containers of an execution, running or not.
pub(crate) fn containers_of(engine: &Dockerd, id: &str) -> Vec<String> {
    let filter = format!("label=runvoy.execution={id}");
    let names = engine.docker(&["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"]);
    names.lines().map(str::to_owned).collect()
}

/// Volumes that hold no agent.
pub(crate) fn volumes_of_runs(engine: &Dockerd) -> Vec<String> {
    let mut volumes = engine.volumes();
    volumes.retain(|name| !name.starts_with("runvoy-agent-"));
    volumes
}

/// The table of the firewall that a server's log tells of, and whether it is in force.
pub(crate) fn firewall(log: &str) -> Option<(String, bool)> {
    let (_, rest) = log.split_once("rv-")?;
    let table = format!("runvoy_{}", rest.get(..8)?);
    let mut nft = Command::new("nft");
    let listed = nft.args(["list", "table", "inet", &table]).output().ok()?;
    Some((table, listed.status.success()))
}

/// Takes the firewall away that a server's log tells of, if it does.
pub(crate) fn remove_firewall(log: &str) {
    if let Some((table, true)) = firewall(log) {
        let mut nft = Command::new("nft");
        let removal = nft
            .args(["delete", "table", "inet", &table])
            .stderr(Stdio::null());
        // The server may have taken it away meanwhile.
        let _removed = removal.status();
    }
}
