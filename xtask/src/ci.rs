//! `cargo xtask ci`: everything that must hold before a change lands.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::needs::{self, Consent};
use crate::process::{cargo, run};
use crate::{agents, aws, cross_check, documents, lambda, man, not_run, templates, test, tidy};

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Format, lints and tests: for work in progress.
    Quick,
    /// Everything.
    Full,
}

/// Runs the checks of the scope in order, stops at the first that fails, and says how long each took.
pub(crate) fn command(scope: Scope, consent: Consent) -> Result<()> {
    let mut steps = Steps::default();
    let mut found = Vec::new();
    let total = steps.all(scope, consent, &mut found);
    steps.print();
    let total = total?;
    if scope == Scope::Quick {
        found.push(
            "rustdoc, templates, documents, manual, Lambda functions, other platforms, the other processor's agent (--quick)"
                .to_owned(),
        );
    }
    not_run::print(&found)?;
    total.print();
    Ok(())
}

/// The steps so far, and how long they took.
#[derive(Debug, Default)]
struct Steps(Vec<(&'static str, Duration)>);

impl Steps {
    fn all(
        &mut self,
        scope: Scope,
        consent: Consent,
        found: &mut Vec<String>,
    ) -> Result<test::Total> {
        self.step("needs", || ensure_needs(scope, consent))?;
        self.step("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
        self.step("tidy", tidy::command)?;
        self.step("lint", lint)?;
        let archs = match scope {
            Scope::Quick => agents::of_this_machine(),
            Scope::Full => agents::all(),
        };
        found.extend(self.step("agents", || agents::build(&archs))?);
        let total = self.step("test", test::run)?;
        if scope == Scope::Full {
            self.step("rustdoc", rustdoc)?;
            self.step("templates", templates::check)?;
            found.extend(self.step("documents", documents::command)?);
            self.step("manual", man::command)?;
            found.extend(self.step("Lambda functions", || lambda::package(lambda::Arch::Arm64))?);
            self.step("other platforms", cross_check::command)?;
        }
        Ok(total)
    }

    fn step<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n== {name}");
        let start = Instant::now();
        let result = work();
        self.0.push((name, start.elapsed()));
        result.with_context(|| format!("the step `{name}` failed"))
    }

    fn print(&self) {
        println!("\n== durations");
        for (name, duration) in &self.0 {
            println!("{name:<16} {:>6.1} s", duration.as_secs_f64());
        }
        let whole: Duration = self.0.iter().map(|(_, duration)| *duration).sum();
        println!("{:<16} {:>6.1} s", "all", whole.as_secs_f64());
    }
}

fn ensure_needs(scope: Scope, consent: Consent) -> Result<()> {
    match scope {
        Scope::Quick => needs::ensure(&[needs::OF_TESTS], consent)?,
        Scope::Full => needs::ensure(&[needs::OF_TESTS, needs::OF_CI], consent)?,
    }
    aws::install()
}

fn lint() -> Result<()> {
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

fn rustdoc() -> Result<()> {
    run(cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--all-features",
        "--document-private-items",
        "--locked",
    ])
    .env("RUSTDOCFLAGS", "-D warnings"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_named_and_timed() {
        let mut steps = Steps::default();
        let error = steps
            .step("format", || -> Result<()> { anyhow::bail!("a space") })
            .unwrap_err();
        assert!(format!("{error:#}").contains("format"));
        assert_eq!(steps.0.len(), 1);
    }
}
