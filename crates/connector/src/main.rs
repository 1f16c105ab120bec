//! The one binary: `connector dev`, one subcommand for each role, and the operators' tools.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    connector::run(connector::Cli::parse())
}
