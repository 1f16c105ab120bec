//! Configuration: a TOML file under an overlay of the environment, refused with key and line when it is wrong.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds something that is not understood; the text names line and key.
    #[error("{path} is not usable:\n{reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// A variable of the environment holds something that is not understood.
    #[error("the environment's {variables} cannot be used together with {path}: {reason}")]
    Environment {
        /// The variables that were laid over the file.
        variables: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Variables beginning with this are laid over the file: `CONNECTOR__KAFKA__INSTANCE` sets `instance` in `[kafka]`.
pub const PREFIX: &str = "CONNECTOR__";

/// Reads a role's configuration.
///
/// # Errors
/// [`ConfigError`] says which file, line and key, or which variable.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&text, path, std::env::vars())
}

fn parse<T: DeserializeOwned>(
    text: &str,
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let file =
        |error: toml::de::Error| ConfigError::File { path: path.to_owned(), reason: told(&error, text) };
    let overlay: Vec<_> = environment.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    if overlay.is_empty() {
        return toml::from_str(text).map_err(file);
    }
    let mut table: Table = toml::from_str(text).map_err(file)?;
    for (name, value) in &overlay {
        let keys: Vec<String> = name.trim_start_matches(PREFIX).split("__").map(str::to_lowercase).collect();
        set(&mut table, &keys, scalar(value));
    }
    T::deserialize(table).map_err(|error| match toml::from_str::<T>(text) {
        Err(alone) if !alone.message().contains("missing field") => file(alone),
        _ => ConfigError::Environment {
            variables: overlay.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
            path: path.to_owned(),
            reason: without_value(error.message()),
        },
    })
}

/// What is wrong, in which line and under which key, but never the line itself or a value: either may be a secret.
fn told(error: &toml::de::Error, text: &str) -> String {
    let what = without_value(error.message());
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return what };
    let number = before.matches('\n').count();
    let key = text.lines().nth(number).and_then(|line| line.split_once('=')).map(|(key, _)| key.trim());
    let key = key.map_or_else(String::new, |key| format!(", {key}"));
    format!("line {}{key}: {what}", number + 1)
}

/// serde quotes what it found before it says what it expected.
fn without_value(message: &str) -> String {
    match message.split_once(", expected ") {
        Some((found, expected)) if found.starts_with("invalid") => {
            format!("not a value that can stand here, expected {expected}")
        }
        _ => message.to_owned(),
    }
}

fn set(table: &mut Table, keys: &[String], value: Value) {
    match keys {
        [] => (),
        [key] => {
            table.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let inner = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// A number or a truth value is taken as such, everything else as text.
fn scalar(text: &str) -> Value {
    if let Ok(number) = text.parse() {
        return Value::Integer(number);
    }
    text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Boolean)
}

/// A secret: given in place (for development) or as `{ file = "/run/secrets/…" }`. It is never printed.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Secret {
    /// In place.
    Value(SecretString),
    /// In a file, without the line end at its end.
    File {
        /// The file.
        file: PathBuf,
    },
}

impl Secret {
    /// The secret itself.
    ///
    /// # Errors
    /// [`ConfigError::Read`] when its file cannot be read.
    pub fn read(&self) -> Result<SecretString, ConfigError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File { file } => std::fs::read_to_string(file)
                .map(|text| SecretString::from(text.trim_end().to_owned()))
                .map_err(|source| ConfigError::Read { path: file.clone(), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        kafka: Kafka,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Kafka {
        instance: String,
        workers: u32,
    }

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        parse(text, Path::new("role.toml"), environment)
    }

    #[test]
    fn the_environment_is_laid_over_the_file() {
        let config = read(
            "[kafka]\ninstance = \"a\"\nworkers = 1",
            &[("CONNECTOR__KAFKA__WORKERS", "3"), ("HOME", "/")],
        );
        let kafka = config.unwrap().kafka;
        assert_eq!((kafka.instance.as_str(), kafka.workers), ("a", 3));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = read("[kafka]\ninstance = \"a\"\nworker = 1", &[]).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("worker"), "{error}");
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_printed() {
        for text in
            ["[kafka]\ninstanze = \"hush\"\nworkers = 1", "[kafka]\ninstance = \"a\"\nworkers = \"hush\""]
        {
            let error = read(text, &[]).unwrap_err().to_string();
            assert!(error.contains("line ") && !error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_bad_variable_is_named() {
        let error = read("[kafka]\ninstance = \"a\"\nworkers = 1", &[("CONNECTOR__KAFKA__WORKERS", "many")]);
        assert!(error.unwrap_err().to_string().contains("CONNECTOR__KAFKA__WORKERS"));
    }
}
