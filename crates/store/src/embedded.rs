//! PostgreSQL 17 in this process: for development and for tests.
//!
//! It serves one connection, over a Unix socket in a directory that only this user can enter.

use std::path::Path;
use std::time::{Duration, Instant};

use pglite_oxide::PgliteServer;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tempfile::TempDir;
// Only named here so that its version is pinned together with the embedded database's.
use virtual_net as _;

use crate::{MasterKeys, Store, StoreError};

/// How long a data directory may stay locked after its last process was killed.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A running embedded database. It serves until the last clone of its store is gone or [`Self::stop`] was called.
pub struct Embedded {
    store: Store,
    server: Running,
}

/// The server, and the directory of its socket, which has to outlive it.
struct Running(Option<(PgliteServer, TempDir)>);

impl Embedded {
    /// Starts the database in `dir`, or a temporary one that disappears with the process, and connects to it. The
    /// schema is left as it is: see [`Store::migrate`].
    ///
    /// # Errors
    /// [`StoreError::Embedded`] when the directory belongs to a running process or cannot be used.
    pub async fn start(dir: Option<&Path>, keys: MasterKeys) -> Result<Self, StoreError> {
        let socket = tempfile::Builder::new().prefix("connector-").tempdir().map_err(failed)?;
        let options = PgConnectOptions::new_without_pgpass()
            .socket(socket.path())
            .username("postgres")
            .database("template1");
        let server = launch(dir, socket).await?;
        Ok(Self { store: Store::open(one_for_ever(), options, keys).await?, server })
    }

    /// The store in it.
    #[must_use]
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// Closes the connection and shuts the database down.
    pub async fn stop(mut self) {
        self.store.pool.close().await;
        let Some((server, socket)) = self.server.0.take() else { return };
        let stopped = tokio::task::spawn_blocking(move || {
            let result = server.shutdown();
            drop(socket);
            result
        });
        if let Ok(Err(error)) = stopped.await {
            tracing::warn!(%error, "embedded database did not shut down cleanly");
        }
    }
}

/// A pool that never closes its one connection. The server ends for good when a client goes while an answer to it is on
/// the way, and a caller that vanishes while the pool tests a connection before handing it out would do just that.
fn one_for_ever() -> PgPoolOptions {
    PgPoolOptions::new().max_connections(1).test_before_acquire(false).idle_timeout(None).max_lifetime(None)
}

async fn launch(dir: Option<&Path>, socket: TempDir) -> Result<Running, StoreError> {
    let dir = dir.map(Path::to_owned);
    tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            let builder = PgliteServer::builder().unix(socket.path().join(".s.PGSQL.5432"));
            let builder = match &dir {
                Some(dir) => builder.path(dir),
                None => builder.temporary(),
            };
            match builder.start() {
                Ok(server) => return Ok(Running(Some((server, socket)))),
                // The lock of a killed process goes a moment after it.
                Err(error) if error.to_string().contains("in use") && Instant::now() < deadline => pause(),
                Err(error) => return Err(failed(format!("{error:#}"))),
            }
        }
    })
    .await
    .map_err(failed)?
}

#[expect(
    clippy::disallowed_methods,
    reason = "runs on a thread for blocking work; nothing tells when the lock is free"
)]
fn pause() {
    std::thread::sleep(LOCK_PAUSE);
}

fn failed(error: impl ToString) -> StoreError {
    StoreError::Embedded(error.to_string())
}

/// Shutting down waits for the client to go, and whoever drops this may be the one who keeps it.
impl Drop for Running {
    fn drop(&mut self) {
        if let Some(server) = self.0.take() {
            std::thread::spawn(move || drop(server));
        }
    }
}
