//! Which engine answers for which service.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TRANSFER_ENCODING};

use crate::call::{Call, Reply, json_error};

/// A reply to come.
pub type Answer = Pin<Box<dyn Future<Output = Reply> + Send>>;
/// Answers calls.
pub type Handler = Arc<dyn Fn(Call) -> Answer + Send + Sync>;

/// Turns an asynchronous function into a [`Handler`].
pub fn handler<F, A>(answer: F) -> Handler
where
    F: Fn(Call) -> A + Send + Sync + 'static,
    A: Future<Output = Reply> + Send + 'static,
{
    Arc::new(move |call| Box::pin(answer(call)))
}

/// Engines by the service that they answer for.
#[derive(Clone, Default)]
pub struct Routes(HashMap<String, Handler>);

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Routes {
    /// Calls to these services go to the handler.
    #[must_use]
    pub fn with(mut self, services: &[&str], handler: &Handler) -> Self {
        for service in services {
            self.0.insert((*service).to_owned(), Arc::clone(handler));
        }
        self
    }

    pub(crate) async fn answer(&self, call: Call) -> Reply {
        match self.0.get(&call.service) {
            Some(handler) => handler(call).await,
            None if call.service.is_empty() => json_error(
                403,
                "MissingAuthenticationTokenException",
                "The request is not signed.",
            ),
            None => {
                let message = format!("The local AWS has no {} ({}).", call.service, call.action);
                json_error(501, "UnknownOperationException", &message)
            }
        }
    }
}

/// A handler that hands calls on to another server.
pub fn forward(client: reqwest::Client, base: String) -> Handler {
    handler(move |call| send(client.clone(), base.clone(), call))
}

async fn send(client: reqwest::Client, base: String, call: Call) -> Reply {
    let path = call.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = call.headers;
    // `expect` was answered by this server already.
    let own = [
        HOST,
        CONNECTION,
        CONTENT_LENGTH,
        TRANSFER_ENCODING,
        HeaderName::from_static("expect"),
    ];
    for name in &own {
        headers.remove(name);
    }
    let request = client
        .request(call.method, format!("{base}{path}"))
        .headers(headers)
        .body(call.body);
    match exchange(request).await {
        Ok(reply) => reply,
        Err(error) => json_error(
            503,
            "ServiceUnavailable",
            &format!("{} does not answer: {error}", call.service),
        ),
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> reqwest::Result<Reply> {
    let answer = request.send().await?;
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    for name in [CONNECTION, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    let mut reply = Reply::new(answer.bytes().await?);
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    Ok(reply)
}
