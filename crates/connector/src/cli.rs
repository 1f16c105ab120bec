//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Open-banking data by consent: fetched, put into one structure, categorised and served.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The roles and the tools.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything in one process, with an embedded database, an in-memory broker and a sandbox bank: for evaluation
    #[cfg(feature = "embedded")]
    Dev(DevArgs),
    /// Role: Consent Management API, authorisation at the institutions, consent events
    ConsentProducer(RoleArgs),
    /// Role: plans fetch jobs and fetches from the institutions
    FetchWorkers(RoleArgs),
    /// Role: raw answers of every standard into one structure
    Normalizer(RoleArgs),
    /// Role: enriches and categorises
    Categorizer(RoleArgs),
    /// Role: lands enriched records in the store and erases what a consent no longer covers
    Lander(RoleArgs),
    /// Role: serves accounts and transactions
    QueryApi(RoleArgs),
    /// Brings the database to this version's schema
    Migrate(RoleArgs),
    /// Topics of the broker
    Topics {
        /// What to do with them.
        #[command(subcommand)]
        action: TopicsAction,
    },
    /// Schemas in the registry
    Schemas {
        /// What to do with them.
        #[command(subcommand)]
        action: SchemasAction,
    },
    /// How far each consumer group is behind
    Lag(RoleArgs),
    /// Records that a stage refused
    DeadLetters {
        /// What to do with them.
        #[command(subcommand)]
        action: DeadLettersAction,
    },
    /// Adds category, merchant and reason to a CSV file of transactions; needs no services
    Enrich(EnrichArgs),
    /// Scores the categoriser on a CSV file with a `label` column
    Eval(EvalArgs),
    /// Measures the pipeline on a real broker and database
    Bench(crate::bench::BenchArgs),
    /// A sandbox bank by itself
    #[cfg(feature = "sandbox")]
    SandboxBank(SandboxBankArgs),
    /// A Confluent-compatible schema registry for development
    #[cfg(feature = "sandbox")]
    Registry(RegistryArgs),
}

/// Where a role's configuration is.
#[derive(Debug, Clone, Args)]
pub struct RoleArgs {
    /// Configuration file; `CONNECTOR__SECTION__KEY` variables are laid over it
    #[arg(long, short)]
    pub config: PathBuf,
}

/// Everything in one process.
#[cfg(feature = "embedded")]
#[derive(Debug, Clone, Args)]
pub struct DevArgs {
    /// Where database, keys and `endpoints.json` are kept; a temporary directory with --demo
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Customers with approved consents to begin with
    #[arg(long, default_value_t = 0)]
    pub seed_customers: usize,
    /// Play a customer: consent, sign in, approve, watch, revoke; then exit
    #[arg(long)]
    pub demo: bool,
    /// Where the APIs listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// What the sandbox bank's customers and their histories are made from
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// What is logged, in the syntax of `RUST_LOG`
    #[arg(long, default_value = "warn")]
    pub log: String,
}

/// What to do with topics.
#[derive(Debug, Subcommand)]
pub enum TopicsAction {
    /// Creates what is missing; never shrinks or deletes
    Apply(RoleArgs),
}

/// What to do with schemas.
#[derive(Debug, Subcommand)]
pub enum SchemasAction {
    /// Registers this version's schemas; the registry refuses what would break readers
    Register(RoleArgs),
    /// Prints the topics as an AsyncAPI document
    Asyncapi,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLettersAction {
    /// Lists them by topic and reason; shows no payload
    List {
        /// Configuration.
        #[command(flatten)]
        role: RoleArgs,
        /// Only of this topic
        #[arg(long)]
        topic: Option<String>,
    },
    /// Shows one with its headers; the payload only as a size
    Show {
        /// Configuration.
        #[command(flatten)]
        role: RoleArgs,
        /// The source topic
        #[arg(long)]
        topic: String,
        /// Partition of the dead-letter topic
        #[arg(long)]
        partition: i32,
        /// Offset in the dead-letter topic
        #[arg(long)]
        offset: i64,
    },
    /// Sends them back to their topic, with their key and headers
    Replay {
        /// Configuration.
        #[command(flatten)]
        role: RoleArgs,
        /// The source topic
        #[arg(long)]
        topic: String,
        /// Only those with this code
        #[arg(long)]
        code: Option<String>,
    },
}

/// A CSV file to enrich.
#[derive(Debug, Args)]
pub struct EnrichArgs {
    /// Columns description, amount, currency, direction, mcc, country; others are passed through
    pub file: PathBuf,
    /// Where the enriched file goes
    #[arg(long)]
    pub output: PathBuf,
    /// Where a report with a picture goes
    #[arg(long)]
    pub report: Option<PathBuf>,
}

/// A labelled CSV file.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The same columns and `label`
    pub file: PathBuf,
    /// Tell the engine each row's label after it answered, as a customer's correction would
    #[arg(long)]
    pub learn: bool,
    /// Where a report with pictures goes
    #[arg(long)]
    pub report: Option<PathBuf>,
}

/// A bank alone.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
pub struct SandboxBankArgs {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    /// Its address as seen by others, when it is not the one it listens on
    #[arg(long)]
    pub public_url: Option<url::Url>,
    /// What its customers are made from
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// How many customers
    #[arg(long, default_value_t = 20)]
    pub customers: usize,
    /// Rows on a page of transactions
    #[arg(long, default_value_t = 100)]
    pub page_size: usize,
    /// The client that may ask for consents
    #[arg(long, default_value = "connector")]
    pub client_id: String,
    /// Its secret
    #[arg(
        long,
        env = "SANDBOX_CLIENT_SECRET",
        default_value = "sandbox-client-secret",
        hide_env_values = true
    )]
    pub client_secret: String,
    /// Where the client may be sent back to
    #[arg(long = "redirect-uri", required = true)]
    pub redirect_uris: Vec<url::Url>,
    /// Where consents and grants are kept over restarts
    #[arg(long)]
    pub state: Option<PathBuf>,
}

/// A registry alone.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
pub struct RegistryArgs {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// Where schemas are kept over restarts
    #[arg(long)]
    pub file: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
