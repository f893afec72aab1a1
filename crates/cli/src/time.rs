//! Times as people type and read them.

use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use runvoy_core::duration;

const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// The clock by which times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Clock {
    /// Coordinated universal time.
    #[default]
    Utc,
    /// The time zone of this machine.
    Local,
}

impl Clock {
    /// A moment as `YYYY-MM-DD HH:MM:SS`.
    pub(crate) fn show(self, at: Timestamp) -> String {
        match self {
            Self::Utc => at.strftime(FORMAT).to_string(),
            Self::Local => at.to_zoned(TimeZone::system()).strftime(FORMAT).to_string(),
        }
    }

    /// A moment in milliseconds since 1970.
    pub(crate) fn show_millis(self, millis: i64) -> String {
        Timestamp::from_millisecond(millis).map_or_else(|_| "?".to_owned(), |at| self.show(at))
    }

    /// The name to put behind a time.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Utc => "UTC",
            Self::Local => "local",
        }
    }

    /// The head of a column of times: `Started (UTC)`.
    pub(crate) fn head(self, name: &str) -> String {
        format!("{name} ({})", self.name())
    }
}

/// Now, by the machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line has no clock port; this is the one place that asks"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Reads `2h` (ago) or a moment such as `2025-10-30T13:00:00Z`.
pub(crate) fn parse_since(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let ago = duration::parse(text)
        .map_err(|_| "must look like 2h (ago) or 2025-10-30T13:00:00Z".to_owned())?;
    now().checked_sub(ago).map_err(|error| error.to_string())
}

/// Whole seconds, a begun one as a whole.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_to_the_second() {
        assert_eq!(
            Clock::Utc.show_millis(1_761_831_168_999),
            "2025-10-30 13:32:48"
        );
        assert_eq!(Clock::Utc.show_millis(i64::MAX), "?");
    }

    #[test]
    fn since_is_a_duration_or_a_moment() {
        assert!(parse_since("2h").is_ok_and(|at| at < now()));
        assert_eq!(
            parse_since("2025-10-30T13:32:48Z").unwrap().as_second(),
            1_761_831_168
        );
        assert!(parse_since("yesterday").is_err());
    }

    #[test]
    fn a_begun_second_counts() {
        assert_eq!(whole_seconds(Duration::from_millis(500)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
    }
}
