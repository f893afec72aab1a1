//! What a server refuses, and what keeps one from starting: each says what to do next.

use runvoy_core::key::ClaimToken;

use crate::fake_server::FakeServer;
use crate::home::{Home, runvoy_snapshot};

fn token() -> String {
    ClaimToken::from_random([7; 20]).expose().to_owned()
}

#[test]
fn an_expired_token() {
    let server = FakeServer::saying(
        409,
        r#"{"error":"this claim token expired at 2026-01-02T03:04:05Z","code":"CLAIM_EXPIRED"}"#,
    );
    runvoy_snapshot!(Home::new().shown(&["claim", &token(), "--endpoint", &server.endpoint]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: this claim token expired at 2026-01-02T03:04:05Z
    hint: ask your admin for a new line; they type:  runvoy users create YOUR-ADDRESS
    ");
}

#[test]
fn a_wrong_key() {
    let server = FakeServer::saying(
        401,
        r#"{"error":"the API key is unknown","code":"INVALID_API_KEY"}"#,
    );
    runvoy_snapshot!(Home::with_server(&server.endpoint).shown(&["list"]), @r"
    exit: 77
    --- stdout
    --- stderr
    error: the API key is unknown
    hint: which key is used?   runvoy context list
          get one:             runvoy claim TOKEN --endpoint URL     (ask your admin for the line)
    ");
}

#[test]
fn an_expired_key() {
    let server = FakeServer::saying(
        401,
        r#"{"error":"the API key expired at 2026-01-02T03:04:05Z","code":"API_KEY_EXPIRED"}"#,
    );
    runvoy_snapshot!(Home::with_server(&server.endpoint).shown(&["list"]), @r"
    exit: 77
    --- stdout
    --- stderr
    error: the API key expired at 2026-01-02T03:04:05Z
    hint: get a new key:  runvoy claim TOKEN --endpoint URL     (ask your admin for the line)
    ");
}

#[test]
fn a_field_that_is_not_supported() {
    let server = FakeServer::saying(
        422,
        r#"{"error":"image is not supported here","code":"UNSUPPORTED","details":"this server runs plain processes, without containers"}"#,
    );
    runvoy_snapshot!(Home::with_server(&server.endpoint).shown(&["run", "--image", "x", "true"]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: image is not supported here
    hint: this server runs plain processes, without containers
    ");
}

#[test]
fn a_command_that_is_too_long() {
    let server = FakeServer::saying(
        413,
        r#"{"error":"the command is longer than 100 KiB","code":"PAYLOAD_TOO_LARGE","details":"put what is long into a file that the command fetches"}"#,
    );
    runvoy_snapshot!(Home::with_server(&server.endpoint).shown(&["run", "true"]), @r"
    exit: 2
    --- stdout
    --- stderr
    error: the command is longer than 100 KiB
    hint: put what is long into a file that the command fetches
    ");
}

#[test]
fn a_full_disk() {
    let server = FakeServer::saying(
        503,
        r#"{"error":"the server's disk is full; nothing was changed","code":"DATABASE_ERROR","details":"make room in the server's data directory, then try again"}"#,
    );
    let home = Home::with_server(&server.endpoint);
    runvoy_snapshot!(home.shown(&["users", "create", "a@b.c"]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: the server's disk is full; nothing was changed
    hint: make room in the server's data directory, then try again
    ");
}

#[cfg(all(unix, feature = "local"))]
mod of_a_server {
    use super::*;

    #[test]
    fn without_an_engine() {
        let home = Home::new();
        let data = home.path("data");
        let arguments = [
            "server",
            "--docker-host",
            "unix:///no/docker.sock",
            "--data-dir",
            data.to_str().unwrap(),
            "--listen",
            "127.0.0.1:0",
        ];
        runvoy_snapshot!(home.shown(&arguments), @r"
        exit: 125
        --- stdout
        --- stderr
        error: commands cannot run in containers
        caused by: no Docker Engine found: there is no /no/docker.sock

        hint: start Docker, or say where it listens with DOCKER_HOST
              or run commands as plain processes, with the server's own rights:  runvoy server --unsafe-process-launcher
        ");
    }

    #[test]
    fn a_port_in_use() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let home = Home::new();
        let data = home.path("data");
        let data = data.to_str().unwrap();
        let arguments = [
            "server",
            "--unsafe-process-launcher",
            "--data-dir",
            data,
            "--listen",
            &address,
        ];
        let shown = home.shown(&arguments);
        runvoy_snapshot!(shown, @r"
        exit: 125
        --- stdout
        --- stderr
        error: the address [SERVER] is in use; stop what uses it, or choose another with --listen
        ");
    }

    #[test]
    fn plain_http_to_a_network() {
        let arguments = [
            "server",
            "--unsafe-process-launcher",
            "--listen",
            "0.0.0.0:56212",
        ];
        runvoy_snapshot!(Home::new().shown(&arguments), @r"
        exit: 125
        --- stdout
        --- stderr
        error: 0.0.0.0:56212 can be reached from elsewhere, and API keys would travel in clear; give --tls-cert and --tls-key, or --behind-proxy where a proxy in front of it speaks TLS
        ");
    }
}
