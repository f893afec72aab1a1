//! What was measured, by name; and why the rest was not.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

/// Figures by names of the form `part.what_unit`.
#[derive(Debug, Default)]
pub(super) struct Figures {
    measured: BTreeMap<String, f64>,
    missing: BTreeMap<String, String>,
}

impl Figures {
    /// What the measuring program prints.
    pub(super) fn from_json(text: &[u8]) -> Result<Self> {
        let all: serde_json::Value = serde_json::from_slice(text)?;
        let part = |name: &str| all.get(name).cloned().context("it lacks a part");
        Ok(Self {
            measured: serde_json::from_value(part("measured")?)?,
            missing: serde_json::from_value(part("missing")?)?,
        })
    }

    /// Keeps a figure.
    pub(super) fn set(&mut self, name: &str, value: f64) {
        self.measured.insert(name.to_owned(), value);
    }

    /// Keeps why a figure, or all of a part, was not measured.
    pub(super) fn skip(&mut self, name: &str, why: &str) {
        self.missing.insert(name.to_owned(), why.to_owned());
    }

    /// A figure.
    pub(super) fn get(&self, name: &str) -> Option<f64> {
        self.measured.get(name).copied()
    }

    /// Why there is no such figure, in one line; its part's reason where it has none of its own.
    pub(super) fn why_missing(&self, name: &str) -> Option<&str> {
        let part = name.split('.').next().unwrap_or(name);
        let why = self.missing.get(name).or_else(|| self.missing.get(part))?;
        why.lines().next()
    }

    /// A figure with three digits that count, and its unit; or why there is none.
    pub(super) fn shown(&self, name: &str) -> String {
        let unit = unit(name);
        match (self.get(name), self.why_missing(name)) {
            (None, None) => "–".to_owned(),
            // A bar would begin another cell.
            (None, Some(why)) => format!("not measured: {}", why.replace('|', "/")),
            (Some(figure), _) if figure < 10.0 => format!("{figure:.2} {unit}"),
            (Some(figure), _) if figure < 100.0 => format!("{figure:.1} {unit}"),
            (Some(figure), _) => format!("{figure:.0} {unit}"),
        }
    }

    /// The parts that were begun and came to no end.
    pub(super) fn failures(&self) -> impl Iterator<Item = String> {
        let failed = |why: &&String| why.starts_with("it failed");
        self.missing
            .iter()
            .filter(move |(_, why)| failed(why))
            .map(|(part, why)| format!("{part}: {why}"))
    }
}

/// The unit that the figure's name ends in.
pub(super) fn unit(figure: &str) -> &'static str {
    const UNITS: [(&str, &str); 6] = [
        ("cpu_ms", "ms CPU"),
        ("_ms", "ms"),
        ("_mib", "MiB"),
        ("cpu_us", "µs CPU"),
        ("mb_per_s", "MB/s"),
        ("lines_per_s", "lines/s"),
    ];
    let unit = UNITS.iter().find(|(end, _)| figure.ends_with(end));
    unit.map_or("×", |(_, unit)| unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_says_why() {
        let figures = Figures::from_json(
            br#"{"measured":{"a.x_ms":12.34},"missing":{"a.y_ms":"no y","b":"it failed: no | engine\nmore"}}"#,
        );
        let figures = figures.unwrap();
        assert_eq!(figures.shown("a.x_ms"), "12.3 ms");
        assert_eq!(figures.shown("a.y_ms"), "not measured: no y");
        assert_eq!(figures.shown("a.z_ms"), "–");
        assert_eq!(
            figures.shown("b.z_ms"),
            "not measured: it failed: no / engine"
        );
        let failures: Vec<_> = figures.failures().collect();
        assert_eq!(failures, ["b: it failed: no | engine\nmore"]);
        assert!(Figures::from_json(b"{}").is_err());
    }

    #[test]
    fn names_end_in_their_unit() {
        let units = ["a.cpu_ms", "a.wall_ms", "a.live_lines_per_s", "a.times_b"].map(unit);
        assert_eq!(units, ["ms CPU", "ms", "lines/s", "×"]);
    }
}
