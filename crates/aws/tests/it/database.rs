//! DynamoDB Local: one process for all tests of a run, tables of its own for each test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region};
use runvoy_aws::DynamoStore;
use runvoy_testkit::eventually;
use tokio::sync::OnceCell;

use crate::schema;

const MAIN: &str = "software.amazon.dynamodb.services.local.main.ServerRunner";

/// Ends the server with the tests, however they end: their end of the pipe closes.
const WATCHDOG: &str = r#""$@" & server=$!; cat; kill "$server""#;

struct Server {
    endpoint: String,
    _watchdog: Child,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();

#[expect(
    clippy::disallowed_methods,
    reason = "where the tools are is the developer's affair"
)]
fn tools() -> PathBuf {
    let default = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../target/tools/dynamodb-local"
    );
    let directory = std::env::var_os("RUNVOY_DYNAMODB_LOCAL").unwrap_or_else(|| default.into());
    let directory = PathBuf::from(directory);
    assert!(
        directory.is_dir(),
        "DynamoDB Local is not in {}: run `cargo xtask aws install`, or set RUNVOY_DYNAMODB_LOCAL",
        directory.display()
    );
    directory
}

async fn start() -> Server {
    let tools = tools();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let watchdog = Command::new("sh")
        .args(["-c", WATCHDOG, "dynamodb-local", "java", "-XX:+UseSerialGC"])
        .arg(format!("-Djava.library.path={}", tools.display()))
        .arg("-cp")
        .arg(tools.join("*"))
        .args([MAIN, "-inMemory", "-disableTelemetry", "-port"])
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let endpoint = format!("http://127.0.0.1:{port}");
    let client = Client::from_conf(config(&endpoint).build());
    eventually(Duration::from_mins(1), || async {
        client.list_tables().send().await.ok()
    })
    .await;
    Server {
        endpoint,
        _watchdog: watchdog,
    }
}

/// How clients of the tests are made.
pub(crate) fn config(endpoint: &str) -> Builder {
    Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new(
            "AKIALOCALTEST",
            "secret",
            None,
            None,
            "tests",
        ))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
}

/// A project's tables, new and empty.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) endpoint: &'static str,
    pub(crate) client: Client,
    pub(crate) project: String,
}

impl Database {
    /// Time to live is left off: samples live in the past, and would be gone at once.
    pub(crate) async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let endpoint = SERVER.get_or_init(start).await.endpoint.as_str();
        let project = format!("p{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let client = Client::from_conf(config(endpoint).build());
        schema::create_tables(&client, &project).await;
        Self {
            endpoint,
            client,
            project,
        }
    }

    pub(crate) fn store(&self) -> DynamoStore {
        DynamoStore::new(self.client.clone(), &self.project)
    }

    /// The full name of a table.
    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}-{name}", self.project)
    }
}
