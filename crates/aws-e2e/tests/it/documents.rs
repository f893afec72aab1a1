//! What the documentation says to type on AWS is typed here, and prints what it says.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::infra::account::Deployment;
use crate::programs;
use crate::shell::Said;

const AWS: &str = include_str!("../../../../docs/aws.md");

/// Lines to type, where they stand, and what they are to print, if that is said.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    line: usize,
    typed: String,
    printed: Option<String>,
}

/// The blocks that are marked, in their order.
fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = document.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let is_typed = line == "<!-- run: local aws -->";
        if !is_typed && line != "<!-- output: local aws -->" {
            continue;
        }
        let (_, fence) = lines.next().unwrap();
        assert!(
            fence.starts_with("```"),
            "no block after the mark in line {}",
            at + 1
        );
        let inside = lines.by_ref().map(|(_, line)| line);
        let inside = inside.take_while(|line| *line != "```");
        let text: String = inside.flat_map(|line| [line, "\n"]).collect();
        if is_typed {
            blocks.push(Block {
                line: at + 1,
                typed: text,
                printed: None,
            });
        } else {
            let before = blocks.last_mut().unwrap();
            assert!(
                before.printed.replace(text).is_none(),
                "two outputs in line {}",
                at + 1
            );
        }
    }
    blocks
}

/// A directory like the sources after a build.
fn sources(artifacts: &Path) -> TempDir {
    let sources = TempDir::new().unwrap();
    let template = sources.path().join("deployments/aws/template.yaml");
    let target = sources.path().join("target");
    for (artifact, built) in [
        ("orchestrator.zip", "lambda/orchestrator.zip"),
        ("event-processor.zip", "lambda/event-processor.zip"),
        ("runvoy-agent-aarch64", "agents/linux-arm64/runvoy-agent"),
        ("runvoy-agent-x86_64", "agents/linux-amd64/runvoy-agent"),
    ] {
        let built = target.join(built);
        fs::create_dir_all(built.parent().unwrap()).unwrap();
        symlink(artifacts.join(artifact), built).unwrap();
    }
    fs::create_dir_all(template.parent().unwrap()).unwrap();
    fs::write(template, "").unwrap();
    sources
}

/// Types lines into a shell of the admin's.
fn typed(block: &Block, deployment: &Deployment, sources: &Path) -> Said {
    let path = programs::runvoy();
    let path = format!(
        "{}:/usr/local/bin:/usr/bin:/bin",
        path.parent().unwrap().display()
    );
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &block.typed]).env_clear();
    let variables = deployment.admin.command(&[]);
    let variables = variables
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    shell.envs(variables).env("PATH", path).current_dir(sources);
    shell.output().unwrap().into()
}

#[test]
fn what_is_said_about_aws_works_from_an_empty_account_to_an_empty_account() {
    let deployment = Deployment::of("runvoy");
    let sources = sources(deployment.account.artifacts.path());
    let blocks = blocks(AWS);
    assert!(blocks.len() >= 8, "{blocks:#?}");
    for block in &blocks {
        let said = typed(block, &deployment, sources.path());
        assert_eq!(
            said.code, 0,
            "line {}: {}{said:#?}",
            block.line, block.typed
        );
        if let Some(printed) = &block.printed {
            assert_eq!(said.out, *printed, "line {}: {said:#?}", block.line);
        }
    }
    assert_eq!(deployment.left(), Vec::<String>::new());
}

#[test]
fn marked_blocks_are_found_with_what_they_print() {
    let text = "a\n<!-- run: local aws -->\n```bash\nx\ny\n```\n```bash\nnot this\n```\n\
                <!-- output: local aws -->\n```text\nz\n```\n<!-- run: local aws -->\n```bash\nw\n```\n";
    let block = |line, typed: &str, printed: Option<&str>| Block {
        line,
        typed: typed.to_owned(),
        printed: printed.map(str::to_owned),
    };
    assert_eq!(
        blocks(text),
        [block(2, "x\ny\n", Some("z\n")), block(14, "w\n", None)]
    );
}
