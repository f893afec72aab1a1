//! Figures by name.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

/// What was measured: names of the form `part.what_unit`, and numbers; and what was not.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    measured: BTreeMap<String, f64>,
    missing: BTreeMap<String, String>,
}

impl Figures {
    /// Keeps a figure, and shows it at once.
    pub(crate) fn set(&mut self, name: &str, value: f64) -> Result<()> {
        use std::io::Write as _;
        writeln!(std::io::stderr(), "  {name}: {value:.3}")?;
        self.measured.insert(name.to_owned(), value);
        Ok(())
    }

    /// Keeps why a figure, or all of a part, was not measured, and says so at once.
    pub(crate) fn skip(&mut self, name: &str, why: &str) -> Result<()> {
        use std::io::Write as _;
        writeln!(std::io::stderr(), "  {name}: not measured: {why}")?;
        self.missing.insert(name.to_owned(), why.to_owned());
        Ok(())
    }

    /// As a JSON object.
    pub(crate) fn to_json(&self) -> String {
        let all = serde_json::json!({ "measured": self.measured, "missing": self.missing });
        all.to_string()
    }
}

/// A duration in milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The value that this many in a hundred do not exceed (nearest rank); 50 for the median. Zero where there are none.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The median.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The largest.
pub(crate) fn largest(values: &[f64]) -> f64 {
    percentile(values, 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_the_reason() {
        let mut figures = Figures::default();
        figures.set("local.wall_ms", 2.5).unwrap();
        figures.skip("pueue", "it is not installed").unwrap();
        assert_eq!(
            figures.to_json(),
            r#"{"measured":{"local.wall_ms":2.5},"missing":{"pueue":"it is not installed"}}"#
        );
    }

    #[test]
    #[expect(
        clippy::float_cmp,
        reason = "a percentile is one of the values, not computed from them"
    )]
    fn percentiles_are_values_that_were_measured() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        let found = [1, 50, 99].map(|percent| percentile(&values, percent));
        assert_eq!(found, [1.0, 3.0, 5.0]);
        assert_eq!(largest(&values), 5.0);
        assert_eq!(median(&[]), 0.0);
    }
}
