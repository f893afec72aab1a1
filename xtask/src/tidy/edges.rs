//! Which crate may depend on which.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use crate::process::root;

/// Every crate of the workspace, and those of the workspace that it may use outside of its tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("runvoy-core", &[]),
    ("runvoy-ports", &["runvoy-core"]),
    ("runvoy-wire", &["runvoy-core"]),
    ("runvoy-app", &["runvoy-core", "runvoy-ports"]),
    // The queries that routes fill in are the ports'.
    (
        "runvoy-http",
        &["runvoy-app", "runvoy-core", "runvoy-ports", "runvoy-wire"],
    ),
    ("runvoy-client", &["runvoy-core", "runvoy-wire"]),
    (
        "runvoy-agent",
        &["runvoy-client", "runvoy-core", "runvoy-wire"],
    ),
    ("runvoy-sql", &["runvoy-core", "runvoy-ports"]),
    // The agent's variables and the second copy of its log are part of its protocol.
    (
        "runvoy-process",
        &["runvoy-core", "runvoy-ports", "runvoy-wire"],
    ),
    (
        "runvoy-docker",
        &["runvoy-core", "runvoy-ports", "runvoy-wire"],
    ),
    (
        "runvoy-server",
        &[
            "runvoy-app",
            "runvoy-core",
            "runvoy-docker",
            "runvoy-http",
            "runvoy-ports",
            "runvoy-process",
            "runvoy-sql",
            "runvoy-wire",
        ],
    ),
    (
        "runvoy-cli",
        &[
            "runvoy-agent",
            "runvoy-client",
            "runvoy-core",
            "runvoy-infra",
            "runvoy-server",
            "runvoy-wire",
        ],
    ),
    // The copy's format and the agent's variables are part of its protocol.
    (
        "runvoy-aws",
        &["runvoy-core", "runvoy-ports", "runvoy-wire"],
    ),
    // The first admin's rows are written by the store itself.
    (
        "runvoy-infra",
        &["runvoy-aws", "runvoy-core", "runvoy-ports"],
    ),
    (
        "runvoy-lambda",
        &[
            "runvoy-app",
            "runvoy-aws",
            "runvoy-core",
            "runvoy-http",
            "runvoy-ports",
        ],
    ),
    ("runvoy-aws-local", &[]),
    ("runvoy-aws-e2e", ANY),
    ("runvoy-testkit", ANY),
    ("runvoy-e2e", ANY),
    ("xtask", &[]),
];

/// Test support may use every crate: nothing that ships uses it.
const ANY: &[&str] = &["*"];
const TESTKIT: &str = "runvoy-testkit";
/// The only crates that may speak to AWS.
const AWS_CRATES: [&str; 2] = ["runvoy-aws", "runvoy-infra"];
/// Crates without a runtime, and what must not be anywhere below them.
const PURE: [&str; 3] = ["runvoy-core", "runvoy-ports", "runvoy-wire"];
const IMPURE: [&str; 5] = ["tokio", "reqwest", "axum", "hyper", "sqlx"];

/// A crate of the workspace as its manifest has it.
#[derive(Debug, Default)]
pub(super) struct Crate {
    name: String,
    /// What it declares for more than its tests.
    uses: BTreeSet<String>,
    /// Everything below it, outside of tests.
    below: BTreeSet<String>,
    manifest: String,
}

/// Reads the workspace as cargo sees it.
pub(super) fn workspace() -> Result<Vec<Crate>> {
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--filter-platform".to_owned(), host])
        .exec()
        .context("cannot read the workspace")?;
    metadata
        .workspace_packages()
        .iter()
        .map(|package| {
            Ok(Crate {
                name: package.name.to_string(),
                uses: package
                    .dependencies
                    .iter()
                    .filter(|dependency| dependency.kind != DependencyKind::Development)
                    .map(|dependency| dependency.name.clone())
                    .collect(),
                below: below(&metadata, &package.id),
                manifest: std::fs::read_to_string(&package.manifest_path)?,
            })
        })
        .collect()
}

/// Names of all packages that are built into `start`.
fn below(metadata: &Metadata, start: &PackageId) -> BTreeSet<String> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let nodes: BTreeMap<_, _> = nodes.map(|node| (&node.id, node)).collect();
    let mut seen = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(node) = open.pop().and_then(|id| nodes.get(id)) {
        for dependency in &node.deps {
            let mut kinds = dependency.dep_kinds.iter();
            let is_built_in = kinds.any(|kind| kind.kind == DependencyKind::Normal);
            if is_built_in && seen.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    seen.remove(start);
    seen.iter()
        .map(|id| metadata[*id].name.to_string())
        .collect()
}

/// What does not hold, one sentence each.
pub(super) fn problems(crates: &[Crate]) -> Vec<String> {
    let members: BTreeSet<&str> = crates.iter().map(|member| member.name.as_str()).collect();
    crates
        .iter()
        .flat_map(|member| {
            let mut problems = edge_problems(member, &members);
            problems.extend(aws_problems(member));
            problems.extend(purity_problems(member));
            problems.extend(manifest_problems(member));
            problems
        })
        .collect()
}

fn edge_problems(member: &Crate, members: &BTreeSet<&str>) -> Vec<String> {
    let name = &member.name;
    let Some((_, allowed)) = ALLOWED.iter().find(|(row, _)| row == name) else {
        return vec![format!("{name} has no row in xtask's table of edges")];
    };
    let is_allowed = |used: &str| *allowed == ANY || (allowed.contains(&used) && used != TESTKIT);
    member
        .uses
        .iter()
        .filter(|used| members.contains(used.as_str()) && !is_allowed(used))
        .map(|used| format!("{name} may not depend on {used}"))
        .collect()
}

fn aws_problems(member: &Crate) -> Vec<String> {
    let name = &member.name;
    let is_aws = |used: &str| used.starts_with("aws-") && !used.starts_with("aws-lc-");
    if AWS_CRATES.contains(&name.as_str()) {
        return Vec::new();
    }
    let used = member.uses.iter().filter(|used| is_aws(used));
    used.map(|used| format!("{name} may not depend on {used}: AWS is for {AWS_CRATES:?}"))
        .collect()
}

fn purity_problems(member: &Crate) -> Vec<String> {
    let name = &member.name;
    if !PURE.contains(&name.as_str()) {
        return Vec::new();
    }
    let impure = IMPURE.iter().filter(|found| member.below.contains(**found));
    impure
        .map(|found| format!("{name} may not have {found} below it"))
        .collect()
}

fn manifest_problems(member: &Crate) -> Vec<String> {
    ["[lints]\nworkspace = true", "license.workspace = true"]
        .iter()
        .filter(|line| !member.manifest.contains(**line))
        .map(|line| format!("the manifest of {} lacks `{line}`", member.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, uses: &[&str], below: &[&str]) -> Crate {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Crate {
            name: name.to_owned(),
            uses: owned(uses),
            below: owned(below),
            manifest: "license.workspace = true\n[lints]\nworkspace = true\n".to_owned(),
        }
    }

    #[test]
    fn only_programs_join_the_use_cases_with_stores_and_launchers() {
        let programs = ["runvoy-server", "runvoy-lambda"];
        let rows = ALLOWED.iter().filter(|(name, _)| !programs.contains(name));
        for (name, allowed) in rows {
            let has = |wanted: &[&str]| wanted.iter().any(|one| allowed.contains(one));
            let both = has(&["runvoy-app", "runvoy-http"])
                && has(&["runvoy-sql", "runvoy-process", "runvoy-aws"]);
            assert!(!both, "{name}");
        }
    }

    #[test]
    fn an_edge_outwards_is_found() {
        let crates = [
            member("runvoy-core", &["serde", "runvoy-sql"], &[]),
            member("runvoy-app", &["runvoy-testkit"], &[]),
            member("runvoy-sql", &["aws-sdk-dynamodb", "aws-lc-rs"], &[]),
            member("runvoy-testkit", &["runvoy-sql"], &[]),
            member("runvoy-new", &[], &[]),
        ];
        let found = problems(&crates);
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn a_runtime_below_the_core_is_found_however_deep() {
        let crates = [member("runvoy-core", &["jiff"], &["jiff", "tokio"])];
        assert_eq!(
            problems(&crates),
            ["runvoy-core may not have tokio below it"]
        );
    }

    #[test]
    fn a_manifest_without_lints_or_licence_is_found() {
        let bare = Crate {
            manifest: String::new(),
            ..member("runvoy-core", &[], &[])
        };
        assert_eq!(problems(&[bare]).len(), 2);
    }
}
