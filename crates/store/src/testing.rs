//! Migrated, empty databases for tests, each with its own.
//!
//! With `TEST_DATABASE_URL` set, databases are made on that server (its role needs CREATEDB); otherwise each test gets
//! an embedded PostgreSQL. These functions panic, as tests do.
#![expect(clippy::expect_used, reason = "a test that has no database cannot go on")]

use std::any::Any;
use std::ops::Deref;
use std::str::FromStr;

use secrecy::SecretString;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use uuid::Uuid;

use crate::{MasterKeys, Store, StoreError};

/// Connections a test's store has on a server.
const CONNECTIONS: u32 = 8;

/// A store over a database of its own, which goes when this is dropped.
pub struct TestStore {
    store: Store,
    is_server: bool,
    /// Whatever takes the database away when it is dropped.
    _database: Box<dyn Any + Send + Sync>,
}

struct OnServer {
    server: PgConnectOptions,
    name: String,
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    /// Whether the database is a server, where calls run at the same time.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.is_server
    }
}

/// A migrated, empty database.
///
/// # Panics
/// When there is none to be had.
pub async fn fresh() -> TestStore {
    let test = match server_url() {
        Some(url) => on_server(&url).await,
        None => embedded().await,
    };
    test.store.migrate().await.expect("the schema can be made");
    test
}

/// Master keys that are the same in every test.
#[must_use]
pub fn keys() -> MasterKeys {
    let key = SecretString::from(format!("{}=", "T".repeat(42) + "Q"));
    MasterKeys::from_base64("test", &key).expect("the test's master key is one")
}

#[expect(clippy::disallowed_methods, reason = "tests have no configuration to be told this by")]
fn server_url() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())
}

async fn embedded() -> TestStore {
    let embedded = crate::embedded::Embedded::start(None, keys()).await.expect("embedded database starts");
    TestStore { store: embedded.store(), is_server: false, _database: Box::new(embedded) }
}

async fn on_server(url: &str) -> TestStore {
    let server = PgConnectOptions::from_str(url).expect("TEST_DATABASE_URL is a url");
    let name = format!("test_{}", Uuid::new_v4().simple());
    administer(&server, format!("CREATE DATABASE {name}")).await.expect("the role may create databases");
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
    let store = Store::open(pool, server.clone().database(&name), keys()).await.expect("the server answers");
    TestStore { store, is_server: true, _database: Box::new(OnServer { server, name }) }
}

async fn administer(server: &PgConnectOptions, statement: String) -> Result<(), StoreError> {
    let mut connection: PgConnection = server.connect().await?;
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Dropping cannot wait, so a thread with a runtime of its own does.
impl Drop for OnServer {
    fn drop(&mut self) {
        let (server, statement) = (self.server.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(administer(&server, statement)).ok()
        });
        if !matches!(dropped.join(), Ok(Some(()))) {
            tracing::warn!(database = self.name, "test database could not be dropped");
        }
    }
}
