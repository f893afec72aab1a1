//! Lambda on one machine: functions are native processes under a runtime API of their own, frozen between invocations,
//! killed at their deadline, retried and thrown away as Lambda does it.

mod archive;
mod asynchronous;
mod environment;
mod error;
mod function;
mod host;
mod invocation;
mod payload;
mod process;
mod rest;
mod running;
mod runtime_api;
mod slot;
mod stats;
mod url;

use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use uuid::Uuid;

use crate::queue::Queues;
use crate::{Call, Reply};

pub use error::InvokeError;
pub use function::Function;
use host::Host;
pub use host::Settings;
use invocation::Invocation;
use slot::Slot;
pub use stats::Stats;

/// Called with a function's access key id whenever an environment of it has been frozen.
pub type FreezeHook = Arc<dyn Fn(&str) + Send + Sync>;
/// Called with a function's name and each line it writes.
pub type LogSink = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// The functions of an account. Clones share them; with the last clone all processes end.
#[derive(Debug, Clone)]
pub struct Lambdas {
    owner: Arc<Owner>,
}

/// Ends everything when the last handle goes; the host's own tasks hold the host alone.
#[derive(Debug)]
struct Owner {
    host: Arc<Host>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Owner {
    fn close(&self) {
        self.host.set_on_freeze(None);
        self.host.set_log_sink(None);
        for slot in self.host.slots() {
            self.host.remove(&slot.name);
            slot.close();
        }
    }
}

impl Lambdas {
    /// No functions yet; those to come get `endpoint` as `AWS_ENDPOINT_URL`.
    pub fn new(endpoint: String) -> Self {
        Self::with_queues(endpoint, Queues::new())
    }

    /// The same with queues that others use too.
    pub fn with_queues(endpoint: String, queues: Queues) -> Self {
        Self {
            owner: Arc::new(Owner {
                host: Arc::new(Host::new(endpoint, queues)),
            }),
        }
    }

    /// The queues that on-failure destinations are among.
    pub fn queues(&self) -> Queues {
        self.host().queues.clone()
    }

    /// The present settings.
    pub fn settings(&self) -> Settings {
        self.host().settings()
    }

    /// Changes settings, from the next invocation on.
    pub fn adjust(&self, change: impl FnOnce(&mut Settings)) {
        self.host().adjust(change);
    }

    /// Sets what is called after each freeze: there the caller's idle connections are cut.
    pub fn on_freeze(&self, hook: FreezeHook) {
        self.host().set_on_freeze(Some(hook));
    }

    /// Sets where the lines of environments go that start from now on, besides [`Self::logs`].
    pub fn on_log(&self, sink: LogSink) {
        self.host().set_log_sink(Some(sink));
    }

    /// Creates a function or replaces its code and settings; environments of the old code end.
    pub async fn put_function(&self, function: Function) -> anyhow::Result<()> {
        let unpacking = tokio::task::spawn_blocking(move || function::Code::unpack(function));
        let code = unpacking.await.context("unpacking was cancelled")??;
        match self.host().slot(&code.name) {
            Ok(slot) => slot.update(code),
            Err(_) => self.host().insert(Slot::new(code)),
        }
        Ok(())
    }

    /// Deletes a function, its URL and its environments; whether there was one.
    pub fn delete_function(&self, name: &str) -> bool {
        let Some(slot) = self.host().remove(name) else {
            return false;
        };
        slot.close();
        true
    }

    /// The names of all functions.
    pub fn names(&self) -> Vec<String> {
        self.host()
            .slots()
            .iter()
            .map(|slot| slot.name.clone())
            .collect()
    }

    /// Opens the function's URL, `http://127.0.0.1:PORT/`; the same one when it is asked again.
    pub async fn put_url(&self, name: &str) -> anyhow::Result<String> {
        let slot = self.host().slot(name)?;
        if let Some(address) = slot.url() {
            return Ok(address);
        }
        let url = url::Url::open(self.host(), &slot.name).await?;
        let address = url.address().to_owned();
        slot.set_url(Some(url));
        Ok(address)
    }

    /// Closes the function's URL.
    pub fn delete_url(&self, name: &str) -> Result<(), InvokeError> {
        self.host().slot(name).map(|slot| slot.set_url(None))
    }

    /// The function's URL, if it has one.
    pub fn url(&self, name: &str) -> Option<String> {
        self.host().slot(name).ok()?.url()
    }

    /// Whether the public may use the function's URL, which takes both permissions; it may unless said otherwise.
    pub fn put_public(&self, name: &str, is_public: bool) -> Result<(), InvokeError> {
        self.host()
            .slot(name)
            .map(|slot| slot.adjust(|options| options.is_public = is_public))
    }

    /// Names the queue for asynchronous invocations that failed for good; none takes it away.
    pub fn put_destination(&self, name: &str, queue: Option<&str>) -> Result<(), InvokeError> {
        let queue = queue.map(str::to_owned);
        self.host()
            .slot(name)
            .map(|slot| slot.adjust(|options| options.destination = queue))
    }

    /// How often a failed asynchronous invocation is tried again; 2 unless said.
    pub fn put_retries(&self, name: &str, retries: usize) -> Result<(), InvokeError> {
        self.host()
            .slot(name)
            .map(|slot| slot.adjust(|options| options.retries = retries))
    }

    /// Reserves concurrency, which is also the most it may have.
    pub fn put_concurrency(&self, name: &str, reserved: Option<usize>) -> Result<(), InvokeError> {
        self.host()
            .slot(name)
            .map(|slot| slot.adjust(|options| options.reserved = reserved))
    }

    /// From now on asynchronous invocations are refused at the door, as by a throttled Lambda API, or no longer so.
    pub fn refuse_deliveries(&self, name: &str, refuses: bool) -> Result<(), InvokeError> {
        self.host()
            .slot(name)
            .map(|slot| slot.adjust(|options| options.refuses = refuses))
    }

    /// Invokes a function and waits for its answer.
    pub async fn invoke(&self, name: &str, payload: Bytes) -> Result<Bytes, InvokeError> {
        invocation::invoke(self.host(), request(name, payload)).await
    }

    /// Has a function invoked later, with retries and its on-failure destination; the request id.
    pub fn invoke_async(&self, name: &str, payload: Bytes) -> Result<String, InvokeError> {
        let request = request(name, payload);
        let request_id = request.request_id.clone();
        asynchronous::enqueue(self.host(), request)?;
        Ok(request_id)
    }

    /// Whether nothing is invoked, and nothing that was accepted waits for its first or next try.
    pub fn are_idle(&self) -> bool {
        self.host().running.count() == 0 && self.host().accepted.count() == 0
    }

    /// Kills all environments of a function, named by name, ARN or access key id, in the middle of whatever they do;
    /// how many there were.
    pub fn crash(&self, name_or_access_key: &str) -> usize {
        let name = host::short_name(name_or_access_key);
        let slots = self.host().slots().into_iter();
        let meant = slots
            .filter(|slot| slot.name == name || slot.code().access_key_id == name_or_access_key);
        meant.map(|slot| slot.crash()).sum()
    }

    /// The lines a function wrote to stdout and stderr, and what the host noted of crashes and timeouts.
    pub fn logs(&self, name: &str) -> Vec<String> {
        self.host()
            .slot(name)
            .map(|slot| slot.logs())
            .unwrap_or_default()
    }

    /// What a function's environments did and took.
    pub fn stats(&self, name: &str) -> Option<Stats> {
        Some(self.host().slot(name).ok()?.stats())
    }

    /// Answers a call to the Lambda API.
    pub async fn handle(&self, call: Call) -> Reply {
        rest::handle(self.host(), call).await
    }

    /// Ends all processes and URLs and forgets all functions and hooks.
    pub fn close(&self) {
        self.owner.close();
    }

    fn host(&self) -> &Arc<Host> {
        &self.owner.host
    }
}

fn request(name: &str, payload: Bytes) -> Invocation {
    Invocation {
        function: name.to_owned(),
        request_id: Uuid::new_v4().to_string(),
        payload,
    }
}
