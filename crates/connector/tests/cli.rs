//! What can be typed, and what is said when it is wrong.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what is not as it must be ends the test")]

use std::process::{Command, Output};

/// Every subcommand that takes no further one.
const COMMANDS: &[&[&str]] = &[
    &["dev"],
    &["consent-producer"],
    &["fetch-workers"],
    &["normalizer"],
    &["categorizer"],
    &["lander"],
    &["query-api"],
    &["migrate"],
    &["topics", "apply"],
    &["schemas", "register"],
    &["schemas", "asyncapi"],
    &["lag"],
    &["dead-letters", "list"],
    &["dead-letters", "show"],
    &["dead-letters", "replay"],
    &["enrich"],
    &["eval"],
    &["bench"],
    &["sandbox-bank"],
    &["registry"],
];

const ROLES: [&str; 6] =
    ["consent-producer", "fetch-workers", "normalizer", "categorizer", "lander", "query-api"];

fn connector(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_connector")).args(args).output().unwrap()
}

/// Standard error of a role that is started with this configuration and must refuse it.
fn refusal(role: &str, config: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("role.toml");
    std::fs::write(&file, config).unwrap();
    let output = connector(&[role, "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{role} takes the configuration");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_command_explains_itself() {
    for command in COMMANDS {
        let output = connector(&[command, &["--help"][..]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("Usage: connector"), "{command:?}: {text}");
    }
}

#[test]
fn the_list_above_is_complete() {
    let output = connector(&["--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, list) = text.split_once("Commands:\n").unwrap();
    // A name is indented by two; what goes on with an explanation, by more.
    let names = list.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
    for name in names.filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()) {
        assert!(name == "help" || COMMANDS.iter().any(|command| command[0] == name), "{name} is not listed");
    }
}

#[test]
fn a_key_that_is_not_known_is_refused_with_its_line() {
    for role in ROLES {
        let said = refusal(role, "[kafka]\nbootstrap_server = \"localhost:9092\"\n[role]\n");
        assert!(said.contains("line 2") && said.contains("bootstrap_server"), "{role}: {said}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_with_its_line_and_no_secret_is_shown() {
    let said = refusal(
        "lander",
        "[database]\nurl = \"postgres://connector:hunter2@localhost/connector\"\nmax_connections = \"many\"\n\
         master_key = { id = \"a\", key = \"AAAA\" }\n[role]\n",
    );
    assert!(said.contains("line 3") && said.contains("max_connections"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = connector(&["lander", "--config", "/nowhere/lander.toml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/nowhere/lander.toml"));
}
