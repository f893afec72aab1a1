//! The way to the control plane that the settings name.

use std::net::IpAddr;
use std::sync::Arc;

use runvoy_client::api::{Api, Exchange};
use runvoy_client::transport::Transport;
use secrecy::SecretString;
use serde_json::Value;

use crate::failure::{Failure, no_server};
use crate::key_end;
use crate::local::{LocalPlace, LocalPlane};
use crate::printer::Printer;
use crate::settings::App;

const USER_AGENT: &str = concat!("runvoy/", env!("CARGO_PKG_VERSION"));
/// Fields whose values are never shown.
const SECRET_FIELDS: [&str; 5] = [
    "env",
    "secret_env",
    "api_key",
    "api_key_sha256",
    "claim_token",
];
/// The longest body that `--debug` shows.
const LONGEST_SHOWN: usize = 2000;

/// An open way to a control plane.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its API.
    pub(crate) api: Api,
    /// The control plane itself, under `--local`.
    pub(crate) local: Option<LocalPlane>,
}

/// Whether a command can do without an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyNeed {
    /// It cannot.
    Needed,
    /// What it asks is public.
    Public,
}

impl Connection {
    /// Opens the way: starts a control plane here under `--local`, else prepares a client.
    pub(crate) async fn open(app: &App<'_>, need: KeyNeed) -> Result<Self, Failure> {
        Self::open_to_run(app, need, LocalPlace::Process).await
    }

    /// The same, for a command that runs in such a place if it runs on this machine.
    pub(crate) async fn open_to_run(
        app: &App<'_>,
        need: KeyNeed,
        place: LocalPlace,
    ) -> Result<Self, Failure> {
        if app.settings.is_local {
            let local = LocalPlane::start(app, place).await?;
            let api = watched(Api::new(local.transport(), None, USER_AGENT), app);
            return Ok(Self {
                api,
                local: Some(local),
            });
        }
        let settings = &app.settings;
        let endpoint = settings.endpoint.as_deref().ok_or_else(no_server)?;
        if settings.api_key.is_none() && need == KeyNeed::Needed {
            return Err(Failure::new(format!("there is no API key for {endpoint}"))
                .hint("join a team:  runvoy claim TOKEN --endpoint URL     (ask your admin for the line)")
                .hint("have a key?   runvoy configure"));
        }
        let api = remote(app, endpoint, settings.api_key.clone())?;
        Ok(Self { api, local: None })
    }

    /// Closes it; under `--local` not before everything that was started here is settled.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        match self.local {
            Some(local) => local.shutdown().await,
            None => Ok(()),
        }
    }
}

/// A client of the server at `endpoint`.
pub(crate) fn remote(
    app: &App<'_>,
    endpoint: &str,
    key: Option<SecretString>,
) -> Result<Api, Failure> {
    if key.is_some() {
        check_is_private(app, endpoint)?;
    }
    let transport = Transport::to(endpoint, app.settings.ca_file.as_deref()).map_err(|error| {
        Failure::usage(error.to_string()).because_of(
            std::error::Error::source(&error).map_or_else(String::new, ToString::to_string),
        )
    })?;
    let api = Api::new(transport, key, USER_AGENT).named(endpoint);
    Ok(watched(api, app))
}

/// Refuses to send a secret over http to a host that is not this machine, unless `--insecure` says so.
pub(crate) fn check_is_private(app: &App<'_>, endpoint: &str) -> Result<(), Failure> {
    let Some(rest) = strip_scheme(endpoint, "http://") else {
        return Ok(());
    };
    if app.settings.is_insecure || is_this_machine(rest) {
        return Ok(());
    }
    Err(
        Failure::new("the key is not sent over http, where others can read it")
            .because_of(format!("{endpoint} is not this machine"))
            .hint(
                "use the https address of the server, or add --insecure if the network is trusted",
            ),
    )
}

fn strip_scheme<'a>(endpoint: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = endpoint.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Whether `host[:port][/…]` is a loopback address.
fn is_this_machine(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    let host = match host_and_port.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => host_and_port.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn watched(api: Api, app: &App<'_>) -> Api {
    let printer = Arc::clone(&app.printer);
    let (is_debugging, is_verbose) = (app.settings.is_debugging, app.settings.is_verbose);
    let key_end = key_end::Warning::new(&app.settings);
    api.watched_by(Arc::new(move |exchange| {
        if is_debugging {
            show(&printer, exchange);
        } else if is_verbose {
            mention(&printer, exchange);
        }
        key_end.of(exchange, &printer);
    }))
}

/// What `--verbose` says of an exchange; a followed log would drown everything else.
fn mention(printer: &Printer, exchange: &Exchange<'_>) {
    if !exchange.path.contains("/logs?") {
        let method = exchange.method;
        printer.note(&format!(
            "{method} {}: {}",
            path_of(exchange),
            result_of(exchange)
        ));
    }
}

/// What `--debug` shows of an exchange.
fn show(printer: &Printer, exchange: &Exchange<'_>) {
    let sent = redacted(exchange.request);
    printer.trace(&format!(
        "> {} {} {sent}",
        exchange.method,
        path_of(exchange)
    ));
    let received = redacted(exchange.response);
    printer.trace(&format!("< {} {received}", result_of(exchange)));
}

/// The path; a claim token in it is a secret.
fn path_of(exchange: &Exchange<'_>) -> String {
    match exchange.path.split_once("/claim/") {
        Some((before, _)) => format!("{before}/claim/…"),
        None => exchange.path.to_owned(),
    }
}

fn result_of(exchange: &Exchange<'_>) -> String {
    let result = match &exchange.result {
        Ok(status) => status.to_string(),
        Err(error) => error.clone(),
    };
    let id = exchange.request_id.unwrap_or("-");
    format!("{result} ({} ms, request {id})", exchange.took.as_millis())
}

/// A body with its secrets left out; one that is no JSON by its length alone.
fn redacted(body: &[u8]) -> String {
    if body.is_empty() {
        return String::new();
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return format!("({} bytes)", body.len());
    };
    redact(&mut value);
    let text = value.to_string();
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], body.len()),
        None => text,
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if SECRET_FIELDS.contains(&name.as_str()) {
                    *value = Value::from("…");
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_hosts_are_this_machine() {
        for host in [
            "localhost:1",
            "127.0.0.1:56212/x",
            "[::1]:80",
            "LOCALHOST",
            "127.9.9.9",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "example.com",
            "localhost.example.com",
            "127.0.0.1@evil.com",
            "10.0.0.1",
            "evil.com\\@localhost",
            "[::2]",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn secrets_are_left_out_of_what_is_shown() {
        let shown =
            redacted(br#"{"command":"x","env":{"A":"s3cret"},"user":{"api_key":"s3cret"}}"#);
        assert_eq!(shown, r#"{"command":"x","env":"…","user":{"api_key":"…"}}"#);
        assert_eq!(redacted(b"s3cret"), "(6 bytes)");
    }
}
