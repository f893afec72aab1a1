//! A command tries to get at what is not its own.

use std::fs;
use std::process::Command;

use runvoy_testkit::dockerd::Dockerd;

use super::{container, said};
use crate::harness::cli::Output;
use crate::harness::engine;
use crate::harness::{TestServer, until};

/// Sets `gateway`; `opens ADDRESS PORT` says whether somebody listens there, and `asks PORT METHOD PATH TOKEN BODY`
/// how an HTTP request to the machine is answered: its status, or `no answer`.
const TOOLS: &str = r#"
gateway=$(ip route | awk '/default/ {print $3}')
opens() {
  timeout 10 nc -w 5 "$1" "$2" -e true && echo "$3"
}
asks() {
  request="$2 $3 HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer $4\r\nContent-Type: application/json\r\n"
  answer=$( (printf "${request}Content-Length: ${#5}\r\n\r\n%s" "$5"; sleep 5) |
    timeout 20 nc -w 10 "$gateway" "$1" | awk '/^HTTP/ {print $2; exit}')
  echo "${answer:-no answer}"
}
"#;
/// What an agent says first.
const START: &str =
    r#"{"nonce":"0123456789abcdef0123456789abcdef","place":"x","version":"0","arch":"x"}"#;

/// A server that listens on all addresses of the machine, and its port.
async fn open_server(engine: &Dockerd) -> (TestServer, String) {
    let mut server = engine::server(engine, &[]).await;
    server.terminate().await;
    server.listen_everywhere();
    server.start_again().await;
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    (server, port)
}

fn agent_port(server: &TestServer) -> String {
    let port = fs::read_to_string(server.data_dir().join("agent.port")).unwrap();
    port.trim().to_owned()
}

/// Starts the server again as one that may not close the machine.
async fn open_the_machine(server: &mut TestServer) {
    server.terminate().await;
    engine::remove_firewall(&server.complaints());
    server.forbid_firewall();
    server.start_again().await;
}

/// Addresses of the machine that are no containers' network's.
fn own_addresses() -> Vec<String> {
    let listed = Command::new("ip").args(["-o", "-4", "addr"]).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let of_line = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (interface, address) = (words.next()?, words.nth(1)?);
        let is_own = !["lo", "rv", "br-", "docker"]
            .iter()
            .any(|other| interface.starts_with(other));
        let (address, _) = address.split_once('/')?;
        is_own.then(|| address.to_owned())
    };
    let addresses: Vec<String> = listed.lines().filter_map(of_line).collect();
    assert!(!addresses.is_empty(), "{listed}");
    addresses
}

async fn tries(server: &TestServer, script: &str) -> Output {
    let script = format!("{TOOLS}{script}");
    let output = server.admin().run(&["run", &script]).await;
    assert_eq!(output.code, 0, "{output:?}");
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_api_is_out_of_reach_and_without_a_key_closed() {
    let (mut server, port) = open_server(engine::shared()).await;
    let script = format!(
        "asks {port} GET /api/v1/health; asks {port} GET /api/v1/executions; asks {port} POST /api/v1/run x '{{}}'"
    );
    let output = tries(&server, &script).await;
    assert_eq!(
        output.stdout, "no answer\nno answer\nno answer\n",
        "{output:?}"
    );
    // Where nobody is root there is no firewall; then the key is what is between them.
    open_the_machine(&mut server).await;
    let output = tries(&server, &script).await;
    assert_eq!(output.stdout, "200\n401\n401\n", "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_machine_only_the_agents_port_is_in_reach() {
    let mut server = engine::server(engine::shared(), &[]).await;
    let elsewhere = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let (agents, own) = (agent_port(&server), own_addresses().join(" "));
    let script = format!(
        "opens $gateway {port} other; opens $gateway {agents} agents; opens 127.0.0.1 {port}
         for own in {own}; do opens $own {port} own; done; :"
    );
    let output = tries(&server, &script).await;
    assert_eq!(output.stdout, "agents\n", "{output:?}");
    // It is the firewall that keeps it out: without it the port is open.
    open_the_machine(&mut server).await;
    let output = tries(&server, &script).await;
    let opened = format!("other\nagents\n{}", "own\n".repeat(own_addresses().len()));
    assert_eq!(output.stdout, opened, "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_another_container_publishes_is_out_of_reach() {
    let engine = engine::shared();
    let server = engine::server(engine, &[]).await;
    let greets = "while :; do echo | nc -l -p 9000; done";
    // Docker's own bridge is touched by every engine that starts beside it.
    engine.docker(&["network", "create", "publishing"]);
    let published = engine.docker(&[
        "run",
        "--detach",
        "--network",
        "publishing",
        "--publish",
        "9000",
        engine::BUSYBOX,
        "sh",
        "-c",
        greets,
    ]);
    let port = engine.docker(&["port", published.trim(), "9000/tcp"]);
    let (_, port) = port.lines().next().unwrap().rsplit_once(':').unwrap();
    let own = own_addresses().remove(0);
    let address = format!("{own}:{port}");
    until(|| std::net::TcpStream::connect(&address).is_ok()).await;
    let script = format!("opens $gateway {port} gateway; opens {own} {port} own; :");
    let output = tries(&server, &script).await;
    assert_eq!(output.stdout, "", "{output:?}");
    engine.docker(&["rm", "--force", published.trim()]);
    engine.docker(&["network", "rm", "publishing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firewall_that_somebody_flushes_is_put_back_with_a_warning() {
    let server = engine::server(engine::shared(), &[]).await;
    let elsewhere = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    engine::remove_firewall(&server.complaints());
    until(|| server.complaints().contains("and is back")).await;
    assert!(engine::firewall(&server.complaints()).unwrap().1);
    let script = format!("opens $gateway {port} other; :");
    let output = tries(&server, &script).await;
    assert_eq!(output.stdout, "", "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_close_the_machine_says_so_and_how_to_do_it() {
    let mut server = engine::server(engine::shared(), &[]).await;
    open_the_machine(&mut server).await;
    let rules = server.data_dir().join("firewall.nft");
    let log = server.complaints();
    let to_type = format!("sudo nft -f {}", rules.display());
    assert!(
        log.contains("no firewall") && log.contains(&to_type),
        "{log}"
    );
    let elsewhere = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let agents = agent_port(&server);
    let script = format!("opens $gateway {port} other; opens $gateway {agents} agents; :");
    assert_eq!(tries(&server, &script).await.stdout, "other\nagents\n");
    let closed = Command::new("nft").arg("-f").arg(rules).status();
    assert!(closed.unwrap().success());
    assert_eq!(tries(&server, &script).await.stdout, "agents\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_runs_agent_is_not_to_be_impersonated() {
    let server = engine::server(engine::shared(), &[]).await;
    let other = server.admin().submit(&["echo ready; sleep 60"]).await;
    said(&server.admin(), &other, "ready").await;
    let (port, base) = (agent_port(&server), format!("/agent/v1/{other}-1"));
    let script = format!(
        "asks {port} POST {base}/start '' '{START}'
         asks {port} POST {base}/start guessed '{START}'
         asks {port} POST {base}/heartbeat guessed '{{\"next_seq\":1}}'
         asks {port} GET /api/v1/executions"
    );
    let output = tries(&server, &script).await;
    // A session that is not known is told to leave; people are not answered there at all.
    assert_eq!(output.stdout, "401\n401\n410\n404\n", "{output:?}");
    let record = server.admin().record(&other).await;
    assert_eq!(record.status, "RUNNING", "the other run goes on");
    server.admin().succeed(&["kill", "--wait", &other]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_token_is_nowhere_to_be_found() {
    let engine = engine::shared();
    let server = engine::server(engine, &[]).await;
    let script = r"
        for file in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do
          tr '\0' '\n' < $file | grep 'RUNVOY_AGENT_TOKE[N]'
        done 2>/dev/null
        cat /proc/1/environ 2>&1 | grep -c 'Permission denied'
        head -c 1 /proc/1/mem 2>&1 | grep -c 'Permission denied'
        cat /proc/1/fd/0 2>&1 | grep -c 'Permission denied'
        ls /.runvoy/run
        touch /.runvoy/bin/x 2>&1 | grep -c 'Read-only'
        echo ready; sleep 60";
    let id = server.admin().submit(&[script]).await;
    said(&server.admin(), &id, "ready").await;
    assert_eq!(server.admin().log(&id).await, "1\n1\n1\nwork\n1\nready\n");
    // What anybody who may ask the engine can read is good for one start, which has been.
    let told = engine.docker(&["inspect", &container(engine, &id).await]);
    let (_, token) = told.split_once("RUNVOY_AGENT_TOKEN=").unwrap();
    let token = token.split('"').next().unwrap();
    let port = agent_port(&server);
    let script = format!("asks {port} POST /agent/v1/{id}-1/start {token} '{START}'");
    let output = tries(&server, &script).await;
    assert!(
        ["409\n", "410\n"].contains(&&output.stdout[..]),
        "{output:?}"
    );
    server.admin().succeed(&["kill", "--wait", &id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_do_not_reach_each_other() {
    let server = engine::server(engine::shared(), &[]).await;
    let script = "hostname -i; echo ready; nc -l -p 9000 -e true";
    let other = server.admin().submit(&[script]).await;
    said(&server.admin(), &other, "ready").await;
    let log = server.admin().log(&other).await;
    let address = log.lines().next().unwrap();
    let script = format!("opens {address} 9000 in; :");
    let output = tries(&server, &script).await;
    assert_eq!(output.stdout, "", "{output:?}");
    server.admin().succeed(&["kill", "--wait", &other]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_has_few_rights_and_gets_no_more() {
    let server = engine::server(engine::shared(), &[]).await;
    let script = "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; ls /var/run/docker.sock 2>/dev/null; \
                  mount -t tmpfs none /tmp 2>/dev/null && echo mounted; ping -c 1 -W 1 127.0.0.1 > /dev/null 2>&1 && echo raw; :";
    let output = tries(&server, script).await;
    let facts: Vec<&str> = output.stdout.split_whitespace().collect();
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE.
    let rights = "00000000000004fb";
    assert_eq!(
        facts[..6],
        ["CapEff:", rights, "CapBnd:", rights, "NoNewPrivs:", "1"],
        "{output:?}"
    );
    assert!(
        !output.stdout.contains("mounted") && !output.stdout.contains("docker.sock"),
        "{output:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_firewall_stays_for_runs_that_go_on_and_goes_with_the_last() {
    let mut server = engine::server(engine::shared(), &[]).await;
    let in_force = |server: &TestServer| engine::firewall(&server.complaints()).unwrap().1;
    assert!(in_force(&server));
    let id = server.admin().submit(&["echo ready; sleep 60"]).await;
    said(&server.admin(), &id, "ready").await;
    server.terminate().await;
    assert!(in_force(&server), "a run goes on behind it");
    server.start_again().await;
    server.admin().succeed(&["kill", "--wait", &id]).await;
    server.admin().closed(&id).await;
    server.terminate().await;
    until(|| !in_force(&server)).await;
}
