//! A real server with small limits.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use runvoy_core::key::ApiKey;

use crate::home::Home;

/// A server process; it dies with the test.
struct Server {
    process: Child,
    address: String,
    key: String,
    home: Home,
}

impl Server {
    fn with(limits: &[&str]) -> Self {
        let home = Home::new();
        let data = home.path("data");
        let mut command = home.command(&["server", "--unsafe-process-launcher"]);
        command
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .args(limits)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let mut lines = out.lines().map(Result::unwrap);
        let address = lines
            .find_map(|line| Some(line.split_once(" listens on http://")?.1.to_owned()))
            .unwrap();
        let key = fs::read_to_string(data.join("admin.key")).unwrap();
        Self {
            process,
            address,
            key: key.trim_end().to_owned(),
            home,
        }
    }

    /// Exit code, stdout and stderr of a command of the admin's.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = self.home.command(arguments);
        command
            .env("RUNVOY_ENDPOINT", format!("http://{}", self.address))
            .env("RUNVOY_API_KEY", &self.key);
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        (code, text(output.stdout), text(output.stderr))
    }

    fn detached(&self) -> String {
        let (code, id, complaints) = self.run(&["run", "-d", "sleep 30"]);
        assert_eq!(code, 0, "{complaints}");
        id.trim_end().to_owned()
    }

    /// The status of an answer to who shows this key, as if forwarded for `client`.
    fn whoami(&self, key: &str, client: u32) -> u16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET /api/v1/whoami HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\nx-forwarded-for: 10.0.0.{client}\r\n\
             connection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A process that has ended already needs no more.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[test]
fn no_more_runs_than_the_limit_and_again_when_one_has_ended() {
    let server = Server::with(&["--max-runs-per-user", "2"]);
    let runs = [server.detached(), server.detached()];
    let (code, out, complaints) = server.run(&["run", "true"]);
    assert_eq!((code, out.as_str()), (75, ""));
    assert!(
        complaints.contains("your limit of 2 executions"),
        "{complaints}"
    );
    assert_eq!(server.run(&["kill", "--wait", &runs[0]]).0, 0);
    assert_eq!(server.run(&["run", "-q", "echo in"]).1, "in\n");
    assert_eq!(server.run(&["kill", "--wait", &runs[1]]).0, 0);
}

#[test]
fn made_up_keys_hinder_their_address_but_not_the_key_that_works() {
    let server = Server::with(&["--rate-per-address", "20"]);
    assert_eq!(server.whoami(&server.key, 0), 200);
    let mut statuses = Vec::new();
    for number in 0..100 {
        let key = ApiKey::from_random([number; 20]);
        statuses.push(server.whoami(key.expose(), u32::from(number)));
    }
    let looked_up = statuses.iter().filter(|status| **status == 401).count();
    // Four at once, and two more for every five seconds that this takes.
    assert!((4..20).contains(&looked_up), "{statuses:?}");
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        100 - looked_up
    );
    for _ in 0..50 {
        assert_eq!(server.whoami(&server.key, 0), 200);
    }
    assert_eq!(server.run(&["whoami"]).0, 0);
}

#[test]
fn an_old_key_says_when_it_ends() {
    let server = Server::with(&[]);
    let (code, _, complaints) = server.run(&["users", "rotate", "--overlap", "100h"]);
    assert_eq!(code, 0, "{complaints}");
    let (code, _, said) = server.run(&["run", "true"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        said.matches("warning: your API key ends in 4 days").count(),
        1,
        "{said}"
    );
}
