//! Questions before anything is changed.

use std::io::{BufRead as _, IsTerminal as _};

use crate::failure::{self, Failure};
use crate::settings::App;

/// Whether a person can be asked.
pub(super) fn is_possible() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks for a yes. Without a terminal only `--yes` can say it.
pub(super) fn yes(question: &str, app: &App<'_>) -> Result<bool, Failure> {
    if !is_possible() {
        return Err(
            Failure::usage("there is no terminal to ask whether to go on")
                .hint("the same command with --yes; see first what it would do:  --dry-run"),
        );
    }
    let typed = text(&format!("{question} [y/N] "), app)?.to_lowercase();
    Ok(typed == "y" || typed == "yes")
}

/// Asks for a line.
pub(super) fn text(question: &str, app: &App<'_>) -> Result<String, Failure> {
    app.printer.stop_spinner();
    app.printer.error_data(question);
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| failure::file("read", "stdin", &error))?;
    Ok(line.trim().to_owned())
}
