//! The Rust types, the schema files and their examples hold each other to their word.
#![expect(clippy::unwrap_used, reason = "a test panics")]

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::PathBuf;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema_compatibility::SchemaCompatibility;
use apache_avro::types::Value;
use events::{
    Account, BalanceSnapshot, ConsentEvent, EnrichedTransaction, FetchJob, FetchOutcome,
    NormalizedTransaction, RawWindow, Record, avro, topics,
};
use rust_decimal::Decimal;
use serde_json::Value as Json;

macro_rules! for_every_record {
    ($check:ident) => {
        $check::<ConsentEvent>();
        $check::<FetchJob>();
        $check::<RawWindow>();
        $check::<NormalizedTransaction>();
        $check::<EnrichedTransaction>();
        $check::<Account>();
        $check::<BalanceSnapshot>();
        $check::<FetchOutcome>();
    };
}

fn schemas() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

fn example<T: Record>() -> T {
    let file = schemas().join("examples").join(format!("{}.json", T::NAME));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn schema<T: Record>() -> Schema {
    Schema::parse_str(T::SCHEMA).unwrap()
}

fn schema_json<T: Record>() -> Json {
    serde_json::from_str(T::SCHEMA).unwrap()
}

fn read_by_schema<T: Record>(datum: &[u8]) -> Value {
    let schema = schema::<T>();
    let mut datum = Cursor::new(datum);
    let value = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut datum).unwrap();
    assert_eq!(
        datum.position(),
        u64::try_from(datum.get_ref().len()).unwrap(),
        "{} has bytes left over",
        T::NAME
    );
    value
}

/// Whether what a reader that knows only the schema sees is what the record says of itself.
fn same(value: &Value, json: &Json) -> bool {
    match (value, json) {
        (Value::Union(_, inner), json) => same(inner, json),
        (Value::Null, Json::Null) => true,
        (Value::Boolean(one), Json::Bool(other)) => one == other,
        (Value::Int(one) | Value::Date(one), Json::Number(other)) => other.as_i64() == Some(i64::from(*one)),
        (Value::Long(one) | Value::TimestampMicros(one), Json::Number(other)) => other.as_i64() == Some(*one),
        (Value::String(one) | Value::Enum(_, one), Json::String(other)) => one == other,
        (Value::Uuid(one), Json::String(other)) => one.to_string() == *other,
        (Value::Bytes(one), Json::Array(other)) => {
            one.iter().map(|b| Json::from(*b)).eq(other.iter().cloned())
        }
        (Value::Decimal(one), Json::String(other)) => decimal(one) == other.parse().unwrap(),
        (Value::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Record(fields), Json::Object(members)) => {
            fields.len() == members.len()
                && fields
                    .iter()
                    .all(|(name, value)| members.get(name).is_some_and(|member| same(value, member)))
        }
        _ => false,
    }
}

fn decimal(value: &apache_avro::Decimal) -> Decimal {
    let bytes = Vec::<u8>::try_from(value).unwrap();
    let sign = if bytes.first().is_some_and(|first| first & 0x80 != 0) { -1 } else { 0 };
    let units = bytes.iter().fold(sign, |units: i128, byte| (units << 8) | i128::from(*byte));
    Decimal::from_i128_with_scale(units, 5)
}

#[test]
fn every_example_survives_our_codec_and_reads_the_same_by_its_schema_alone() {
    fn check<T: Record>() {
        let record = example::<T>();
        let datum = avro::encode(&record).unwrap();
        let again: T = avro::decode(&datum, T::codec()).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), rescaled(&record), "{}", T::NAME);
        let value = read_by_schema::<T>(&datum);
        assert!(same(&value, &serde_json::to_value(&record).unwrap()), "{} reads as {value:?}", T::NAME);
    }
    for_every_record!(check);
}

/// A record's JSON with amounts as the wire gives them back, five places after the point.
fn rescaled<T: Record>(record: &T) -> Json {
    fn walk(value: &mut Json) {
        match value {
            Json::Object(members) => {
                for (name, member) in members {
                    match member {
                        Json::String(text) if matches!(name.as_str(), "amount" | "balance_after") => {
                            let mut amount: Decimal = text.parse().unwrap();
                            amount.rescale(5);
                            *text = amount.to_string();
                        }
                        other => walk(other),
                    }
                }
            }
            Json::Array(items) => items.iter_mut().for_each(walk),
            _ => (),
        }
    }
    let mut json = serde_json::to_value(record).unwrap();
    walk(&mut json);
    json
}

/// Paths of all fields of a schema, `a.b` for field `b` of the record in field `a`.
fn schema_fields(schema: &Json, path: &str, found: &mut BTreeSet<String>) {
    match schema {
        Json::Array(union) => union.iter().for_each(|branch| schema_fields(branch, path, found)),
        Json::Object(of) if of["type"] == "record" => {
            for field in of["fields"].as_array().unwrap() {
                let path = format!("{path}.{}", field["name"].as_str().unwrap());
                schema_fields(&field["type"], &path, found);
                found.insert(path);
            }
        }
        Json::Object(of) if of["type"] == "array" => schema_fields(&of["items"], path, found),
        _ => (),
    }
}

fn type_fields(json: &Json, path: &str, found: &mut BTreeSet<String>) {
    match json {
        Json::Object(members) => {
            for (name, member) in members {
                let path = format!("{path}.{name}");
                type_fields(member, &path, found);
                found.insert(path);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| type_fields(item, path, found)),
        _ => (),
    }
}

#[test]
fn types_and_schemas_have_the_same_fields_and_every_example_shows_all_of_them() {
    fn check<T: Record>() {
        let (mut by_schema, mut by_type) = (BTreeSet::new(), BTreeSet::new());
        schema_fields(&schema_json::<T>(), "", &mut by_schema);
        type_fields(&serde_json::to_value(example::<T>()).unwrap(), "", &mut by_type);
        assert_eq!(by_schema, by_type, "{}", T::NAME);
    }
    for_every_record!(check);
}

#[test]
fn the_transaction_inside_the_enriched_one_is_the_normalized_one() {
    let enriched = schema_json::<EnrichedTransaction>();
    let inside =
        enriched["fields"].as_array().unwrap().iter().find(|field| field["name"] == "transaction").unwrap();
    assert_eq!(inside["type"], schema_json::<NormalizedTransaction>());
}

#[test]
fn provenance_is_the_same_wherever_it_stands() {
    fn of<T: Record>() -> Json {
        let schema = schema_json::<T>();
        let mut fields = schema["fields"].as_array().unwrap().iter();
        fields.find(|field| field["name"] == "provenance").unwrap()["type"].clone()
    }
    assert_eq!(of::<Account>(), of::<NormalizedTransaction>());
    assert_eq!(of::<BalanceSnapshot>(), of::<NormalizedTransaction>());
}

#[test]
fn every_topic_carries_a_record_of_its_schema() {
    for topic in topics::ALL {
        let file = schemas().join(format!("{}.avsc", topic.record));
        assert_eq!(std::fs::read_to_string(file).unwrap(), topic.schema, "{}", topic.name);
    }
}

/// The schema with its first top-level field changed by `change`.
fn changed<T: Record>(change: impl FnOnce(&mut Vec<Json>)) -> Schema {
    let mut json = schema_json::<T>();
    change(json.get_mut("fields").and_then(Json::as_array_mut).unwrap());
    Schema::parse(&json).unwrap()
}

fn may_follow<T: Record>(next: &Schema) -> bool {
    SchemaCompatibility::can_read(&schema::<T>(), next).is_ok()
}

#[test]
fn a_field_may_be_added_with_a_default_and_nothing_else() {
    fn check<T: Record>() {
        let field = |more: &str| {
            serde_json::from_str::<Json>(&format!(r#"{{"name": "added", "type": ["null", "string"]{more}}}"#))
                .unwrap()
        };
        let with_default = changed::<T>(|fields| fields.push(field(r#", "default": null"#)));
        assert!(may_follow::<T>(&with_default), "{}", T::NAME);
        let without = changed::<T>(|fields| fields.push(field("")));
        assert!(!may_follow::<T>(&without), "{} took a field without a default", T::NAME);
        let renamed = changed::<T>(|fields| fields[0]["name"] = "renamed".into());
        assert!(!may_follow::<T>(&renamed), "{} took a renamed field", T::NAME);
        let retyped = changed::<T>(|fields| fields[0]["type"] = "boolean".into());
        assert!(!may_follow::<T>(&retyped), "{} took another type", T::NAME);
    }
    for_every_record!(check);
}
