//! A document, read for its examples.

use anyhow::{Result, bail, ensure};

/// Languages of fenced blocks that a reader would type.
const SCRIPTS: [&str; 2] = ["sh", "bash"];
/// The language of fenced blocks that show what is typed and what is then seen.
const TRANSCRIPT: &str = "console";
/// Marks a block as the output of the script before it.
const OUTPUT: &str = "output";
/// Marks examples that the tests of `crates/aws-e2e` run.
const LOCAL_AWS: &str = "run: local aws";
const LOCAL_AWS_OUTPUT: &str = "output: local aws";

/// What a page wants to be there before its first example.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wants {
    /// A server with the command line configured as its administrator's.
    pub(super) server: bool,
    /// A Docker Engine that has the image `busybox`.
    pub(super) docker: bool,
}

/// How an example is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A script that stops at its first failure; what it prints to stdout counts.
    Script,
    /// A command in a transcript; what it prints to stdout and stderr counts, as on a terminal.
    Typed,
}

/// Lines of the document, and where they begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines {
    /// Number of the first.
    pub(super) line: usize,
    /// The lines themselves.
    pub(super) text: String,
}

/// Something to run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Example {
    /// What is typed.
    pub(super) typed: Lines,
    /// How it is written.
    pub(super) form: Form,
    /// What it must print, where the document says so.
    pub(super) expected: Option<Lines>,
}

/// An example that is not run, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Skipped {
    /// Where its block begins.
    pub(super) line: usize,
    /// The reason that the document gives.
    pub(super) reason: String,
}

/// The examples of a document.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// What they need.
    pub(super) wants: Wants,
    /// Those to run, in their order.
    pub(super) examples: Vec<Example>,
    /// Those that are not run.
    pub(super) skipped: Vec<Skipped>,
}

/// A fenced block.
struct Block<'a> {
    language: &'a str,
    lines: Lines,
}

impl Page {
    /// Reads a document. A mark that means nothing here is an error, for it would be an example that nobody runs.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut page = Self::default();
        let mut mark: Option<(usize, &str)> = None;
        let mut lines = text.lines().zip(1..);
        while let Some((line, number)) = lines.next() {
            let trimmed = line.trim_start();
            if let Some(language) = trimmed.strip_prefix("```") {
                let indent = line.len() - trimmed.len();
                let block = Block {
                    language: language.trim(),
                    lines: block(&mut lines, number, indent)?,
                };
                page.add(&block, mark.take().map(|(_, mark)| mark))?;
            } else if let Some(found) = comment(trimmed) {
                ensure!(mark.is_none(), "line {number}: two marks for one block");
                mark = page.heard(found)?.then_some((number, found));
            } else if let (Some((at, mark)), false) = (mark, trimmed.is_empty()) {
                bail!("line {at}: no block follows `<!-- {mark} -->`");
            }
        }
        if let Some((at, mark)) = mark {
            bail!("line {at}: no block follows `<!-- {mark} -->`");
        }
        Ok(page)
    }

    /// Takes in a comment; whether it is a mark of the next block.
    fn heard(&mut self, comment: &str) -> Result<bool> {
        let is_mark = comment.starts_with("not run: ")
            || [OUTPUT, "run", LOCAL_AWS, LOCAL_AWS_OUTPUT].contains(&comment);
        if is_mark {
            return Ok(true);
        }
        let Some(wants) = comment.strip_prefix("run: ") else {
            let is_mistyped = ["run", "not run", "output"]
                .iter()
                .any(|word| comment.starts_with(word));
            ensure!(!is_mistyped, "`<!-- {comment} -->` means nothing");
            return Ok(false);
        };
        for want in wants.split(',').map(str::trim) {
            match want {
                "server" => self.wants.server = true,
                "docker" => self.wants.docker = true,
                _ => bail!("`<!-- {comment} -->`: there is no {want} for examples"),
            }
        }
        Ok(false)
    }

    fn add(&mut self, block: &Block<'_>, mark: Option<&str>) -> Result<()> {
        let line = block.lines.line;
        let is_script = SCRIPTS.contains(&block.language);
        let is_example = is_script || block.language == TRANSCRIPT;
        match mark {
            Some(LOCAL_AWS | LOCAL_AWS_OUTPUT) => {}
            Some(OUTPUT) => match self.examples.last_mut() {
                Some(example) if example.form == Form::Script && example.expected.is_none() => {
                    example.expected = Some(block.lines.clone());
                }
                _ => bail!("line {line}: an output without its script"),
            },
            Some(mark) => {
                ensure!(
                    is_example,
                    "line {line}: `<!-- {mark} -->` before a block of {}, not of {}, {TRANSCRIPT}",
                    block.language,
                    SCRIPTS.join(", ")
                );
                match mark.strip_prefix("not run: ") {
                    Some(reason) => self.skipped.push(Skipped {
                        line,
                        reason: reason.to_owned(),
                    }),
                    None => self.run(block)?,
                }
            }
            None if is_example => self.run(block)?,
            None => {}
        }
        Ok(())
    }

    fn run(&mut self, block: &Block<'_>) -> Result<()> {
        if block.language == TRANSCRIPT {
            self.examples.extend(transcript(&block.lines)?);
        } else {
            self.examples.push(Example {
                typed: block.lines.clone(),
                form: Form::Script,
                expected: None,
            });
        }
        Ok(())
    }
}

/// What stands in a comment on a line of its own.
fn comment(line: &str) -> Option<&str> {
    let inside = line.trim_end().strip_prefix("<!-- ")?;
    inside.strip_suffix(" -->")
}

/// The lines up to the fence that ends the block, without its indentation.
fn block<'a>(
    lines: &mut impl Iterator<Item = (&'a str, usize)>,
    number: usize,
    indent: usize,
) -> Result<Lines> {
    let mut text = String::new();
    for (line, _) in lines {
        if line.trim() == "```" {
            return Ok(Lines {
                line: number + 1,
                text,
            });
        }
        let space = line.len() - line.trim_start().len();
        text.extend([&line[space.min(indent)..], "\n"]);
    }
    bail!("line {number}: the block has no end")
}

/// The commands of a transcript (`$ `, then `> ` for further lines), each with what is shown below it.
fn transcript(block: &Lines) -> Result<Vec<Example>> {
    let mut examples: Vec<Example> = Vec::new();
    let mut is_typing = false;
    for (text, line) in block.text.lines().zip(block.line..) {
        if let Some(typed) = text.strip_prefix("$ ") {
            let typed = Lines {
                line,
                text: format!("{typed}\n"),
            };
            examples.push(Example {
                typed,
                form: Form::Typed,
                expected: Some(Lines {
                    line: line + 1,
                    text: String::new(),
                }),
            });
            is_typing = true;
            continue;
        }
        let Some(example) = examples.last_mut() else {
            bail!("line {line}: a block of {TRANSCRIPT} begins with `$ ` and a command");
        };
        match text.strip_prefix("> ") {
            Some(typed) if is_typing => example.typed.text.extend([typed, "\n"]),
            _ => {
                let first = Lines {
                    line,
                    text: String::new(),
                };
                let expected = if is_typing {
                    None
                } else {
                    example.expected.take()
                };
                let mut expected = expected.unwrap_or(first);
                expected.text.extend([text, "\n"]);
                example.expected = Some(expected);
                is_typing = false;
            }
        }
    }
    ensure!(
        !examples.is_empty(),
        "line {}: a block of {TRANSCRIPT} without a command",
        block.line
    );
    Ok(examples)
}

#[cfg(test)]
mod tests;
