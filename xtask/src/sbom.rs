//! The bill of materials of a release: every crate that is in its programs, on any platform, as `CycloneDX` has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result};
use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use serde_json::{Value, json};

use crate::process::root;
use crate::release::VERSION;

/// The packages whose programs a release has.
const PROGRAMS: [&str; 3] = ["runvoy-agent", "runvoy-cli", "runvoy-lambda"];

/// The bill of the workspace as it is locked, in `CycloneDX` 1.5.
pub(crate) fn of_the_workspace() -> Result<Value> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .other_options(["--locked".to_owned()])
        .exec()
        .context("cannot read the workspace")?;
    let lock = fs::read_to_string(root().join("Cargo.lock"))?;
    bill(&metadata, &checksums(&lock))
}

fn bill(metadata: &Metadata, checksums: &BTreeMap<(&str, &str), &str>) -> Result<Value> {
    let below = below(metadata)?;
    let components: Vec<Value> = below
        .keys()
        .map(|id| component(&metadata[*id], checksums))
        .collect();
    let mut dependencies = vec![json!({
        "ref": "runvoy",
        "dependsOn": programs(metadata).map(reference).collect::<Vec<_>>(),
    })];
    dependencies.extend(below.iter().map(|(id, used)| {
        let used: Vec<String> = used.iter().map(|id| reference(&metadata[*id])).collect();
        json!({"ref": reference(&metadata[*id]), "dependsOn": used})
    }));
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "runvoy",
                "name": "runvoy",
                "version": VERSION,
                "licenses": [{"expression": "MIT OR Apache-2.0"}],
            },
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

fn programs(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    let packages = metadata.packages.iter();
    packages.filter(|package| PROGRAMS.contains(&package.name.as_str()))
}

/// Every package in the programs and what helps to build them, each with those that it uses. Tests are not among them.
fn below(metadata: &Metadata) -> Result<BTreeMap<&PackageId, BTreeSet<&PackageId>>> {
    let resolve = metadata.resolve.as_ref().context("nothing is resolved")?;
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut open: Vec<&PackageId> = programs(metadata).map(|package| &package.id).collect();
    let mut seen = BTreeMap::new();
    while let Some(id) = open.pop() {
        if seen.contains_key(id) {
            continue;
        }
        let node = nodes.get(id).context("a package is not resolved")?;
        let used = node.deps.iter().filter(|used| {
            let mut kinds = used.dep_kinds.iter();
            kinds.any(|kind| kind.kind != DependencyKind::Development)
        });
        let used: BTreeSet<&PackageId> = used.map(|used| &used.pkg).collect();
        open.extend(&used);
        seen.insert(id, used);
    }
    Ok(seen)
}

fn component(package: &Package, checksums: &BTreeMap<(&str, &str), &str>) -> Value {
    let version = package.version.to_string();
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": package.name.as_str(),
        "version": version,
        "purl": reference(package),
    });
    if let Some(license) = &package.license {
        // Old manifests say `MIT/Apache-2.0` for a choice.
        component["licenses"] = json!([{"expression": license.replace('/', " OR ")}]);
    }
    if let Some(checksum) = checksums.get(&(package.name.as_str(), version.as_str())) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

/// The checksums of `Cargo.lock` by name and version; the workspace's own crates have none.
fn checksums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    let packages = lock.split("[[package]]").skip(1);
    packages
        .filter_map(|package| {
            let field = |name: &str| {
                let mut lines = package.lines();
                lines.find_map(|line| {
                    line.strip_prefix(name)?
                        .strip_prefix(" = \"")?
                        .strip_suffix('"')
                })
            };
            Some(((field("name")?, field("version")?), field("checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_names_what_is_built_in_and_nothing_that_only_tests_use() {
        let bill = of_the_workspace().unwrap();
        let components = bill["components"].as_array().unwrap();
        let find = |name: &str| components.iter().find(|found| found["name"] == name);
        for name in ["runvoy-agent", "rustls", "aws-sdk-dynamodb", "clap"] {
            assert!(find(name).is_some(), "{name}");
        }
        for name in ["runvoy-testkit", "proptest", "xtask"] {
            assert!(find(name).is_none(), "{name}");
        }
        let clap = find("clap").unwrap();
        assert_eq!(clap["hashes"][0]["content"].as_str().unwrap().len(), 64);
        assert_eq!(clap["licenses"][0]["expression"], "MIT OR Apache-2.0");
    }

    #[test]
    fn every_reference_of_the_bill_leads_to_a_component() {
        let bill = of_the_workspace().unwrap();
        let components = bill["components"].as_array().unwrap();
        let known: BTreeSet<&str> = components
            .iter()
            .map(|component| component["bom-ref"].as_str().unwrap())
            .collect();
        assert_eq!(known.len(), components.len(), "a reference stands for two");
        for dependency in bill["dependencies"].as_array().unwrap() {
            for used in dependency["dependsOn"].as_array().unwrap() {
                assert!(known.contains(used.as_str().unwrap()), "{used}");
            }
        }
    }

    #[test]
    fn checksums_are_read_from_the_lock() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ff\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        assert_eq!(checksums(lock), BTreeMap::from([(("a", "1.0.0"), "ff")]));
    }
}
