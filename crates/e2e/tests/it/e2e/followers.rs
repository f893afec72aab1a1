//! Who follows a run sees every line once and in order, whatever the network does.

use std::fs;

use crate::harness::{Proxy, TestServer, until};

const LINES: usize = 3000;
/// How many bytes of answers connections pass before they break, one after the other; the first one passes all.
const BUDGETS: [usize; 7] = [usize::MAX, 1, 100, 700, 5000, 20_000, 60_000];
const CUTS_IN_ANSWERS: usize = BUDGETS.len() - 1;
/// Further cuts, each while the follower waits for a line that is not there yet.
const CUTS_IN_WAITING: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_loses_its_connection_sees_every_line_once() {
    let server = TestServer::start().await;
    let gates = server.world().path("gates");
    fs::create_dir(&gates).unwrap();
    let script = format!(
        "for gate in $(seq 0 {CUTS_IN_WAITING}); do until [ -e {}/$gate ]; do sleep 0.02; done; \
         echo after gate $gate; [ $gate -gt 0 ] || seq -f 'line %g' {LINES}; done",
        gates.display()
    );
    let id = server.admin().submit(&[&script]).await;
    let proxy = Proxy::start(server.address(), &BUDGETS).await;
    let follower = server
        .admin()
        .to(proxy.endpoint())
        .spawn(&["logs", "-f", &id]);
    follower.says("[1]").await;
    cut(&proxy).await;
    fs::write(gates.join("0"), "").unwrap();
    follower.says(&format!("line {LINES}\n")).await;
    assert_eq!(proxy.cuts(), 1 + CUTS_IN_ANSWERS);
    for gate in 1..=CUTS_IN_WAITING {
        cut(&proxy).await;
        fs::write(gates.join(gate.to_string()), "").unwrap();
        follower.says(&format!("after gate {gate}\n")).await;
    }
    let output = follower.end().await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(proxy.cuts() >= 10);

    let shown: Vec<(u64, &str)> = output.stdout.lines().map(numbered).collect();
    let numbers: Vec<u64> = shown.iter().map(|(number, _)| *number).collect();
    let all: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, all, "numbers have no gap and none is twice");
    let said: Vec<&str> = shown.iter().map(|(_, text)| *text).collect();
    let mut expected: Vec<String> = (0..=CUTS_IN_WAITING)
        .map(|gate| format!("after gate {gate}"))
        .collect();
    let lines = (1..=LINES).map(|line| format!("line {line}"));
    expected.splice(1..1, lines);
    let own: Vec<&str> = said
        .into_iter()
        .filter(|text| text.starts_with("line ") || text.starts_with("after gate "))
        .collect();
    assert_eq!(own, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_client_loses_its_connection_is_streamed_to_its_end() {
    let server = TestServer::start().await;
    // The first answer is lost although the run was accepted.
    let proxy = Proxy::start(server.address(), &[1, 2000, 700, 5000, 20_000]).await;
    let script = format!("seq {LINES}; sleep 0.3; exit 9");
    let line = ["run", "-q", &script];
    let output = server.admin().to(proxy.endpoint()).run(&line).await;
    assert_eq!(output.code, 9, "{output:?}");
    let expected: Vec<String> = (1..=LINES).map(|line| format!("{line}\n")).collect();
    assert_eq!(output.stdout, expected.concat());
    assert!(proxy.cuts() >= 3, "{} cuts", proxy.cuts());
    let runs: Vec<serde_json::Value> = server.admin().ask(&["list"]).await;
    assert_eq!(runs.len(), 1, "the request that was repeated ran once");
}

/// Breaks the connection on which the follower waits for a line that is not there yet.
async fn cut(proxy: &Proxy) {
    until(|| proxy.open() == 1).await;
    let before = proxy.cuts();
    proxy.cut();
    until(|| proxy.cuts() > before).await;
}

/// `[number] date time  text`.
fn numbered(line: &str) -> (u64, &str) {
    let (number, rest) = line.strip_prefix('[').unwrap().split_once("] ").unwrap();
    let (_, text) = rest.split_once("  ").unwrap();
    (number.parse().unwrap(), text)
}
