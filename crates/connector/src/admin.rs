//! The operators' tools.

use std::path::Path;

use comfy_table::{Cell, CellAlignment, Table, presets};
use service::config;
use stage_runner::KafkaConfig;
use stage_runner::admin::{self, dead_letters};

use crate::asyncapi;
use crate::cli::{DeadLettersAction, SchemasAction, TopicsAction};
use crate::config::{NoRole, RoleConfig};
use crate::output::say;

fn read(path: &Path) -> anyhow::Result<RoleConfig<NoRole>> {
    Ok(config::load(path)?)
}

fn kafka(path: &Path) -> anyhow::Result<KafkaConfig> {
    read(path)?.kafka()
}

pub(crate) async fn migrate(path: &Path) -> anyhow::Result<()> {
    read(path)?.store().await?.migrate().await?;
    say("the database has this version's schema");
    Ok(())
}

pub(crate) async fn topics(action: &TopicsAction) -> anyhow::Result<()> {
    let TopicsAction::Apply(args) = action;
    let created = admin::apply_topics(&kafka(&args.config)?).await?;
    for topic in &created {
        say(&format!("created {topic}"));
    }
    say(&format!("{} topics created; the others were there", created.len()));
    Ok(())
}

pub(crate) async fn schemas(action: &SchemasAction) -> anyhow::Result<()> {
    match action {
        SchemasAction::Register(args) => {
            for (subject, id) in admin::register_schemas(&kafka(&args.config)?).await? {
                say(&format!("{subject}: id {id}"));
            }
        }
        SchemasAction::Asyncapi => say(&serde_json::to_string_pretty(&asyncapi::document())?),
    }
    Ok(())
}

/// Every consumer group of the roles.
const GROUPS: [&str; 11] = [
    "consent-intake",
    "consent-revocations",
    "fetch-planner",
    "fetch-first",
    "fetch-attended",
    "fetch-batch",
    "normalizer",
    "categorizer",
    "lander-transactions",
    "lander-accounts",
    "lander-balances",
];

pub(crate) async fn lag(path: &Path) -> anyhow::Result<()> {
    let mut table = table(&["group", "topic", "partition", "position", "end", "lag"]);
    for lag in admin::lag(&kafka(path)?, &GROUPS).await? {
        table.add_row(vec![
            Cell::new(&lag.group),
            Cell::new(lag.topic),
            right(lag.partition),
            right(lag.position),
            right(lag.end),
            right(lag.lag),
        ]);
    }
    say(&table.to_string());
    Ok(())
}

pub(crate) async fn dead_letters(action: &DeadLettersAction) -> anyhow::Result<()> {
    match action {
        DeadLettersAction::List { role, topic } => list(&kafka(&role.config)?, topic.as_deref()).await,
        DeadLettersAction::Show { role, topic, partition, offset } => {
            show(&kafka(&role.config)?, topic, *partition, *offset).await
        }
        DeadLettersAction::Replay { role, topic, code } => {
            let sent = dead_letters::replay(&kafka(&role.config)?, topic, code.as_deref()).await?;
            say(&format!("{sent} dead letters sent back to {topic}"));
            Ok(())
        }
    }
}

async fn list(kafka: &KafkaConfig, topic: Option<&str>) -> anyhow::Result<()> {
    let mut table = table(&["topic", "partition", "offset", "stage", "code", "attempts", "bytes", "at"]);
    for letter in dead_letters::list(kafka, topic).await? {
        table.add_row(vec![
            Cell::new(letter.topic),
            right(letter.partition),
            right(letter.offset),
            Cell::new(&letter.stage),
            Cell::new(&letter.code),
            right(letter.attempts),
            right(letter.bytes.map_or_else(|| "none".to_owned(), |bytes| bytes.to_string())),
            Cell::new(&letter.at),
        ]);
    }
    say(&table.to_string());
    Ok(())
}

/// Everything about one letter but what it says: that is the customer's.
async fn show(kafka: &KafkaConfig, topic: &str, partition: i32, offset: i64) -> anyhow::Result<()> {
    let letter = dead_letters::show(kafka, topic, partition, offset).await?;
    let mut table = table(&["", ""]);
    let bytes = letter.bytes.map_or_else(|| "none (tombstone)".to_owned(), |bytes| bytes.to_string());
    for (name, value) in [
        ("topic", letter.topic.to_owned()),
        ("partition", letter.partition.to_string()),
        ("offset among the dead letters", letter.offset.to_string()),
        ("offset in the topic", letter.source_offset),
        ("key", letter.key),
        ("refused by", letter.stage),
        ("code", letter.code),
        ("detail", letter.detail),
        ("refused how often", letter.attempts.to_string()),
        ("at", letter.at),
        ("trace", letter.trace.map(|trace| trace.to_string()).unwrap_or_default()),
        ("bytes of the value", bytes),
    ] {
        table.add_row(vec![name, &value]);
    }
    say(&table.to_string());
    Ok(())
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header);
    table
}

fn right(text: impl ToString) -> Cell {
    Cell::new(text.to_string()).set_alignment(CellAlignment::Right)
}
