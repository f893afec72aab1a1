//! What a person reads before the command's own output.

use std::time::Duration;

use runvoy_core::duration;
use runvoy_core::execution::DEFAULT_TIMEOUT;
use runvoy_wire::execution::{RunRequest, RunResponse};

use super::RunArguments;
use crate::commands::status::queued;
use crate::escape;
use crate::settings::App;

/// Before it is submitted: where, and what.
pub(super) fn before(arguments: &RunArguments, request: &RunRequest, app: &App<'_>) {
    if arguments.quiet {
        return;
    }
    let settings = &app.settings;
    app.printer.banner();
    if settings.has_several_contexts() {
        let endpoint = settings.endpoint.as_deref().unwrap_or("no endpoint");
        let line = format!("Context: {} ({endpoint})", settings.context);
        if app.printer.style().err_draws {
            app.printer.person(&format!("→ {}", escape::field(&line)));
        } else {
            app.printer.note(&escape::field(&line));
        }
    }
    if settings.is_local {
        app.printer.person(&format!("→ {}", local_place(request)));
    }
    app.printer.person(&format!(
        "→ Running command: {}",
        escape::field(&shown(request))
    ));
}

/// What runs it on this machine.
fn local_place(request: &RunRequest) -> String {
    if let Some(image) = &request.image {
        let image = escape::field(image);
        return format!("Running in a Docker container of {image} on this machine");
    }
    let directory = escape::field(request.workdir.as_deref().unwrap_or("."));
    format!("Running as a process of this machine in {directory}")
}

/// The command as records will show it.
fn shown(request: &RunRequest) -> String {
    use runvoy_core::command::quote;
    match (&request.command, &request.argv) {
        (Some(script), _) => script.clone(),
        (None, Some(words)) => words
            .iter()
            .map(|word| quote(word))
            .collect::<Vec<_>>()
            .join(" "),
        (None, None) => String::new(),
    }
}

/// After it was accepted: which, and how it stands.
pub(super) fn after(arguments: &RunArguments, response: &RunResponse, app: &App<'_>) {
    if arguments.quiet {
        return;
    }
    let id = escape::field(&response.execution_id);
    let limit = app.settings.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let limit = duration::show(Duration::from_secs(crate::time::whole_seconds(limit)));
    app.printer
        .person("✓ Command execution started successfully");
    app.printer.person(&format!("  Execution ID: {id}"));
    app.printer
        .person(&format!("  Status: {}", escape::field(&response.status)));
    app.printer.person(&format!("  Time limit: {limit}"));
    app.printer.person(&format!(
        "\nRun '{} logs {id}' to view logs",
        app.settings.program()
    ));
    if app.settings.is_verbose && !app.printer.style().err_draws {
        app.printer
            .note(&format!("execution {id}, time limit {limit}"));
    }
    if let Some(queue) = &response.queue {
        app.printer
            .note(&format!("waiting: {}", escape::field(&queued(app, queue))));
        if !app.settings.is_local {
            app.printer
                .note("it starts when its turn comes, even if this command is gone by then");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clap::Parser as _;

    use super::*;
    use crate::arguments::Arguments;
    use crate::environment::Environment;
    use crate::printer::Style;
    use crate::printer::captured::printer;
    use crate::settings::{ContextNeed, Settings};

    fn shown(style: Style) -> String {
        let (printer, out, err) = printer(style);
        let environment = Environment::default();
        let globals = Arguments::try_parse_from(["runvoy", "run"])
            .unwrap()
            .globals;
        let need = ContextNeed::Existing;
        let app = App {
            environment: &environment,
            settings: Settings::resolve(&globals, &environment, &printer, need).unwrap(),
            printer: Arc::new(printer),
        };
        let request = RunRequest {
            command: Some("echo hello world".to_owned()),
            ..RunRequest::default()
        };
        let response = RunResponse {
            execution_id: "72f57686926e4becb89116b0ac72caec".to_owned(),
            log_url: String::new(),
            status: "RUNNING".to_owned(),
            command: "echo hello world".to_owned(),
            image_id: String::new(),
            queue: None,
        };
        before(&RunArguments::default(), &request, &app);
        after(&RunArguments::default(), &response, &app);
        assert_eq!(out.text(), "");
        err.text()
    }

    #[test]
    fn a_person_reads_the_lines_of_the_sample() {
        let style = Style {
            err_draws: true,
            ..Style::default()
        };
        insta::assert_snapshot!(shown(style), @r"
        🚀 runvoy
        ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
        → Running command: echo hello world
        ✓ Command execution started successfully
          Execution ID: 72f57686926e4becb89116b0ac72caec
          Status: RUNNING
          Time limit: 10m

        Run 'runvoy logs 72f57686926e4becb89116b0ac72caec' to view logs
        ");
    }

    #[test]
    fn where_nobody_reads_along_there_is_no_opening() {
        assert_eq!(shown(Style::default()), "");
    }
}
