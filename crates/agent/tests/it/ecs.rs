//! What the agent does for Fargate: it installs itself, and names its task.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::agent::{Stage, script};

const ARN: &str = "arn:aws:ecs:us-east-1:123456789012:task/runvoy/0123456789abcdef";

fn install(dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runvoy-agent"));
    command
        .env_clear()
        .arg("install")
        .arg(dir)
        .output()
        .unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn it_installs_itself_however_often() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("volume");
    for _ in 0..2 {
        let output = install(&target);
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout.is_empty() && output.stderr.is_empty());
    }
    let agent = target.join("agent");
    assert_eq!((mode(&agent), mode(&target.join("work"))), (0o755, 0o1777));
    let version = Command::new(&agent).arg("--version").output().unwrap();
    assert!(version.stdout.starts_with(b"runvoy-agent "));
    let names = std::fs::read_dir(&target)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["agent", "work"]);
}

#[test]
fn what_was_half_installed_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("agent"), "half").unwrap();
    std::fs::create_dir(dir.path().join("work")).unwrap();
    assert!(install(dir.path()).status.success());
    assert_eq!(mode(&dir.path().join("agent")), 0o755);
    assert!(std::fs::metadata(dir.path().join("agent")).unwrap().len() > 100_000);
    assert_eq!(mode(&dir.path().join("work")), 0o1777);
}

#[test]
fn where_it_cannot_install_it_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = install(&file.join("below"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "runvoy-agent: cannot make {}: ",
        file.join("below").display()
    );
    assert!(stderr.starts_with(&expected), "{stderr}");

    let blocked = dir.path().join("blocked");
    std::fs::create_dir(&blocked).unwrap();
    std::fs::write(blocked.join("work"), "a file").unwrap();
    let stderr = String::from_utf8(install(&blocked).stderr).unwrap();
    assert!(
        stderr.contains("cannot make") && stderr.contains("work"),
        "{stderr}"
    );
}

#[test]
fn on_ecs_it_names_its_task() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/v4/container", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = connection.read(&mut request).unwrap();
        let body = format!(r#"{{"Cluster":"runvoy","TaskARN":"{ARN}"}}"#);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        connection
            .write_all(format!("{head}{body}").as_bytes())
            .unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let mut stage = Stage::new(script("echo $ECS_CONTAINER_METADATA_URI_V4"));
    let variable = "ECS_CONTAINER_METADATA_URI_V4".to_owned();
    stage.variables.insert(variable, uri.clone());
    // A proxy is for the way out, not for the task's own network.
    stage
        .variables
        .insert("HTTP_PROXY".to_owned(), "http://127.0.0.1:1".to_owned());
    let run = stage.run();
    assert_eq!(run.code(), 0);
    assert_eq!(run.stage.plane.state().starts[0].place.as_str(), ARN);
    assert_eq!(run.stdout(), format!("{uri}\n"));
    assert!(
        server
            .join()
            .unwrap()
            .starts_with("GET /v4/container/task HTTP/1.0\r\n")
    );
}
