//! Warns of a key that ends soon, once a command.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use runvoy_client::api::Exchange;

use crate::printer::Printer;
use crate::settings::Settings;
use crate::time::{Clock, now};

/// The one warning of a command.
#[derive(Debug)]
pub(crate) struct Warning {
    clock: Clock,
    is_said: AtomicBool,
}

impl Warning {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            clock: settings.clock,
            is_said: AtomicBool::new(false),
        }
    }

    /// Warns where the answer says that the key ends, unless the command replaces it. Programs that read stdout are
    /// not hindered by it, and theirs are the keys that nobody thinks of.
    pub(crate) fn of(&self, exchange: &Exchange<'_>, printer: &Printer) {
        let ends_at = exchange.key_expires.and_then(|at| at.parse().ok());
        let Some(ends_at) = ends_at.filter(|_| !exchange.path.ends_with("/users/rotate")) else {
            return;
        };
        if !printer.is_hushed() && !self.is_said.swap(true, Ordering::Relaxed) {
            printer.warning(&format!(
                "your API key ends in {} ({} {}); enter its successor: runvoy configure, or make one: runvoy users rotate",
                left(ends_at),
                self.clock.show(ends_at),
                self.clock.name(),
            ));
        }
    }
}

/// How long it is until then, in the largest unit of which there are two.
pub(crate) fn left(at: Timestamp) -> String {
    in_words(at.duration_since(now()).as_mins())
}

fn in_words(minutes: i64) -> String {
    let (hours, days) = (minutes / 60, minutes / 60 / 24);
    if days >= 2 {
        format!("{days} days")
    } else if hours >= 2 {
        format!("{hours} hours")
    } else {
        format!("{} minutes", minutes.max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_in_the_largest_fitting_unit() {
        let cases = [
            (-5, "0 minutes"),
            (119, "119 minutes"),
            (120, "2 hours"),
            (2879, "47 hours"),
            (2880, "2 days"),
            (14 * 1440, "14 days"),
        ];
        for (minutes, expected) in cases {
            assert_eq!(in_words(minutes), expected);
        }
    }
}
