//! The real application behind its two routers; only the launcher and the clock are under control.

pub(crate) mod agent;
pub(crate) mod answer;
pub(crate) mod caller;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use runvoy_app::{App, Parts, StackKey, Task, Tuning};
use runvoy_core::id::ExecutionId;
use runvoy_core::role::Role;
use runvoy_http::{Gate, agent_router, user_router};
use runvoy_ports::Store;
use runvoy_sql::SqliteStore;
use runvoy_testkit::{FaultyStore, ManualClock, ScriptedLauncher, sample};
use runvoy_wire::BASE_PATH;
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tower::ServiceExt as _;

use self::agent::Agent;
use self::answer::Answer;
use self::caller::Caller;
use crate::openapi::check::Asked;

/// A deployment of its own: an empty store in memory, and its first admin.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) launcher: Arc<ScriptedLauncher>,
    pub(crate) clock: Arc<ManualClock>,
    /// The first admin.
    pub(crate) root: Caller,
    users: Router,
    agents: Router,
    tasks: Mutex<mpsc::UnboundedReceiver<Task>>,
}

/// Readers do not look by themselves: only a wake-up tells them of news.
const POLL: Duration = Duration::from_hours(1);

impl World {
    pub(crate) async fn new() -> Self {
        Self::over(Arc::new(SqliteStore::in_memory().await.unwrap())).await
    }

    /// A deployment whose store goes wrong where the plan says so; its first commit is the first admin's.
    pub(crate) async fn faulty(plan: &str) -> Self {
        let inner = SqliteStore::in_memory().await.unwrap();
        let store = FaultyStore::new(Arc::new(inner), plan.parse().unwrap());
        Self::over(Arc::new(store)).await
    }

    async fn over(store: Arc<dyn Store>) -> Self {
        let launcher = Arc::new(ScriptedLauncher::new());
        let clock = Arc::new(ManualClock::default());
        let (tasks, moved) = mpsc::unbounded_channel();
        let app = App::new(Parts {
            store,
            launcher: launcher.clone(),
            clock: clock.clone(),
            key: StackKey::new(&[7; 32]),
            tasks,
            owner: None,
            is_owner_alive: Arc::new(|_| true),
            tuning: Tuning {
                poll: POLL,
                ..Tuning::default()
            },
        });
        let email = sample::email("root");
        let key = app.make_key().unwrap();
        let shown = key.expose().to_owned();
        app.first_admin(&email, key).await.unwrap();
        Self {
            users: user_router(app.clone(), Gate::Key),
            agents: agent_router(app.clone()),
            app,
            launcher,
            clock,
            root: Caller::new(email.as_str(), &shown),
            tasks: Mutex::new(moved),
        }
    }

    /// Moves the clock on.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Does everything that has been handed on, until nothing is left.
    pub(crate) async fn settle(&self) {
        let mut tasks = self.tasks.lock().await;
        while let Ok(task) = tasks.try_recv() {
            match task {
                Task::Drive(id) => {
                    self.app.drive(&id).await.unwrap();
                }
                Task::Advance(name) => self.app.advance(&name).await.unwrap(),
            }
        }
    }

    /// Loses everything that has been handed on, as a server does that is killed.
    pub(crate) async fn forget_tasks(&self) {
        let mut tasks = self.tasks.lock().await;
        while tasks.try_recv().is_ok() {}
    }

    /// Sends a request to the users' API as it is, and holds it and its answer against the description.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (asked, request) = Asked::read(request).await;
        let answer = Answer::of(self.users.clone().oneshot(request).await.unwrap()).await;
        asked.check(&answer);
        answer
    }

    /// Sends a request to the agents' API as it is.
    pub(crate) async fn send_as_agent(&self, request: Request<Body>) -> Answer {
        Answer::of(self.agents.clone().oneshot(request).await.unwrap()).await
    }

    /// A request below the base path, with a body where it is not null.
    pub(crate) async fn call(
        &self,
        caller: &Caller,
        method: Method,
        path: &str,
        body: Value,
    ) -> Answer {
        self.send(caller.request(method, path, &body)).await
    }

    pub(crate) async fn get(&self, caller: &Caller, path: &str) -> Answer {
        self.call(caller, Method::GET, path, Value::Null).await
    }

    pub(crate) async fn post(&self, caller: &Caller, path: &str, body: Value) -> Answer {
        self.call(caller, Method::POST, path, body).await
    }

    pub(crate) async fn delete(&self, caller: &Caller, path: &str, body: Value) -> Answer {
        self.call(caller, Method::DELETE, path, body).await
    }

    /// Sends each request, such as `("POST /run", body)`, and tells what was answered, for a snapshot.
    pub(crate) async fn transcript(&self, caller: &Caller, requests: &[(&str, &str)]) -> String {
        let mut told = String::new();
        for (line, body) in requests {
            let (method, path) = line.split_once(' ').unwrap();
            let address = format!("{BASE_PATH}{path}");
            let method = method.parse().unwrap();
            let answer = self.send(caller.raw(method, &address, body.to_string()));
            told += format!("{line} {body}").trim_end();
            writeln!(told, "\n  {}", answer.await.shown()).unwrap();
        }
        told
    }

    /// A new person of this role, with a key.
    pub(crate) async fn user(&self, name: &str, role: Role) -> Caller {
        let email = sample::email(name);
        let new = json!({"email": email.as_str(), "role": role.as_str(), "show_key": true});
        let answer = self.post(&self.root, "/users/create", new).await;
        answer.assert_status(201);
        Caller::new(email.as_str(), answer.text("api_key"))
    }

    /// Submits an execution that must be accepted.
    pub(crate) async fn submit(&self, caller: &Caller, body: Value) -> ExecutionId {
        let answer = self.post(caller, "/run", body).await;
        answer.assert_status(202);
        answer.text("execution_id").parse().unwrap()
    }

    /// Launches an execution and starts its agent.
    pub(crate) async fn start(&self, id: &ExecutionId) -> Agent<'_> {
        self.settle().await;
        let mut agent = Agent::launched(self, id);
        agent.start().await.assert_status(200);
        agent
    }

    /// Submits an execution and starts its agent.
    pub(crate) async fn run(&self, caller: &Caller, body: Value) -> Agent<'_> {
        let id = self.submit(caller, body).await;
        self.start(&id).await
    }

    /// What the API says of an execution now.
    pub(crate) async fn execution(&self, id: &ExecutionId) -> Answer {
        let answer = self.get(&self.root, &format!("/executions/{id}")).await;
        answer.assert_status(200);
        answer
    }

    pub(crate) async fn status(&self, id: &ExecutionId) -> String {
        self.execution(id).await.text("status").to_owned()
    }

    /// Actions of the audit trail about an execution, oldest first.
    pub(crate) async fn audited(&self, id: &ExecutionId) -> Vec<String> {
        let path = format!("/audit?limit=1000&execution={id}");
        let answer = self.get(&self.root, &path).await;
        answer.assert_status(200);
        let entries = answer.json.as_array().unwrap().iter().rev();
        entries
            .map(|entry| entry["action"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The shortest body of `POST /run`.
pub(crate) fn hello() -> Value {
    json!({"command": "echo hello world"})
}

/// The same, under a lock.
pub(crate) fn locked(name: &str) -> Value {
    json!({"command": "echo hello world", "lock": name})
}
