//! This version's schemas, into the registry.

use events::topics;

use crate::kafka::registry::Registry;
use crate::kafka::subject;
use crate::{KafkaConfig, RunError};

/// Registers the schema of every topic's values, or finds it; returns the registry's names and ids.
///
/// # Errors
/// [`RunError::Incompatible`] when the registry refuses a schema, [`RunError::Registry`] when it does not answer.
pub async fn register_schemas(config: &KafkaConfig) -> Result<Vec<(String, u32)>, RunError> {
    config.check()?;
    let registry = Registry::new(&config.registry_url)?;
    if registry.compatibility().await? == "NONE" {
        tracing::warn!(
            "the registry accepts incompatible schemas; set its compatibility to BACKWARD or stricter"
        );
    }
    let mut registered = Vec::with_capacity(topics::ALL.len());
    for topic in topics::ALL {
        let subject = subject(config, topic);
        let id = registry.register(&subject, topic.schema).await?;
        registered.push((subject, id));
    }
    Ok(registered)
}
