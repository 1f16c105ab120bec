//! A schema registry that speaks Confluent's protocol for Avro, in memory or in one file.
//!
//! The same schema has the same id wherever it is registered; a version that would break readers is refused under the
//! subject's level (backward unless set otherwise). References between schemas and deletion are not served.

mod problem;
mod routes;
mod schemas;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use url::Url;

use crate::persist::FileError;
use crate::serve::{self, ServeError};
use schemas::Schemas;

/// A registry that serves until its token is cancelled.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Its address.
    pub url: Url,
}

/// Why a registry does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It cannot listen.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Its kept schemas cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Registry {
    /// Starts a registry that serves until `shutdown` is cancelled and keeps its schemas in `file`, if there is one.
    ///
    /// # Errors
    /// When the address is taken or the file is damaged.
    pub async fn start(
        listen: SocketAddr,
        shutdown: CancellationToken,
        file: Option<PathBuf>,
    ) -> Result<Self, StartError> {
        let schemas = Schemas::open(file)?;
        let listener = serve::bind(listen).await?;
        let url = serve::url(&listener)?;
        serve::spawn(listener, routes::router(Arc::new(schemas)), shutdown);
        Ok(Self { url })
    }
}

#[cfg(test)]
mod tests;
