//! The topics as an AsyncAPI 3.0 document, made from the table in `events`; `schemas/asyncapi.json` is a copy that a test
//! keeps true.

use events::topics::{self, Cleanup, Topic};
use serde_json::{Map, Value, json};

/// The document.
pub(crate) fn document() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    for topic in topics::ALL {
        channels.insert(topic.name.to_owned(), channel(topic));
        operations.insert(format!("subscribe.{}", topic.name), operation(topic));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Cloud Data Connector topics",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0"},
            "description": "Values are Avro in the Confluent wire format; keys are UUID text. Refused records go to the topic's name with .dead behind it.",
        },
        "defaultContentType": "application/vnd.confluent.avro",
        "channels": channels,
        "operations": operations,
    })
}

fn channel(topic: &Topic) -> Value {
    json!({
        "address": topic.name,
        "description": format!("Written by {}; partitioned by {}.", topic.written_by, topic.partitioned_by),
        "messages": {topic.record: {
            "name": topic.record,
            "payload": {"schemaFormat": "application/vnd.apache.avro;version=1.11.0", "schema": {"$ref": format!("./{}.avsc", topic.record)}},
            "bindings": {"kafka": {
                "key": {"type": "string", "format": "uuid", "description": topic.key},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "schemaLookupStrategy": "TopicNameStrategy",
                "bindingVersion": "0.5.0",
            }},
        }},
        "bindings": {"kafka": {
            "topic": topic.name,
            "partitions": topic.partitions,
            "topicConfiguration": configuration(topic),
            "bindingVersion": "0.5.0",
        }},
    })
}

fn configuration(topic: &Topic) -> Value {
    match topic.cleanup {
        Cleanup::Compact => {
            json!({"cleanup.policy": ["compact"], "max.message.bytes": topic.max_message_bytes})
        }
        Cleanup::Delete { hours } => json!({
            "cleanup.policy": ["delete"],
            "retention.ms": u64::from(hours) * 3_600_000,
            "max.message.bytes": topic.max_message_bytes,
        }),
    }
}

fn operation(topic: &Topic) -> Value {
    json!({"action": "receive", "channel": {"$ref": format!("#/channels/{}", topic.name)}})
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checked_in_document_is_the_one_the_code_makes() {
        let kept = include_str!("../../../schemas/asyncapi.json");
        let made = serde_json::to_string_pretty(&super::document()).unwrap();
        assert_eq!(kept.trim_end(), made, "run: connector schemas asyncapi > schemas/asyncapi.json");
    }
}
