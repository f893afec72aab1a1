//! The budgets, and whether they are met.

use std::fmt;

use super::Figures;

/// A promise about a figure.
#[derive(Debug)]
pub(super) struct Budget {
    /// What is measured.
    pub(super) path: &'static str,
    /// The figure's name.
    pub(super) figure: &'static str,
    /// What it must be.
    pub(super) limit: Limit,
}

/// What a figure must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// Whether a budget is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Met,
    Missed,
    NotMeasured,
}

macro_rules! budgets {
    ($($figure:literal: $limit:ident $amount:literal, $path:literal;)*) => {
        &[$(Budget { path: $path, figure: $figure, limit: Limit::$limit($amount) }),*]
    };
}

/// Every budget of what is built so far.
pub(super) const ALL: &[Budget] = budgets! {
    "local.wall_ms": AtMost 40.0, "`runvoy --local run true`, whole process";
    "local.times_tsp": AtMost 20.0, "the same, as a multiple of `tsp -nf true`";
    "local.cli_peak_mib": AtMost 40.0, "the same, peak memory";
    "submit.first_line_p50_ms": AtMost 15.0, "server: submit → first line at the follower, p50";
    "submit.first_line_p99_ms": AtMost 60.0, "server: submit → first line at the follower, p99";
    "ingest.mb_per_s": AtLeast 50.0, "log ingest, 50 secrets masked, to disk";
    "ingest.agent_peak_mib": AtMost 32.0, "the same, the agent's peak memory";
    "authorization.cpu_us": AtMost 30.0, "API key check and authorization";
    "agent.amd64_mib": AtMost 6.0, "static agent, linux-amd64";
    "agent.arm64_mib": AtMost 6.0, "static agent, linux-arm64";
    "orchestrator.zip_mib": AtMost 6.0, "orchestrator, zip for arm64";
    "event-processor.zip_mib": AtMost 6.0, "event processor, zip for arm64";
    "orchestrator.init_ms": AtMost 25.0, "orchestrator: process start → first invocation asked for, without network";
    "event-processor.init_ms": AtMost 25.0, "event processor: the same";
    "orchestrator.peak_mib": AtMost 40.0, "orchestrator, memory by then";
    "event-processor.peak_mib": AtMost 40.0, "event processor, memory by then";
    "list.slowest_ms": AtMost 5.0, "page of 50 among 1 M executions, in memory, the slowest kind";
};

/// The same work by another program: the figure it is compared with, the program's name, its figure.
const RIVALS: [(&str, &str, &str); 2] = [
    ("local.wall_ms", "`tsp -nf true`", "local.tsp_wall_ms"),
    ("ingest.mb_per_s", "`sed -f`", "ingest.sed_mb_per_s"),
];

/// Figures without a budget that help to read those with one.
pub(super) const FURTHER: [(&str, &str); 12] = [
    ("local run: the agent's peak memory", "local.agent_peak_mib"),
    ("submit → log complete, p50", "submit.complete_p50_ms"),
    ("log ingest: the server's peak", "ingest.server_peak_mib"),
    ("key check and `whoami`", "authorization.whoami_cpu_us"),
    (
        "key check, 16 callers at once",
        "authorization.at_once_cpu_us",
    ),
    ("list: the newest page", "list.newest_ms"),
    ("list: a page anywhere", "list.deep_ms"),
    ("list: of one person", "list.user_ms"),
    ("list: of one lock", "list.lock_ms"),
    ("list: of one status", "list.status_ms"),
    ("list: two statuses of one person", "list.of_both_ms"),
    (
        "list: the slowest kind, not in memory",
        "list.slowest_from_disk_ms",
    ),
];

/// The unit that the figure's name ends in.
pub(super) fn unit(figure: &str) -> &'static str {
    const UNITS: [(&str, &str); 4] = [
        ("_ms", "ms"),
        ("_mib", "MiB"),
        ("cpu_us", "µs CPU"),
        ("mb_per_s", "MB/s"),
    ];
    let unit = UNITS.iter().find(|(end, _)| figure.ends_with(end));
    unit.map_or("×", |(_, unit)| unit)
}

impl Budget {
    pub(super) fn verdict(&self, figures: &Figures) -> Verdict {
        let Some(figure) = figures.get(self.figure) else {
            return Verdict::NotMeasured;
        };
        let is_met = match self.limit {
            Limit::AtMost(most) => *figure <= most,
            Limit::AtLeast(least) => *figure >= least,
        };
        if is_met {
            Verdict::Met
        } else {
            Verdict::Missed
        }
    }

    /// Who does the same work, and its figure's name.
    pub(super) fn rival(&self) -> Option<(&'static str, &'static str)> {
        let mut rivals = RIVALS.into_iter();
        let (_, name, figure) = rivals.find(|(figure, ..)| *figure == self.figure)?;
        Some((name, figure))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::Missed => "**missed**",
            Self::NotMeasured => "**not measured**",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(limit: Limit, figure: f64) -> Verdict {
        let budget = Budget {
            path: "a path",
            figure: "a",
            limit,
        };
        budget.verdict(&Figures::from([("a".to_owned(), figure)]))
    }

    #[test]
    fn a_budget_is_met_up_to_its_limit() {
        assert_eq!(verdict(Limit::AtMost(5.0), 5.0), Verdict::Met);
        assert_eq!(verdict(Limit::AtMost(5.0), 5.01), Verdict::Missed);
        assert_eq!(verdict(Limit::AtLeast(5.0), 5.0), Verdict::Met);
        assert_eq!(verdict(Limit::AtLeast(5.0), 4.99), Verdict::Missed);
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        for budget in ALL {
            assert_eq!(budget.verdict(&Figures::new()), Verdict::NotMeasured);
        }
    }
}
