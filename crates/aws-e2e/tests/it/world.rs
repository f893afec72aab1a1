//! Local AWS accounts with runvoy deployed on them, shared by the tests of this program.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runvoy_aws_local::{Delays, EventMode, LocalAws, Options};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::programs;
use crate::shell::Person;

/// The rule that ticks every minute.
const TICKING: &str = "runvoy-reconcile";

/// Where the output of tasks goes.
const LOG_GROUP: &str = "/runvoy/runvoy/tasks";
/// What tells the engine behind CloudWatch which service is meant; nobody checks the signature.
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=none";
/// Longer than anybody waits for the last lines of a task that has stopped.
const LONG_AGO: Duration = Duration::from_mins(5);

/// The account, a deployment in it, and its admin.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) aws: LocalAws,
    pub(crate) admin: Person,
    pub(crate) artifacts: TempDir,
}

/// The engines live here, longer than any one test.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

impl World {
    /// An empty account and somebody with its credentials.
    pub(crate) fn empty() -> Self {
        let programs = programs::deployed();
        let aws = RUNTIME
            .block_on(LocalAws::start(Options::new(programs.agent.clone())))
            .unwrap();
        // As on a machine that does much else.
        aws.lambdas()
            .adjust(|settings| settings.init_timeout = Duration::from_mins(1));
        let artifacts = TempDir::new().unwrap();
        programs.write_artifacts(artifacts.path()).unwrap();
        Self {
            admin: Person::with_aws(aws.endpoint()),
            aws,
            artifacts,
        }
    }

    /// An account with a deployment.
    pub(crate) fn deployed() -> Self {
        let world = Self::empty();
        let artifacts = world.artifacts.path().display().to_string();
        world.admin.must(&[
            "infra",
            "apply",
            "--yes",
            "--artifacts",
            &artifacts,
            "--admin-email",
            "admin@example.com",
        ]);
        world
    }

    /// The deployment that tests share which do not disturb each other.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<World> = LazyLock::new(World::deployed);
        &SHARED
    }

    /// The deployment of tests that disturb others: one after the other. What a test disturbs ends with it.
    /// What ECS tells there is old news: lines that are not in CloudWatch by then will not come any more.
    pub(crate) fn disturbed() -> Disturbed {
        static DISTURBED: LazyLock<World> = LazyLock::new(|| {
            let world = World::deployed();
            world.aws.ecs().clock().put_back(LONG_AGO);
            world
        });
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Disturbed {
            world: &DISTURBED,
            _turn: turn,
        }
    }

    /// The address of the users' API, without a slash at its end.
    pub(crate) fn endpoint(&self) -> String {
        let url = self.aws.lambdas().url("runvoy-api").unwrap();
        url.trim_end_matches('/').to_owned()
    }

    /// Somebody new with this role, who has a key.
    pub(crate) fn person(&self, email: &str, role: &str) -> Person {
        let line = ["users", "create", email, "--role", role, "--show-key"];
        self.holder_of(self.admin.must(&line).trim_end())
    }

    /// Somebody who has this key.
    pub(crate) fn holder_of(&self, key: &str) -> Person {
        let person = Person::new().with("RUNVOY_API_KEY", key);
        person.with("RUNVOY_ENDPOINT", &self.endpoint())
    }

    /// The tasks that ECS was asked for on behalf of a run, as it describes them.
    pub(crate) fn tasks_of(&self, id: &str) -> Vec<Value> {
        let mut tasks = self.aws.ecs().tasks();
        tasks.retain(|task| {
            task["startedBy"]
                .as_str()
                .unwrap_or_default()
                .starts_with(id)
        });
        tasks
    }

    /// Lets the tick of every minute come now.
    pub(crate) fn tick(&self) {
        assert!(self.aws.events().tick_now(TICKING), "nothing ticks");
    }

    /// Asks the users' API as no command line would; answers status and body.
    pub(crate) fn send(&self, line: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
        send(&self.endpoint(), line, headers, body)
    }

    /// Asks DynamoDB, past everything that goes wrong; answers status and body.
    pub(crate) fn dynamodb(&self, action: &str, body: &Value) -> (u16, Value) {
        let target = format!("DynamoDB_20120810.{action}");
        let signature = SIGNATURE.replace("/logs/", "/dynamodb/");
        let headers = [
            ("authorization", signature.as_str()),
            ("x-amz-target", target.as_str()),
        ];
        send(self.aws.dynamodb().endpoint(), "POST /", &headers, body)
    }

    /// What CloudWatch has of a run's first task.
    pub(crate) fn cloudwatch(&self, id: &str) -> Vec<String> {
        let arn = self.tasks_of(id)[0]["taskArn"].to_string();
        let task = arn.trim_matches('"').rsplit('/').next().unwrap().to_owned();
        let headers = [
            ("authorization", SIGNATURE),
            ("x-amz-target", "Logs_20140328.GetLogEvents"),
        ];
        let stream = format!("run/main/{task}");
        let body =
            json!({ "logGroupName": LOG_GROUP, "logStreamName": stream, "startFromHead": true });
        let (_, answer) = send(self.aws.moto().endpoint(), "POST /", &headers, &body);
        let events = answer["events"].as_array().cloned().unwrap_or_default();
        let messages = events.iter().filter_map(|event| event["message"].as_str());
        messages.map(str::to_owned).collect()
    }
}

/// Sends a request as it stands.
fn send(endpoint: &str, line: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
    let host = endpoint.strip_prefix("http://").unwrap();
    let body = body.to_string();
    let own = [
        ("host", host),
        ("connection", "close"),
        ("content-type", "application/json"),
        ("content-length", &body.len().to_string()),
    ];
    let headers = own.iter().chain(headers);
    let headers: Vec<String> = headers
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "{line} HTTP/1.1\r\n{}\r\n{body}", headers.concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// A world in which one test at a time may change how AWS behaves.
#[derive(Debug)]
pub(crate) struct Disturbed {
    world: &'static World,
    _turn: MutexGuard<'static, ()>,
}

impl std::ops::Deref for Disturbed {
    type Target = World;

    fn deref(&self) -> &World {
        self.world
    }
}

impl Drop for Disturbed {
    fn drop(&mut self) {
        self.world.aws.faults().clear();
        self.world.aws.ecs().set_events(EventMode::InOrder);
        let calm = Delays::default();
        self.world.aws.ecs().set_delays(|delays| *delays = calm);
    }
}
