//! How a run ended, for a person.

use runvoy_core::duration;
use runvoy_core::outcome::Reason;
use runvoy_wire::execution::ExecutionView;

use crate::commands::list::{cost, took};
use crate::commands::wait::{exit_of, outcome_of, reason_of};
use crate::escape;
use crate::failure::Failure;
use crate::settings::App;

/// Says how it ended. A code of the command's own speaks for itself where no person reads along.
pub(super) fn show(view: &ExecutionView, is_quiet: bool, app: &App<'_>) {
    match reason_of(view) {
        Some(Reason::Exited) => {
            if !is_quiet {
                let mark = if view.exit_code == Some(0) {
                    "✓"
                } else {
                    "✗"
                };
                app.printer.person(&format!(
                    "{mark} Command {}{}",
                    outcome_of(view),
                    measures(view)
                ));
            }
        }
        Some(Reason::Signaled | Reason::Cancelled) => {
            if !is_quiet {
                app.printer.note(&format!(
                    "the command {}{}",
                    outcome_of(view),
                    measures(view)
                ));
            }
        }
        _ => {
            app.printer
                .failure(&failure_of(view, app.settings.program()));
        }
    }
}

fn failure_of(view: &ExecutionView, program: &str) -> Failure {
    let limit = std::time::Duration::from_secs(view.timeout_seconds);
    let mut failure =
        Failure::new(format!("the command {}", outcome_of(view))).exits(exit_of(view));
    if let Some(message) = &view.message {
        failure = failure.because_of(message.clone());
    }
    match reason_of(view) {
        Some(Reason::TimedOut) => failure.hint(format!(
            "it may run for {}; give it more:  --timeout DURATION",
            duration::show(limit)
        )),
        Some(Reason::LockTimeout) => failure
            .hint(format!("see who holds it:  {program} locks list"))
            .hint("wait longer:       --lock-timeout DURATION"),
        Some(Reason::Denied) => failure.hint("see your role:  runvoy whoami"),
        _ => failure.hint(format!(
            "see the record:  {program} status {}",
            view.execution_id
        )),
    }
}

/// Duration and cost, in brackets.
fn measures(view: &ExecutionView) -> String {
    let parts: Vec<String> = [took(view), cost(view)].into_iter().flatten().collect();
    if parts.is_empty() {
        return String::new();
    }
    format!(" ({})", escape::field(&parts.join(", ")))
}
