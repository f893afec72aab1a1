//! The budgets, and whether they are met.

use std::fmt;

use super::figures::Figures;

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
    "container.times_docker": AtMost 1.15, "`runvoy --local run --image busybox true`, as a multiple of bare `docker run --rm`";
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

/// Why a budget is missed, where it is: as far as it was found out.
const REASONS: [(&str, &str); 2] = [
    (
        "container.times_docker",
        "a network on which a container reaches nobody: Docker takes longer to put one there than on its default bridge, also by hand (below).",
    ),
    (
        "authorization.cpu_us",
        "SQLite works in a thread of its own, and one caller alone pays for waking it; what 16 callers at once pay is below.",
    ),
];

impl Budget {
    pub(super) fn verdict(&self, figures: &Figures) -> Verdict {
        let Some(figure) = figures.get(self.figure) else {
            return Verdict::NotMeasured;
        };
        let is_met = match self.limit {
            Limit::AtMost(most) => figure <= most,
            Limit::AtLeast(least) => figure >= least,
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

    /// Why it is not met; `None` where it is.
    pub(super) fn reason(&self, figures: &Figures) -> Option<String> {
        let known = || REASONS.iter().find(|(figure, _)| *figure == self.figure);
        match self.verdict(figures) {
            Verdict::Met => None,
            Verdict::Missed => Some(
                known()
                    .map_or("not found out yet.", |(_, why)| why)
                    .to_owned(),
            ),
            Verdict::NotMeasured => {
                let why = figures.why_missing(self.figure);
                let why = why.unwrap_or("the program that measures it gave no figure");
                Some(format!("not measured: {why}."))
            }
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
            path: "a path",
            figure: "a",
            limit,
        };
        let mut figures = Figures::default();
        figures.set("a", figure);
        budget.verdict(&figures)
    }

    #[test]
    fn a_budget_is_met_up_to_its_limit() {
        assert_eq!(verdict(Limit::AtMost(5.0), 5.0), Verdict::Met);
        assert_eq!(verdict(Limit::AtMost(5.0), 5.01), Verdict::Missed);
        assert_eq!(verdict(Limit::AtLeast(5.0), 5.0), Verdict::Met);
        assert_eq!(verdict(Limit::AtLeast(5.0), 4.99), Verdict::Missed);
    }

    #[test]
    fn what_is_not_met_has_a_reason() {
        let mut figures = Figures::default();
        figures.set("authorization.cpu_us", 31.0);
        figures.set("local.wall_ms", 41.0);
        figures.set("list.slowest_ms", 1.0);
        figures.skip("container", "no engine");
        let reason = |figure| {
            let budget = ALL.iter().find(|budget| budget.figure == figure).unwrap();
            budget.reason(&figures)
        };
        assert!(reason("authorization.cpu_us").unwrap().contains("waking"));
        assert_eq!(reason("local.wall_ms").unwrap(), "not found out yet.");
        let missing = reason("container.times_docker").unwrap();
        assert_eq!(missing, "not measured: no engine.");
        assert_eq!(reason("list.slowest_ms"), None);
    }

    #[test]
    fn reasons_are_of_budgets() {
        for (figure, _) in REASONS {
            assert!(ALL.iter().any(|budget| budget.figure == figure), "{figure}");
        }
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        for budget in ALL {
            assert_eq!(budget.verdict(&Figures::default()), Verdict::NotMeasured);
        }
    }
}
