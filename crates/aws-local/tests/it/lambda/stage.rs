//! A host with the echo function, and what tests look at.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use runvoy_aws_local::lambda::{Function, InvokeError, Lambdas};
use runvoy_testkit::eventually;
use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The echo function, as it would be deployed.
pub(crate) fn echo(name: &str) -> Function {
    static ZIP: LazyLock<Bytes> = LazyLock::new(zip);
    Function {
        name: name.to_owned(),
        zip: ZIP.clone(),
        environment: BTreeMap::new(),
        timeout: PATIENCE,
        memory_mb: 256,
        access_key_id: "AKIALOCALAPI".to_owned(),
    }
}

/// The zip holds a script that becomes the echo function: unpacking the whole binary takes longer than most tests.
fn zip() -> Bytes {
    let script = format!(
        "#!/bin/sh\nunset PWD\nexec '{}'\n",
        env!("CARGO_BIN_EXE_echo-function")
    );
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    writer
        .start_file("bootstrap", options.unix_permissions(0o755))
        .unwrap();
    writer.write_all(script.as_bytes()).unwrap();
    Bytes::from(writer.finish().unwrap().into_inner())
}

/// A host with one echo function named `f`.
pub(crate) async fn host() -> Lambdas {
    let lambdas = Lambdas::new("http://127.0.0.1:9".to_owned());
    lambdas.put_function(echo("f")).await.unwrap();
    lambdas
}

/// Invokes `f` and reads its JSON answer.
pub(crate) async fn invoke(lambdas: &Lambdas, event: &Value) -> Value {
    let answer = lambdas.invoke("f", payload(event)).await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

/// Invokes `f` and reads its error document.
pub(crate) async fn fail(lambdas: &Lambdas, event: &Value) -> Value {
    match lambdas.invoke("f", payload(event)).await {
        Err(InvokeError::Failed(document)) => serde_json::from_slice(&document).unwrap(),
        other => panic!("the function should have failed, but: {other:?}"),
    }
}

pub(crate) fn payload(event: &Value) -> Bytes {
    Bytes::from(event.to_string())
}

/// Waits until so many invocations wait in this directory; their processes.
pub(crate) async fn started(directory: &Path, count: usize) -> Vec<u64> {
    eventually(PATIENCE, || async {
        let entries = std::fs::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let pids: Vec<_> = names
            .filter_map(|name| name.strip_prefix("started-")?.parse().ok())
            .collect();
        (pids.len() == count).then_some(pids)
    })
    .await
}

/// Waits until a process is in this state: `T` stopped, `S` sleeping.
pub(crate) async fn until_state(pid: u64, wanted: char) {
    eventually(PATIENCE, || async move {
        (state(pid) == Some(wanted)).then_some(())
    })
    .await;
}

/// Waits until a process is no more.
pub(crate) async fn until_gone(pid: u64) {
    eventually(
        PATIENCE,
        || async move { state(pid).is_none().then_some(()) },
    )
    .await;
}

fn state(pid: u64) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.chars().next().filter(|state| *state != 'Z')
}
