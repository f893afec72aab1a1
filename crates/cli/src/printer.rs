//! The only place that prints: data on stdout, the rest on stderr, and how much of it a terminal may get.

use std::io::{ErrorKind, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::environment::{Environment, NO_COLOR, TERM};
use crate::escape;
use crate::exit::ExitStatus;
use crate::failure::Failure;

const BANNER: &str = "🚀 runvoy\n━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━";

/// What the two streams lead to.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of one stream"
)]
pub(crate) struct Style {
    /// stdout is a terminal: its control characters are obeyed.
    pub(crate) out_is_terminal: bool,
    /// stdout is a terminal that can draw.
    pub(crate) out_draws: bool,
    /// stderr is a terminal that can draw: banner, spinner, notes for people.
    pub(crate) err_draws: bool,
    /// stderr may be coloured.
    pub(crate) err_colours: bool,
}

impl Style {
    /// The style of this process.
    pub(crate) fn of(environment: &Environment) -> Self {
        let is_dumb = environment.text(TERM) == Some("dumb");
        let out_is_terminal = std::io::stdout().is_terminal();
        let err_draws = std::io::stderr().is_terminal() && !is_dumb;
        Self {
            out_is_terminal,
            out_draws: out_is_terminal && !is_dumb,
            err_draws,
            err_colours: err_draws && environment.get(NO_COLOR).is_none(),
        }
    }
}

/// Writes to stdout and stderr.
pub(crate) struct Printer {
    style: Style,
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    is_out_closed: AtomicBool,
    is_out_broken: AtomicBool,
    is_hushed: AtomicBool,
    spinner: Mutex<Option<ProgressBar>>,
}

impl Printer {
    /// Prints on the process's own streams.
    pub(crate) fn new(style: Style) -> Self {
        Self::on(
            style,
            Box::new(std::io::stdout()),
            Box::new(std::io::stderr()),
        )
    }

    /// Prints on these.
    pub(crate) fn on(style: Style, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            style,
            out: Mutex::new(out),
            err: Mutex::new(err),
            is_out_closed: AtomicBool::new(false),
            is_out_broken: AtomicBool::new(false),
            is_hushed: AtomicBool::new(false),
            spinner: Mutex::new(None),
        }
    }

    /// What the streams lead to.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// Whether nothing more can be written to stdout.
    pub(crate) fn is_out_closed(&self) -> bool {
        self.is_out_closed.load(Ordering::Relaxed)
    }

    /// Leaves out from now on what can wait for another command: the caller asked for quiet.
    pub(crate) fn hush(&self) {
        self.is_hushed.store(true, Ordering::Relaxed);
    }

    /// Whether what can wait is left out.
    pub(crate) fn is_hushed(&self) -> bool {
        self.is_hushed.load(Ordering::Relaxed)
    }

    /// What the process exits with: no success where data was lost.
    pub(crate) fn settle(&self, status: ExitStatus) -> ExitStatus {
        if status == ExitStatus::SUCCESS && self.is_out_broken.load(Ordering::Relaxed) {
            ExitStatus::FAILED
        } else {
            status
        }
    }

    /// Writes data to stdout, verbatim. A reader that went away is no error; whatever else fails is shown at once.
    pub(crate) fn data(&self, text: &str) {
        if text.is_empty() || self.is_out_closed() {
            return;
        }
        let result = self.beside_spinner(|| {
            let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        if let Err(error) = result {
            self.is_out_closed.store(true, Ordering::Relaxed);
            if error.kind() != ErrorKind::BrokenPipe {
                self.is_out_broken.store(true, Ordering::Relaxed);
                self.failure(&Failure::new("the output cannot be written").because(&error));
            }
        }
    }

    /// Writes a line of data to stdout.
    pub(crate) fn data_line(&self, text: &str) {
        self.data(&format!("{text}\n"));
    }

    /// Writes to stderr, verbatim.
    pub(crate) fn error_data(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.beside_spinner(|| {
            let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody can be told that stderr is gone.
            err.write_all(text.as_bytes())
                .and_then(|()| err.flush())
                .ok();
        });
    }

    /// Says something on stderr, marked as ours amid the remote command's own words.
    pub(crate) fn note(&self, text: &str) {
        self.error_data(&format!("runvoy: {text}\n"));
    }

    /// Says something to a person: nothing where stderr is no terminal.
    pub(crate) fn person(&self, text: &str) {
        if self.style.err_draws {
            self.error_data(&format!("{text}\n"));
        }
    }

    /// Says what was done, on stderr.
    pub(crate) fn done(&self, text: &str) {
        self.error_data(&format!("✓ {text}\n"));
    }

    /// Shows what `--debug` and `--verbose` ask for, on stderr.
    pub(crate) fn trace(&self, text: &str) {
        self.error_data(&format!("{}\n", escape::field(text)));
    }

    /// The banner, for a person.
    pub(crate) fn banner(&self) {
        self.person(BANNER);
    }

    /// Warns on stderr.
    pub(crate) fn warning(&self, text: &str) {
        let label = self.coloured("warning:", "33");
        self.error_data(&format!("{label} {}\n", escape::field(text)));
    }

    /// Shows a failure and returns its exit code.
    pub(crate) fn failure(&self, failure: &Failure) -> ExitStatus {
        self.stop_spinner();
        let label = self.coloured("error:", "1;31");
        let mut lines = vec![format!("{label} {}", escape::field(&failure.message))];
        for cause in &failure.causes {
            lines.push(format!("caused by: {}", escape::field(cause)));
        }
        if !failure.causes.is_empty() && !failure.hints.is_empty() {
            lines.push(String::new());
        }
        for (index, hint) in failure.hints.iter().enumerate() {
            let label = if index == 0 { "hint: " } else { "      " };
            lines.push(format!("{label}{}", escape::field(hint)));
        }
        lines.push(String::new());
        self.error_data(&lines.join("\n"));
        failure.status
    }

    /// Shows what clap has to say: help on stdout, a refusal on stderr.
    pub(crate) fn refusal(&self, error: &clap::Error) -> ExitStatus {
        let text = error.render().to_string();
        if error.use_stderr() {
            self.error_data(&text);
            ExitStatus::USAGE
        } else {
            self.data(&text);
            ExitStatus::SUCCESS
        }
    }

    /// Shows a spinner with `text`, or changes its text; on a terminal only.
    pub(crate) fn spin(&self, text: &str) {
        if !self.style.err_draws {
            return;
        }
        let text = escape::field(text).into_owned();
        let mut spinner = self.spinner.lock().unwrap_or_else(PoisonError::into_inner);
        match &*spinner {
            Some(bar) if bar.message() == text => {}
            Some(bar) => bar.set_message(text),
            None => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                    bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
                }
                bar.set_message(text);
                bar.enable_steady_tick(Duration::from_millis(100));
                *spinner = Some(bar);
            }
        }
    }

    /// Takes the spinner away.
    pub(crate) fn stop_spinner(&self) {
        let mut spinner = self.spinner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = spinner.take() {
            bar.finish_and_clear();
        }
    }

    fn beside_spinner<T>(&self, write: impl FnOnce() -> T) -> T {
        let spinner = self.spinner.lock().unwrap_or_else(PoisonError::into_inner);
        match &*spinner {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn coloured(&self, label: &str, code: &str) -> String {
        if self.style.err_colours {
            format!("\u{1b}[{code}m{label}\u{1b}[0m")
        } else {
            label.to_owned()
        }
    }
}

#[cfg(test)]
pub(crate) mod captured {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::{Printer, Style};

    /// What was written to one stream.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        /// As text.
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A printer whose stdout and stderr can be read.
    pub(crate) fn printer(style: Style) -> (Printer, Captured, Captured) {
        let (out, err) = (Captured::default(), Captured::default());
        let printer = Printer::on(style, Box::new(out.clone()), Box::new(err.clone()));
        (printer, out, err)
    }
}
