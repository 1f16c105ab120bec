//! One binary: `dev` runs every role in one process, each role runs alone as a subcommand, and the operators' tools are
//! here too. It wires and prints; it holds no logic of the pipeline.

mod admin;
mod asyncapi;
pub mod bench;
mod cli;
mod config;
#[cfg(feature = "embedded")]
pub mod dev;
mod files;
mod output;
mod roles;
#[cfg(feature = "sandbox")]
mod stand_ins;

use std::process::ExitCode;

pub use cli::{Cli, Command};

/// Runs a command to its end: 0 when it did what was asked, 1 with the reason on standard error otherwise.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("connector: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(dispatch(cli.command))
}

async fn dispatch(command: Command) -> anyhow::Result<()> {
    match command {
        #[cfg(feature = "embedded")]
        Command::Dev(args) => Box::pin(dev::run(args)).await,
        Command::ConsentProducer(args) => roles::consent_producer(&args.config).await,
        Command::FetchWorkers(args) => roles::fetch_workers(&args.config).await,
        Command::Normalizer(args) => roles::normalizer(&args.config).await,
        Command::Categorizer(args) => roles::categorizer(&args.config).await,
        Command::Lander(args) => roles::lander(&args.config).await,
        Command::QueryApi(args) => roles::query_api(&args.config).await,
        Command::Migrate(args) => admin::migrate(&args.config).await,
        Command::Topics { action } => admin::topics(&action).await,
        Command::Schemas { action } => admin::schemas(&action).await,
        Command::Lag(args) => admin::lag(&args.config).await,
        Command::DeadLetters { action } => admin::dead_letters(&action).await,
        Command::Enrich(args) => files::enrich(&args),
        Command::Eval(args) => files::eval(&args),
        Command::Bench(args) => bench::run(args).await,
        #[cfg(feature = "sandbox")]
        Command::SandboxBank(args) => stand_ins::bank(args).await,
        #[cfg(feature = "sandbox")]
        Command::Registry(args) => stand_ins::registry(args).await,
    }
}
