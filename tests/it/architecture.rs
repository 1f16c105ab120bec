//! The table of ARCHITECTURE.md, enforced: who may depend on whom.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// What each crate may use of ours, besides in tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("events", &[]),
    ("service", &[]),
    ("store", &["events"]),
    ("stage-runner", &["events", "service"]),
    ("institutions", &["events", "service"]),
    ("consent-producer", &["events", "service", "store", "stage-runner", "institutions"]),
    ("fetch-workers", &["events", "service", "store", "stage-runner", "institutions"]),
    ("normalizer", &["events", "service", "store", "stage-runner"]),
    ("categorizer", &["events", "service", "store", "stage-runner"]),
    ("lander", &["events", "service", "store", "stage-runner"]),
    ("query-api", &["events", "service", "store"]),
    ("sandbox", &["events", "service", "institutions"]),
];

/// Outside libraries that only these may link.
const CONFINED: &[(&str, &[&str])] = &[
    ("rdkafka", &["stage-runner", "sandbox", "connector"]),
    ("sqlx", &["store"]),
    ("axum", &["service", "consent-producer", "query-api", "sandbox", "connector"]),
];

fn metadata() -> Metadata {
    MetadataCommand::new().exec().unwrap()
}

/// Each package of the workspace with its dependencies that are not only for tests.
fn edges(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata.workspace_packages();
    let dependencies = |package: &cargo_metadata::Package| {
        let used =
            package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
        used.map(|dependency| dependency.name.clone()).collect()
    };
    packages.iter().map(|package| (package.name.to_string(), dependencies(package))).collect()
}

#[test]
fn dependencies_between_our_crates_point_down_only() {
    let edges = edges(&metadata());
    for (name, allowed) in ALLOWED {
        let ours = edges[*name].iter().filter(|used| edges.contains_key(used.as_str()));
        for used in ours {
            assert!(allowed.contains(&used.as_str()), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn every_crate_of_the_workspace_is_in_the_table() {
    let known: BTreeSet<&str> =
        ALLOWED.iter().map(|(name, _)| *name).chain(["connector", "connector-tests"]).collect();
    let edges = edges(&metadata());
    let unknown: Vec<_> = edges.keys().filter(|name| !known.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "not in the table of ARCHITECTURE.md: {unknown:?}");
}

#[test]
fn one_crate_does_the_input_and_output_for_each_kind_of_thing() {
    let edges = edges(&metadata());
    for (library, users) in CONFINED {
        for (name, used) in &edges {
            let may = users.contains(&name.as_str()) || name == "connector-tests";
            assert!(may || !used.contains(*library), "{name} must not link {library}");
        }
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in metadata().workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} forgets the lints", package.name);
    }
}

#[test]
fn the_crate_table_of_the_architecture_names_every_crate() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../ARCHITECTURE.md")).unwrap();
    for (name, _) in ALLOWED {
        assert!(text.contains(&format!("| `{name}` |")), "{name} is missing in ARCHITECTURE.md");
    }
}
