//! Which of agents' calls goes wrong, and how.

use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use rustix::process::{Signal, getpid, kill_process};

/// Agents' calls are counted from 1, whatever they ask. Read from `NUMBER:FAULT` or `every=NUMBER:FAULT`, where the
/// fault is `kill-before`, `kill-after` or `drop-reply`; empty for none.
#[derive(Debug, Default)]
pub(crate) struct AgentFaults {
    plan: Option<(When, Fault)>,
}

#[derive(Debug, Clone, Copy)]
enum When {
    At(u64),
    Every(u64),
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The process dies before the call is looked at.
    KillBefore,
    /// The process dies when the call is done, before its reply.
    KillAfter,
    /// The call is done, and its reply lost.
    DropReply,
}

impl AgentFaults {
    /// Lets every call through `router` pass here.
    pub(crate) fn around(self, router: Router) -> Router {
        let Some((when, fault)) = self.plan else {
            return router;
        };
        let calls = Arc::new(AtomicU64::new(0));
        router.layer(from_fn(move |request: Request, next: Next| {
            let number = calls.fetch_add(1, Ordering::Relaxed) + 1;
            async move {
                if when.is_hit(number) {
                    go_wrong(fault, request, next).await
                } else {
                    next.run(request).await
                }
            }
        }))
    }
}

impl When {
    fn is_hit(self, number: u64) -> bool {
        match self {
            Self::At(at) => number == at,
            Self::Every(every) => number.is_multiple_of(every),
        }
    }
}

async fn go_wrong(fault: Fault, request: Request, next: Next) -> Response {
    match fault {
        Fault::KillBefore => kill_self().await,
        Fault::KillAfter => {
            next.run(request).await;
            kill_self().await
        }
        Fault::DropReply => {
            next.run(request).await;
            broken_off()
        }
    }
}

/// Ends the process as `kill -9` does.
async fn kill_self<T>() -> T {
    // A signal to oneself that nobody can block does not fail.
    let _sent = kill_process(getpid(), Signal::KILL);
    std::future::pending().await
}

/// A reply whose connection breaks before anything of it can be used.
fn broken_off() -> Response {
    let nothing = async { Err::<Vec<u8>, _>(io::Error::other("a planned fault")) };
    Response::new(Body::from_stream(futures_util::stream::once(nothing)))
}

impl FromStr for AgentFaults {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let (when, fault) = text
            .split_once(':')
            .context("a fault is NUMBER:FAULT or every=NUMBER:FAULT")?;
        let when = match when.strip_prefix("every=") {
            Some(number) => When::Every(number.parse()?),
            None => When::At(when.parse()?),
        };
        let fault = match fault {
            "kill-before" => Fault::KillBefore,
            "kill-after" => Fault::KillAfter,
            "drop-reply" => Fault::DropReply,
            _ => bail!("no such fault: {fault}"),
        };
        Ok(Self {
            plan: Some((when, fault)),
        })
    }
}
