//! Output of any size and shape arrives whole, and nobody needs much memory for it.

use std::fs;
use std::time::Duration;

use runvoy_testkit::eventually;
use runvoy_testkit::fault::splitmix;

use crate::harness::{TestServer, processes};

/// The most memory that each may ever have, in KiB.
const AGENT_LIMIT: u64 = 32 * 1024;
const SERVER_LIMIT: u64 = 128 * 1024;
const CLI_LIMIT: u64 = 64 * 1024;
/// For everything to arrive, on a busy machine and without optimization.
const PATIENCE: Duration = Duration::from_mins(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_million_lines_arrive() {
    let lines: Vec<String> = (1..=1_000_000).map(|line| format!("{line}\n")).collect();
    arrives(lines.concat().as_bytes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_50_megabytes_arrives() {
    let mut line = b"0123456789".repeat(5_000_000);
    line.push(b'\n');
    arrives(&line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_arrive_as_text() {
    let mut random = 7;
    let bytes: Vec<u8> = (0..500_000)
        .flat_map(|_| splitmix(&mut random).to_le_bytes())
        .collect();
    arrives(&bytes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_carriage_returns_arrive() {
    let progress: Vec<String> = (1..=1_000_000).map(|step| format!("\r{step}")).collect();
    arrives(progress.concat().as_bytes()).await;
}

/// Writes the bytes in a run, and compares what its client shows. The run ends when all have been measured.
async fn arrives(bytes: &[u8]) {
    let server = TestServer::start().await;
    let (source, gate) = (server.world().path("source"), server.world().path("gate"));
    fs::write(&source, bytes).unwrap();
    let script = format!(
        "cat {}; until [ -e {} ]; do sleep 0.05; done",
        source.display(),
        gate.display()
    );
    let run = server.admin().spawn(&["run", "-q", &script]);
    let expected = String::from_utf8_lossy(bytes);
    eventually(PATIENCE, async || {
        let size = fs::metadata(run.stdout_path()).unwrap().len();
        (size >= expected.len() as u64).then_some(())
    })
    .await;
    let id = server.admin().record("last").await.execution_id;
    let agent = processes::agent_of(&server.data_dir(), &id).unwrap();
    let peaks = [agent, server.pid(), run.pid()].map(|pid| processes::peak_memory(pid).unwrap());
    fs::write(gate, "").unwrap();
    let output = run.end_within(PATIENCE).await;
    assert_eq!(output.code, 0, "{}", output.stderr);
    // Not `assert_eq`: nobody wants to see both.
    assert!(
        output.stdout == expected,
        "{} bytes came",
        output.stdout.len()
    );
    println!("peaks of agent, server and client in KiB: {peaks:?}");
    for (peak, limit) in peaks
        .into_iter()
        .zip([AGENT_LIMIT, SERVER_LIMIT, CLI_LIMIT])
    {
        assert!(peak <= limit, "{peak} KiB are more than {limit}");
    }
}
