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
    /// Its unit.
    pub(super) unit: &'static str,
    /// What it must be.
    pub(super) limit: Limit,
    /// The same work by another program: its name, and its figure's.
    pub(super) rival: Option<(&'static str, &'static str)>,
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

const TSP: Option<(&str, &str)> = Some(("`tsp -nf true`", "local.tsp_wall_ms"));
const SED: Option<(&str, &str)> = Some(("`sed -f`", "ingest.sed_mb_per_s"));

/// Every budget of what is built so far.
pub(super) const ALL: &[Budget] = &[
    at_most(
        40.0,
        "ms",
        "`runvoy --local run true`, whole process",
        "local.wall_ms",
        TSP,
    ),
    at_most(
        20.0,
        "×",
        "the same, as a multiple of `tsp -nf true`",
        "local.times_tsp",
        None,
    ),
    at_most(
        40.0,
        "MiB",
        "the same, peak memory",
        "local.cli_peak_mib",
        None,
    ),
    at_most(
        15.0,
        "ms",
        "server: submit → first line at the follower, p50",
        "submit.first_line_p50_ms",
        None,
    ),
    at_most(
        60.0,
        "ms",
        "server: submit → first line at the follower, p99",
        "submit.first_line_p99_ms",
        None,
    ),
    Budget {
        path: "log ingest, 50 secrets masked, to disk",
        figure: "ingest.mb_per_s",
        unit: "MB/s",
        limit: Limit::AtLeast(50.0),
        rival: SED,
    },
    at_most(
        32.0,
        "MiB",
        "the same, the agent's peak memory",
        "ingest.agent_peak_mib",
        None,
    ),
    at_most(
        30.0,
        "µs CPU",
        "API key check and authorization",
        "authorization.cpu_us",
        None,
    ),
    at_most(
        6.0,
        "MiB",
        "static agent, linux-amd64",
        "agent.amd64_mib",
        None,
    ),
    at_most(
        6.0,
        "MiB",
        "static agent, linux-arm64",
        "agent.arm64_mib",
        None,
    ),
    at_most(
        5.0,
        "ms",
        "page of 50 among 1 M executions, the slowest kind",
        "list.slowest_ms",
        None,
    ),
];

/// Figures without a budget that help to read those with one.
pub(super) const FURTHER: &[(&str, &str, &str)] = &[
    (
        "`runvoy --local run`: the agent's peak memory",
        "local.agent_peak_mib",
        "MiB",
    ),
    (
        "server: submit → log complete, p50",
        "submit.complete_p50_ms",
        "ms",
    ),
    (
        "log ingest: the server's peak memory",
        "ingest.server_peak_mib",
        "MiB",
    ),
    (
        "API key check and all of `whoami`",
        "authorization.whoami_cpu_us",
        "µs CPU",
    ),
    ("list: the newest page", "list.newest_ms", "ms"),
    ("list: a page anywhere", "list.deep_ms", "ms"),
    ("list: of one person", "list.user_ms", "ms"),
    ("list: of one lock", "list.lock_ms", "ms"),
    ("list: of one status", "list.status_ms", "ms"),
    (
        "list: of one person and two statuses",
        "list.statuses_of_user_ms",
        "ms",
    ),
];

const fn at_most(
    most: f64,
    unit: &'static str,
    path: &'static str,
    figure: &'static str,
    rival: Option<(&'static str, &'static str)>,
) -> Budget {
    Budget {
        path,
        figure,
        unit,
        limit: Limit::AtMost(most),
        rival,
    }
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
            limit,
            ..at_most(0.0, "ms", "a path", "a", None)
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
