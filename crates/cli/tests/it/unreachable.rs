//! Servers that are away, slow, or something else.

use std::net::TcpListener;

use crate::fake_server::FakeServer;
use crate::home::{Home, runvoy_snapshot};

#[test]
fn nobody_listens() {
    // Bound and closed again: a port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let home = Home::with_server(&format!("http://{address}"));
    runvoy_snapshot!(home.shown(&["list"]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: http://[SERVER] cannot be reached
    caused by: Connection refused (os error 111)

    hint: is it running, and can it be reached from here?  runvoy health
          is the endpoint right?                           runvoy context list
    ");
    assert_eq!(home.run(&["run", "true"]).status.code(), Some(125));
}

#[test]
fn a_server_that_never_answers_is_waited_for_as_long_as_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::with_server(&format!("http://{}", listener.local_addr().unwrap()));
    runvoy_snapshot!(home.shown(&["--timeout", "300ms", "health"]), @r"
    exit: 124
    --- stdout
    --- stderr
    error: gave up waiting after 300ms
    hint: nothing was stopped; wait longer with --timeout DURATION
    ");
}

#[test]
fn another_kind_of_server() {
    let server = FakeServer::saying(404, "<html><h1>Not found</h1></html>");
    runvoy_snapshot!(Home::with_server(&server.endpoint).shown(&["whoami"]), @r"
    exit: 125
    --- stdout
    --- stderr
    error: the answer (HTTP 404) is not runvoy's: <html><h1>Not found</h1></html>
    hint: is the endpoint right?  runvoy context list
    ");
}

#[test]
fn the_version_is_known_without_a_server() {
    runvoy_snapshot!(Home::new().shown(&["version"]), @r"
    exit: 0
    --- stdout
    runvoy:            [VERSION]
    Backend:           none configured
    --- stderr
    ");
}
