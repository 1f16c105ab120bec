//! The schema registry, in the four calls of Confluent's API that are needed.

use std::time::Duration;

use backoff::{ExponentialBuilder, Retryable};
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::RunError;

/// A registry somewhere.
#[derive(Debug)]
pub(crate) struct Registry {
    http: Client,
    base: Url,
}

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// The registry does not know it.
    #[error("not found")]
    NotFound,
    /// The registry says no.
    #[error("{status}: {message}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// What the registry says.
        message: String,
    },
    /// No answer, or none that can be read.
    #[error("no usable answer: {0}")]
    Unreachable(#[from] reqwest::Error),
}

#[derive(Deserialize)]
struct Id {
    id: u32,
}

#[derive(Deserialize)]
struct Schema {
    schema: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    compatibility_level: String,
}

impl Registry {
    pub(crate) fn new(base: &Url) -> Result<Self, RunError> {
        let http = Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(|error| RunError::Registry(error.to_string()))?;
        Ok(Self { http, base: base.clone() })
    }

    /// The text of a schema (`GET /schemas/ids/{id}`).
    pub(crate) async fn schema(&self, id: u32) -> Result<String, Problem> {
        let id = id.to_string();
        Ok(self.call::<Schema>(Method::GET, &["schemas", "ids", &id], None).await?.schema)
    }

    /// The id of a schema that is registered already (`POST /subjects/{subject}`).
    pub(crate) async fn look_up(&self, subject: &str, schema: &str) -> Result<u32, RunError> {
        match self.patiently(&["subjects", subject], schema).await {
            Ok(found) => Ok(found.id),
            Err(Problem::NotFound) => Err(RunError::NotRegistered { subject: subject.to_owned() }),
            Err(other) => Err(RunError::Registry(other.to_string())),
        }
    }

    /// Registers a schema, or finds it (`POST /subjects/{subject}/versions`).
    pub(crate) async fn register(&self, subject: &str, schema: &str) -> Result<u32, RunError> {
        match self.patiently(&["subjects", subject, "versions"], schema).await {
            Ok(found) => Ok(found.id),
            Err(Problem::Refused { status: StatusCode::CONFLICT, message }) => {
                Err(RunError::Incompatible { subject: subject.to_owned(), reason: message })
            }
            Err(other) => Err(RunError::Registry(other.to_string())),
        }
    }

    /// How strict the registry is about new versions (`GET /config`).
    pub(crate) async fn compatibility(&self) -> Result<String, RunError> {
        let config = self.call::<Config>(Method::GET, &["config"], None).await;
        config.map(|config| config.compatibility_level).map_err(|error| RunError::Registry(error.to_string()))
    }

    /// A registry that is starting beside us gets half a minute.
    async fn patiently(&self, path: &[&str], schema: &str) -> Result<Id, Problem> {
        let body = json!({ "schema": schema });
        (async || self.call::<Id>(Method::POST, path, Some(&body)).await)
            .retry(ExponentialBuilder::default().with_jitter().with_max_times(6))
            .when(Problem::passes)
            .await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<T, Problem> {
        let mut request = self.http.request(method, self.address(path));
        if let Some(body) = body {
            request = request.json(body);
        }
        // The address may hold a password; errors go without it.
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        match answer.status() {
            status if status.is_success() => Ok(answer.json().await.map_err(reqwest::Error::without_url)?),
            StatusCode::NOT_FOUND => Err(Problem::NotFound),
            status => {
                let body = answer.json::<Value>().await.unwrap_or_default();
                let message = body.get("message").and_then(Value::as_str).unwrap_or("no reason given");
                Err(Problem::Refused { status, message: message.chars().take(500).collect() })
            }
        }
    }

    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

impl Problem {
    /// Whether another try may bring an answer.
    fn passes(&self) -> bool {
        match self {
            Self::NotFound => false,
            Self::Refused { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Unreachable(_) => true,
        }
    }
}
