//! `cargo xtask documents`: every example of README.md, docs/ and deployments/, run as a reader would. docs/testing.md has the notation.

mod docker;
mod output;
mod page;
mod promises;
mod server;
mod shell;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use self::docker::Engine;
use self::page::{Example, Page};
use self::server::Server;
use self::shell::Done;
use crate::process::{path_with, root};
use crate::test;

/// Why the unmarked examples of pages that another runner sees to are not run.
const ELSEWHERE: [(&str, &str); 1] = [(
    "docs/aws.md",
    "needs an AWS account; crates/aws-e2e runs the marked ones",
)];
/// How many pages are run at once; they mostly wait.
const AT_ONCE: usize = 6;

/// A document with its examples.
#[derive(Debug)]
struct Document {
    name: String,
    page: Page,
}

/// What came of a document.
#[derive(Debug)]
struct Report {
    name: String,
    held: usize,
    problems: Vec<String>,
    not_run: Vec<String>,
    took: Duration,
}

/// Runs every example with the command line of this tree, and answers with what was not run and why.
pub(crate) fn command() -> Result<Vec<String>> {
    let documents = documents()?;
    promises::check(root())?;
    let folder = root().join("target/documents");
    let programs = programs(&folder)?;
    let engine = engine(&documents);
    let reports = in_parallel(documents, |document| {
        check(&document, &programs, engine.as_ref())
    });
    let mut not_run = Vec::new();
    let mut problems = Vec::new();
    let mut held = 0;
    for report in reports {
        report.print();
        held += report.held;
        not_run.extend(report.not_run);
        problems.extend(report.problems);
    }
    if !problems.is_empty() {
        bail!("examples do not hold\n\n{}", problems.join("\n\n"));
    }
    ensure!(held > 0, "there is no example in the documents");
    println!("{held} examples hold");
    Ok(not_run)
}

/// README.md, docs/ and the pages of deployments/, read.
fn documents() -> Result<Vec<Document>> {
    let mut paths = vec![root().join("README.md")];
    for entry in fs::read_dir(root().join("docs"))? {
        paths.push(entry?.path());
    }
    for entry in fs::read_dir(root().join("deployments"))? {
        paths.push(entry?.path().join("README.md"));
    }
    paths.retain(|path| path.extension().is_some_and(|end| end == "md") && path.is_file());
    paths.sort();
    let read = |path: PathBuf| {
        let name = path
            .strip_prefix(root())
            .unwrap_or(&path)
            .display()
            .to_string();
        let text = fs::read_to_string(&path)?;
        let mut page = Page::read(&text).with_context(|| name.clone())?;
        if let Some((_, reason)) = ELSEWHERE.iter().find(|(page, _)| *page == name) {
            for example in page.examples.drain(..) {
                page.skipped.push(page::Skipped {
                    line: example.typed.line,
                    reason: (*reason).to_owned(),
                });
            }
        }
        Ok(Document { name, page })
    };
    paths.into_iter().map(read).collect()
}

/// Builds the command line and gives it a folder of its own, with the static agents beside it where they are built.
fn programs(folder: &Path) -> Result<PathBuf> {
    let built = test::program()?;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    // Linked, so that a build in the middle changes nothing here.
    fs::hard_link(&built, folder.join("runvoy"))
        .with_context(|| format!("{} cannot be linked", built.display()))?;
    let agents = root().join("target/agents");
    if agents.exists() {
        std::os::unix::fs::symlink(agents, folder.join("agents"))?;
    }
    Ok(folder.to_owned())
}

/// An engine if a page wants one; the reason if there is none to be had.
fn engine(documents: &[Document]) -> Option<Result<Engine, String>> {
    let mut runs = documents.iter().filter(|one| !one.page.examples.is_empty());
    runs.any(|one| one.page.wants.docker)
        .then(|| Engine::find().map_err(|error| format!("{error:#}")))
}

/// Does the work for each document, several at a time, and answers in their order.
fn in_parallel(documents: Vec<Document>, work: impl Fn(Document) -> Report + Sync) -> Vec<Report> {
    let count = documents.len();
    let queue = Mutex::new(documents.into_iter().enumerate());
    let reports = Mutex::new(Vec::with_capacity(count));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(count) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().ok().and_then(|mut queue| queue.next());
                    let Some((place, document)) = next else { break };
                    let report = work(document);
                    if let Ok(mut reports) = reports.lock() {
                        reports.push((place, report));
                    }
                }
            });
        }
    });
    let mut reports = reports.into_inner().unwrap_or_default();
    reports.sort_by_key(|(place, _)| *place);
    reports.into_iter().map(|(_, report)| report).collect()
}

fn check(document: &Document, programs: &Path, engine: Option<&Result<Engine, String>>) -> Report {
    let start = Instant::now();
    let mut report = Report {
        name: document.name.clone(),
        held: 0,
        problems: Vec::new(),
        not_run: not_run(document),
        took: Duration::ZERO,
    };
    if document.page.examples.is_empty() {
        return report;
    }
    let host = match (document.page.wants.docker, engine) {
        (true, Some(Ok(engine))) => Some(engine.address()),
        (true, Some(Err(reason))) => {
            let name = &document.name;
            report.not_run.push(format!("{name} ({reason})"));
            return report;
        }
        _ => None,
    };
    match run_page(&document.page, programs, host) {
        Ok(done) => report.add(&document.page.examples, &done),
        Err(error) => report
            .problems
            .push(format!("{}: {error:#}", document.name)),
    }
    report.took = start.elapsed();
    report
}

/// Runs the examples of a page in a home of their own, beside the server that they want.
fn run_page(page: &Page, programs: &Path, docker_host: Option<&str>) -> Result<Vec<Done>> {
    let place = tempfile::tempdir()?;
    let home = place.path().join("home");
    fs::create_dir(&home)?;
    let mut variables: Vec<(&str, OsString)> = vec![
        ("HOME", home.clone().into()),
        ("PATH", path_with(programs.to_owned())?),
        ("LANG", "C.UTF-8".into()),
        ("TERM", "dumb".into()),
    ];
    variables.extend(docker_host.map(|host| ("DOCKER_HOST", host.into())));
    let data = place.path().join("data");
    let mut server = None;
    if page.wants.server {
        variables.push(("RUNVOY_DATA_DIR", data.clone().into()));
        server = Some(Server::start(page.wants, &data, &variables)?);
    }
    let done = shell::run(&page.examples, &home, &variables, shell::LIMIT);
    drop(server);
    done
}

/// The examples of a document that are not run, those with the same reason together.
fn not_run(document: &Document) -> Vec<String> {
    let mut all: Vec<(&str, Vec<String>)> = Vec::new();
    for skipped in &document.page.skipped {
        let line = skipped.line.to_string();
        match all.iter_mut().find(|(reason, _)| *reason == skipped.reason) {
            Some((_, lines)) => lines.push(line),
            None => all.push((&skipped.reason, vec![line])),
        }
    }
    let name = &document.name;
    all.into_iter()
        .map(|(reason, lines)| format!("{name}:{} ({reason})", lines.join(",")))
        .collect()
}

impl Report {
    /// Says how many examples held, unless there were none.
    fn print(&self) {
        if self.took > Duration::ZERO {
            let seconds = self.took.as_secs_f64();
            println!("{}: {} examples hold, {seconds:.1} s", self.name, self.held);
        }
    }

    /// Compares what was done with what the page says.
    fn add(&mut self, examples: &[Example], done: &[Done]) {
        for (index, example) in examples.iter().enumerate() {
            let Some(done) = done.get(index) else { break };
            match problem(examples, index, done) {
                Some(problem) => {
                    let at = format!("{}:{}", self.name, example.typed.line);
                    let typed = example.typed.text.trim_end();
                    self.problems.push(format!("{at}: `{typed}`\n{problem}"));
                }
                None => self.held += 1,
            }
        }
        let missing = examples.len().saturating_sub(done.len());
        if missing > 0 && self.problems.is_empty() {
            let name = &self.name;
            self.problems.push(format!(
                "{name}: the shell ended before the last {missing} examples"
            ));
        }
    }
}

/// What is wrong with an example, if anything is.
fn problem(examples: &[Example], index: usize, done: &Done) -> Option<String> {
    let said = format!("it printed\n{}{}", done.printed, done.errors);
    match done.code {
        None => return Some(format!("does not end in time; {said}")),
        Some(code) if code != 0 && !shell::may_fail(examples, index) => {
            return Some(format!("fails with exit code {code}; {said}"));
        }
        Some(_) => {}
    }
    let expected = examples[index].expected.as_ref()?;
    let difference = output::difference(&expected.text, &done.printed)?;
    let show = |line: Option<String>| line.unwrap_or_else(|| "(nothing more)".to_owned());
    let wanted = format!("expected in line {}", expected.line + difference.at);
    Some(format!(
        "{wanted}: {}\n{:>width$}: {}\n{said}",
        show(difference.expected),
        "got",
        show(difference.printed),
        width = wanted.len(),
    ))
}

#[cfg(test)]
mod tests;
