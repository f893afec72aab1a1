//! The page.

use std::fmt::Write as _;

use super::Figures;
use super::budget::{ALL, Budget, FURTHER, unit};

const OPENING: &str = "\
# Performance

Written by `cargo xtask bench`; do not edit by hand.
The figures are of one run of it on one machine, with release builds; expect others elsewhere, above all on another disk or beside other work.
A missed budget stays here as missed.
";

/// Begins how it was measured.
const METHOD_TITLE: &str = "## How it was measured";

const METHOD: &str = "
## How it was measured

- **Local run**: 41 runs of `runvoy --local run true` and of `tsp -nf true` in turn, each a new process in a home that has been used before; medians of wall time.
  Both keep a record of the run; the spooler's server is up already, runvoy starts everything anew each time.
  Memory is the largest of five runs, as GNU `time` reports it.
- **Submit**: a `runvoy server` on disk (every commit waits for it), 300 runs of `echo x` one after the other over the loopback, from before `POST /run` until a long poll has brought the first line of output.
- **Log ingest**: a command under `runvoy server` prints 200 MB of lines, a secret in every hundredth; from its recorded start to its accepted end, with everything on disk; the median of three.
  The page of the log with the last line is read back: its number says that nothing was lost, its text that it was masked.
  `sed` (`LC_ALL=C`) replaces the same 50 secrets in the same file in turn with it, to a file on the same disk that is then synced.
  It knows the values as they are; the agent masks their usual encodings too.
- **Key check**: `authenticate` and a use case that refuses the caller, for each of 1000 keys in a store on disk; CPU time of the whole process, the median of 15 rounds.
  SQLite works in a thread of its own: one caller alone pays for waking it, and that costs more where it wakes on another, idle core.
- **Agent**: the size of what `cargo xtask agents` built.
- **List**: a million executions of 100 people and 10 locks in a store on disk; 201 pages of 50 of each kind, read in process from all over the history; medians of wall time.
  In memory: the pages have been read before, so the system need not ask the disk. Not in memory: it was made to forget the file first.
- **Lambda functions**: the zips are those of `cargo xtask package-lambda`, for arm64; the starts are of the same sources built for this machine, 21 of each.
  A start is from the process's beginning to its asking for the first invocation: it has read the stack key, opened its connections and found nothing, all over the loopback without TLS.
  Memory is the most that any start had held by then.

Not measured, because it is not built yet: containers, PostgreSQL.
Not measured, because there is no AWS here: cold starts and round trips in AWS itself; how many round trips a request makes is counted by a test.
";

/// The whole page.
pub(super) fn page(facts: &[(&str, String)], figures: &Figures) -> String {
    let mut page = OPENING.to_owned();
    page.push_str("\n## Budgets\n\n| path | budget | measured | beside it | verdict |\n|---|---|---|---|---|\n");
    page.extend(ALL.iter().map(|budget| row(budget, figures)));
    page.push_str("\n## Further figures\n\n| path | measured |\n|---|---|\n");
    for (path, figure) in FURTHER {
        line(&mut page, &[path, &shown(figures, figure)]);
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
        let is_new = figures.contains_key(budget.figure);
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
        format!("{name}: {}", shown(figures, figure))
    });
    let cells = [
        budget.path,
        &format!("{} {}", budget.limit, unit(budget.figure)),
        &shown(figures, budget.figure),
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

/// A figure with three digits that count, and its unit.
fn shown(figures: &Figures, name: &str) -> String {
    let unit = unit(name);
    match figures.get(name) {
        None => "–".to_owned(),
        Some(figure) if *figure < 10.0 => format!("{figure:.2} {unit}"),
        Some(figure) if *figure < 100.0 => format!("{figure:.1} {unit}"),
        Some(figure) => format!("{figure:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_budget_and_a_missing_figure_stay_visible() {
        let figures = Figures::from([
            ("local.wall_ms".to_owned(), 41.23),
            ("local.tsp_wall_ms".to_owned(), 3.456),
        ]);
        let page = page(&[("cores", "2".to_owned())], &figures);
        let first = "| `runvoy --local run true`, whole process | ≤ 40 ms | 41.2 ms | `tsp -nf true`: 3.46 ms | **missed** |";
        assert!(page.contains(first), "{page}");
        assert_eq!(page.matches("**not measured**").count(), ALL.len() - 1);
        assert!(page.contains("| cores | 2 |"));
    }
}
