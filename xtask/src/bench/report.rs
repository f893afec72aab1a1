//! The page.

use std::fmt::Write as _;

use super::budget::{ALL, Budget};
use super::figures::{Figures, unit};
use super::method::{METHOD, METHOD_TITLE};
use super::rows::{BESIDE, FURTHER};

const OPENING: &str = "\
# Performance

Written by `cargo xtask bench`; do not edit by hand.
The figures are of one run of it on one machine, with release builds; expect others elsewhere, above all on another disk or beside other work.
A missed budget stays here as missed.
";

/// The whole page.
pub(super) fn page(facts: &[(&str, String)], figures: &Figures) -> String {
    let mut page = OPENING.to_owned();
    page.push_str("\n## Budgets\n\n| path | budget | measured | beside it | verdict |\n|---|---|---|---|---|\n");
    page.extend(ALL.iter().map(|budget| row(budget, figures)));
    misses(&mut page, figures);
    page.push_str("\n## Beside other programs\n\n| path | runvoy | beside it |\n|---|---|---|\n");
    for (path, figure, rival, rivals) in BESIDE {
        let rival = format!("{rival}: {}", figures.shown(rivals));
        line(&mut page, &[path, &figures.shown(figure), &rival]);
    }
    page.push_str("\n## Further figures\n\n| path | measured |\n|---|---|\n");
    for (path, figure) in FURTHER {
        line(&mut page, &[path, &figures.shown(figure)]);
    }
    page.push_str("\n## Machine\n\n| | |\n|---|---|\n");
    for (name, value) in facts {
        line(&mut page, &[name, value]);
    }
    page.push_str(METHOD);
    page
}

/// The page with the rows of these figures measured anew; all others stay as they were.
pub(super) fn refreshed(page: &str, figures: &Figures) -> String {
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    let mut last = lines
        .iter()
        .position(|line| line.starts_with("|---"))
        .unwrap_or(0);
    for budget in ALL {
        let begins = format!("| {} |", budget.path);
        let at = lines.iter().position(|line| line.starts_with(&begins));
        let is_new = figures.get(budget.figure).is_some();
        let row = row(budget, figures).trim_end().to_owned();
        match at {
            Some(at) if is_new => lines[at] = row,
            None if is_new => lines.insert(last + 1, row),
            Some(_) | None => {}
        }
        if let Some(at) = lines.iter().position(|line| line.starts_with(&begins)) {
            last = at;
        }
    }
    let method = lines.iter().position(|line| line == METHOD_TITLE);
    lines.truncate(method.unwrap_or(lines.len()).saturating_sub(1));
    lines.join("\n") + "\n" + METHOD
}

fn row(budget: &Budget, figures: &Figures) -> String {
    let rival = budget.rival().map_or_else(String::new, |(name, figure)| {
        format!("{name}: {}", figures.shown(figure))
    });
    let cells = [
        budget.path,
        &format!("{} {}", budget.limit, unit(budget.figure)),
        &figures.shown(budget.figure),
        &rival,
        &budget.verdict(figures).to_string(),
    ];
    let mut row = String::new();
    line(&mut row, &cells);
    row
}

fn line(page: &mut String, cells: &[&str]) {
    // Writing to a string cannot fail.
    let _written = writeln!(page, "| {} |", cells.join(" | "));
}

/// Every budget that is not met, and why.
fn misses(page: &mut String, figures: &Figures) {
    let reasons = ALL
        .iter()
        .filter_map(|budget| Some((budget, budget.reason(figures)?)));
    let reasons: Vec<_> = reasons.collect();
    if reasons.is_empty() {
        return;
    }
    page.push_str("\nWhat is not met, and why:\n\n");
    for (budget, reason) in reasons {
        // Writing to a string cannot fail.
        let _written = writeln!(page, "- {}: {reason}", budget.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_budget_and_a_missing_figure_stay_visible() {
        let mut figures = Figures::default();
        figures.set("local.wall_ms", 41.23);
        figures.set("local.tsp_wall_ms", 3.456);
        figures.skip("pueue", "it is not installed");
        let page = page(&[("cores", "2".to_owned())], &figures);
        let first = "| `runvoy --local run true`, whole process | ≤ 40 ms | 41.2 ms | `tsp -nf true`: 3.46 ms | **missed** |";
        assert!(page.contains(first), "{page}");
        assert_eq!(page.matches("**not measured**").count(), ALL.len() - 1);
        assert!(page.contains("| cores | 2 |"));
        assert!(page.contains("- `runvoy --local run true`, whole process: not found out yet."));
        assert!(page.contains("`pueue add` + `pueue follow`: not measured: it is not installed |"));
    }
}
