//! An error and what caused it, as text.

use std::error::Error;

/// The message of an error and those of its causes, outermost first.
fn messages(error: &dyn Error) -> Vec<String> {
    let mut messages = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        messages.push(error.to_string());
        source = error.source();
    }
    messages
}

/// All of it in a line, for logs.
pub fn chain(error: &dyn Error) -> String {
    messages(error).join(": ")
}

/// One line each, for people; a message that only repeats the one before is left out.
pub fn causes(error: &dyn Error) -> Vec<String> {
    let mut lines = messages(error);
    without_repeats(&mut lines);
    lines
}

/// Leaves out each line that only repeats a part of the one before.
pub fn without_repeats(lines: &mut Vec<String>) {
    lines.dedup_by(|later, earlier| earlier.contains(later.as_str()));
}
