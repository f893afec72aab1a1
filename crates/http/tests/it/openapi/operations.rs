//! What each route takes and answers.

use runvoy_wire::audit::AuditView;
use runvoy_wire::execution::{ExecutionView, HealthView, KillResponse, RunRequest, RunResponse};
use runvoy_wire::lock::{LockView, ReleaseRequest, ReleaseResponse};
use runvoy_wire::log::LogsView;
use runvoy_wire::user::{
    ClaimRequest, ClaimResponse, CreateUserRequest, CreateUserResponse, RevokeRequest,
    RevokeResponse, RoleRequest, RotateRequest, RotateResponse, UserView, UsersView, WhoAmIView,
};
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::parameters;

/// Makes the schema of one type.
pub(super) type Of = fn(&mut SchemaGenerator) -> Schema;

/// A body: what it is, and whether a request may come without it.
pub(super) struct Body {
    pub(super) schema: Of,
    pub(super) is_required: bool,
}

/// What a success answers.
pub(super) enum Answer {
    /// What is sent, always with the same fields.
    Exact(Of),
    /// What is sent may lack fields that readers have a default for.
    Lenient(Of),
    /// Any object.
    Object,
    /// No body.
    Empty,
}

/// A route, in the words of the description.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<(u16, &'static str, Answer)>,
    pub(super) headers: &'static [&'static str],
    pub(super) refusals: &'static [u16],
    pub(super) is_public: bool,
    pub(super) is_deprecated: bool,
}

impl Operation {
    fn new(
        route: (&'static str, &'static str),
        (tag, id): (&'static str, &'static str),
        summary: &'static str,
    ) -> Self {
        Self {
            method: route.0,
            path: route.1,
            id,
            tag,
            summary,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            headers: &[],
            refusals: &[],
            is_public: false,
            is_deprecated: false,
        }
    }

    fn query(mut self, parameters: Vec<Value>) -> Self {
        self.parameters = parameters;
        self
    }

    fn takes(mut self, schema: Of) -> Self {
        self.body = Some(Body {
            schema,
            is_required: true,
        });
        self
    }

    fn may_take(mut self, schema: Of) -> Self {
        self.body = Some(Body {
            schema,
            is_required: false,
        });
        self
    }

    fn answers(mut self, status: u16, what: &'static str, answer: Answer) -> Self {
        self.answers.push((status, what, answer));
        self
    }

    fn refuses(mut self, statuses: &'static [u16]) -> Self {
        self.refusals = statuses;
        self
    }

    fn public(mut self) -> Self {
        self.is_public = true;
        self
    }
}

/// The schema of `T`.
fn of<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn exact<T: schemars::JsonSchema>() -> Answer {
    Answer::Exact(of::<T>)
}

/// Every route of the users' API.
pub(super) fn all() -> Vec<Operation> {
    let mut all = about_the_server();
    all.extend(executions());
    all.extend(locks());
    all.extend(people());
    all.extend(keys());
    all
}

fn about_the_server() -> Vec<Operation> {
    let document = Operation {
        headers: &["ETag", "Cache-Control"],
        ..Operation::new(
            ("GET", "/openapi.json"),
            ("server", "describe"),
            "This description.",
        )
    };
    vec![
        Operation::new(
            ("GET", "/health"),
            ("server", "health"),
            "Whether the server is well.",
        )
        .answers(200, "It is.", exact::<HealthView>())
        .refuses(&[429, 500])
        .public(),
        document
            .query(vec![parameters::if_none_match()])
            .answers(200, "An OpenAPI document.", Answer::Object)
            .answers(304, "The caller has it already.", Answer::Empty)
            .refuses(&[429, 500])
            .public(),
        Operation {
            headers: &["Link"],
            ..Operation::new(
                ("GET", "/audit"),
                ("audit", "listAudit"),
                "The audit trail, newest first.",
            )
        }
        .query(parameters::of_audit())
        .answers(200, "A page of it.", exact::<Vec<AuditView>>())
        .refuses(&[400, 401, 403, 429, 500, 503]),
    ]
}

fn executions() -> Vec<Operation> {
    let tag = "executions";
    let show = |path, id| {
        Operation::new(("GET", path), (tag, id), "One execution.")
            .answers(200, "The execution.", exact::<ExecutionView>())
            .refuses(&[400, 401, 404, 429, 500, 503])
    };
    let kill = |method, path, id| {
        Operation::new((method, path), (tag, id), "Stops an execution.")
            .answers(
                200,
                "It is being stopped, or never ran.",
                exact::<KillResponse>(),
            )
            .answers(204, "It was over already.", Answer::Empty)
            .refuses(&[400, 401, 403, 404, 409, 429, 500, 503])
    };
    let list = Operation {
        headers: &["Link"],
        ..Operation::new(
            ("GET", "/executions"),
            (tag, "listExecutions"),
            "Executions, newest first.",
        )
    };
    vec![
        Operation::new(("POST", "/run"), (tag, "run"), "Runs a command.")
            .query(vec![parameters::idempotency_key()])
            .takes(of::<RunRequest>)
            .answers(202, "It was accepted, and may wait for its lock.", exact::<RunResponse>())
            .refuses(&[400, 401, 403, 409, 413, 422, 429, 500, 503]),
        list.query(parameters::of_executions())
            .answers(200, "A page of them.", exact::<Vec<ExecutionView>>())
            .refuses(&[400, 401, 403, 404, 429, 500, 503]),
        show("/executions/{id}", "getExecution"),
        show("/executions/{id}/status", "getExecutionStatus"),
        kill("DELETE", "/executions/{id}", "deleteExecution"),
        kill("POST", "/executions/{id}/kill", "killExecution"),
        Operation::new(
            ("GET", "/executions/{id}/logs"),
            ("logs", "getLogs"),
            "What an execution wrote: a page of entries; without any parameter the whole log of a run that is over, lines joined.",
        )
        .query(parameters::of_logs())
        .answers(200, "Entries, and where to go on.", Answer::Lenient(of::<LogsView>))
        .refuses(&[400, 401, 404, 429, 500, 503]),
    ]
}

fn locks() -> Vec<Operation> {
    let tag = "locks";
    vec![
        Operation::new(
            ("GET", "/locks"),
            (tag, "listLocks"),
            "Every lock that is held.",
        )
        .answers(200, "The locks.", exact::<Vec<LockView>>())
        .refuses(&[401, 429, 500, 503]),
        Operation::new(
            ("GET", "/locks/{name}"),
            (tag, "getLock"),
            "One lock, with its line.",
        )
        .answers(200, "The lock.", exact::<LockView>())
        .refuses(&[400, 401, 404, 429, 500, 503]),
        Operation::new(
            ("DELETE", "/locks/{name}"),
            (tag, "releaseLock"),
            "Takes a lock from its holder.",
        )
        .may_take(of::<ReleaseRequest>)
        .answers(200, "It was taken.", exact::<ReleaseResponse>())
        .refuses(&[400, 401, 403, 404, 409, 413, 429, 500, 503]),
    ]
}

fn people() -> Vec<Operation> {
    let tag = "people";
    vec![
        Operation::new(
            ("GET", "/users"),
            (tag, "listUsers"),
            "Everybody, by address.",
        )
        .answers(200, "Everybody.", exact::<UsersView>())
        .refuses(&[401, 403, 429, 500, 503]),
        Operation::new(
            ("POST", "/users/create"),
            (tag, "createUser"),
            "Invites somebody.",
        )
        .takes(of::<CreateUserRequest>)
        .answers(
            201,
            "They exist; a token to claim a key, or the key.",
            exact::<CreateUserResponse>(),
        )
        .refuses(&[400, 401, 403, 409, 413, 429, 500, 503]),
        Operation::new(
            ("POST", "/users/revoke"),
            (tag, "revokeUser"),
            "Takes all of somebody's keys away.",
        )
        .takes(of::<RevokeRequest>)
        .answers(200, "Access has ended.", exact::<RevokeResponse>())
        .refuses(&[400, 401, 403, 404, 409, 413, 429, 500, 503]),
        Operation::new(
            ("POST", "/users/role"),
            (tag, "setRole"),
            "Changes what somebody may do.",
        )
        .takes(of::<RoleRequest>)
        .answers(200, "The person.", exact::<UserView>())
        .refuses(&[400, 401, 403, 404, 409, 413, 429, 500, 503]),
        Operation::new(("GET", "/whoami"), (tag, "whoAmI"), "Whose key is used.")
            .answers(200, "The caller.", exact::<WhoAmIView>())
            .refuses(&[401, 429, 500, 503]),
    ]
}

fn keys() -> Vec<Operation> {
    let tag = "people";
    let by_get = Operation {
        is_deprecated: true,
        ..Operation::new(
            ("GET", "/claim/{token}"),
            (tag, "claimByGet"),
            "Exchanges a claim token for a key that the server makes: for the v0.5 client. Refused without `Content-Type: application/json`.",
        )
    };
    vec![
        Operation::new(
            ("POST", "/users/rotate"),
            (tag, "rotateKey"),
            "Registers a further key; the older ones end. Everybody may for themselves, an admin for anybody.",
        )
        .may_take(of::<RotateRequest>)
        .answers(200, "The new key works.", exact::<RotateResponse>())
        .refuses(&[400, 401, 403, 404, 409, 413, 429, 500, 503]),
        Operation::new(("POST", "/claim/{token}"), (tag, "claim"), "Exchanges a claim token for a key.")
            .may_take(of::<ClaimRequest>)
            .answers(200, "The key works.", exact::<ClaimResponse>())
            .refuses(&[400, 403, 404, 409, 413, 429, 500, 503])
            .public(),
        by_get
            .answers(200, "The key works.", exact::<ClaimResponse>())
            .refuses(&[400, 403, 404, 409, 429, 500, 503])
            .public(),
    ]
}
