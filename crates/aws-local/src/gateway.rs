//! The one address of the local AWS: tells services and callers apart, records calls, spoils some, hands on the rest.

pub(crate) mod failure;
mod log;
mod parse;
mod permission;
mod route;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use http::Response;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use log::{CallLog, Mark, Recorded};
pub use permission::{ACCOUNT, Permission};
pub use route::{Answer, Handler, Routes, forward, handler};

use crate::call::{Call, Reply, json_error};
use crate::faults::{Fault, Faults};
use wire::{Cut, WireListener};

/// The largest body that is taken: an object of S3.
const MAX_BODY: usize = 256 * 1024 * 1024;

/// Kills the caller with the access key.
pub type Crash = Arc<dyn Fn(&str) + Send + Sync>;

/// Refuses calls, by their needs, before any engine hears of them.
pub type Guard = Arc<dyn Fn(&Call, &[Permission]) -> Option<Reply> + Send + Sync>;

/// A gateway that has its address and does not answer yet: connections wait.
#[derive(Debug)]
pub struct BoundGateway {
    listener: TcpListener,
    endpoint: String,
}

impl BoundGateway {
    /// What `AWS_ENDPOINT_URL` is to be.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Begins to answer. `crash` kills a caller where the faults say so.
    pub fn serve(self, routes: Routes, guard: Guard, crash: Crash) -> Gateway {
        let tracker = TaskTracker::new();
        let shared = Arc::new(Shared {
            routes,
            guard,
            crash,
            faults: Faults::default(),
            calls: CallLog::default(),
            tracker: tracker.clone(),
        });
        let app = Router::new()
            .fallback(receive)
            .with_state(Arc::clone(&shared));
        let service = app.into_make_service_with_connect_info::<Cut>();
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tracker.spawn(async move {
            tokio::select! {
                () = stopped => {}
                ended = async { axum::serve(WireListener(self.listener), service).await } => {
                    tracing::error!(?ended, "the gateway ended");
                }
            }
        });
        Gateway {
            shared,
            endpoint: self.endpoint,
            stop,
        }
    }
}

/// The gateway; it ends when dropped.
pub struct Gateway {
    shared: Arc<Shared>,
    endpoint: String,
    stop: CancellationToken,
}

struct Shared {
    routes: Routes,
    guard: Guard,
    crash: Crash,
    faults: Faults,
    calls: CallLog,
    tracker: TaskTracker,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gateway({})", self.endpoint)
    }
}

impl Gateway {
    /// Takes a free port of the loopback interface.
    pub async fn bind() -> anyhow::Result<BoundGateway> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("cannot listen")?;
        let endpoint = format!("http://{}", listener.local_addr().context("no address")?);
        Ok(BoundGateway { listener, endpoint })
    }

    /// What `AWS_ENDPOINT_URL` is to be.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Which calls go wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// What was called.
    pub fn calls(&self) -> &CallLog {
        &self.shared.calls
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return json_error(
            413,
            "RequestEntityTooLarge",
            "The body is too large, or did not arrive.",
        )
        .map(Body::from);
    };
    let call = parse::call(parts, body);
    // What was asked for is done, whether or not the caller lives to see the answer.
    let tracker = shared.tracker.clone();
    let answer = tracker
        .spawn(async move { shared.answer(call).await })
        .await;
    if let Ok(Some(reply)) = answer {
        return reply.map(Body::from);
    }
    cut.now();
    Response::new(Body::empty())
}

impl Shared {
    /// The reply, or none where the connection is to break.
    async fn answer(&self, call: Call) -> Option<Reply> {
        let operation = permission::operation(&call);
        let needs = permission::needs(&call, &operation);
        let fault = self.faults.next(&call.caller, &call.service, &operation);
        let denial = (self.guard)(&call, &needs);
        let number = self.calls.begin(&call, operation, needs, fault.clone());
        let reply = match denial {
            Some(denial) => Some(denial),
            None => self.spoiled(call, fault).await,
        };
        self.calls
            .end(number, reply.as_ref().map(|reply| reply.status().as_u16()));
        reply
    }

    async fn spoiled(&self, call: Call, fault: Option<Fault>) -> Option<Reply> {
        match fault {
            None => Some(self.routes.answer(call).await),
            Some(Fault::Refuse(code)) => {
                Some(failure::failure(&call, &code, "Refused by the fault plan."))
            }
            Some(Fault::Throttle) => {
                let code = failure::throttling_code(&call.service);
                Some(failure::failure(&call, code, "Rate exceeded"))
            }
            Some(Fault::DelayMs(millis)) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Some(self.routes.answer(call).await)
            }
            Some(Fault::DropReply) => {
                drop(self.routes.answer(call).await);
                None
            }
            Some(Fault::KillBefore) => {
                (self.crash)(&call.caller);
                None
            }
            Some(Fault::KillAfter) => {
                let caller = call.caller.clone();
                drop(self.routes.answer(call).await);
                (self.crash)(&caller);
                None
            }
        }
    }
}
