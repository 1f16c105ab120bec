//! A bank that speaks UK Open Banking 4.0: authorisation server, account information, and switches for tests.
//!
//! It keeps consents and grants as a bank does: a code is redeemed once, a refresh token is replaced with each use and
//! its second use ends the grant, a deleted or expired consent opens nothing. What it serves is made by [`crate::data`].

mod accounts;
mod authorize;
mod basic;
mod consents;
mod faults;
mod ledger;
mod problem;
mod query;
mod records;
mod token;
mod vault;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::serve::{self, ServeError};
use crate::{Clock, data, wire};
use faults::Faults;
use records::Ledger;
use vault::Vault;

/// The path of the account-information resources.
pub const AISP: &str = "/open-banking/v4.0/aisp";

/// How the bank is set up.
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Its address as others see it, if that is not where it listens.
    pub public_url: Option<Url>,
    /// What its customers and their histories are made from.
    pub seed: u64,
    /// How many customers it has.
    pub customers: usize,
    /// Rows on a page of transactions; at least one.
    pub page_size: usize,
    /// Tells the time.
    pub clock: Clock,
    /// The one registered client.
    pub client_id: String,
    /// Its secret, for `client_secret_basic`.
    pub client_secret: String,
    /// Where customers may be sent back to; compared character by character.
    pub redirect_uris: Vec<Url>,
    /// Approves every request at once, for the customer named by `login_hint` or the first one. Off by default in
    /// every tool; for load tests only.
    pub auto_approve_client: bool,
    /// Where consents and grants are kept over restarts; in memory only if nothing.
    pub state: Option<PathBuf>,
}

/// Who may sign in.
#[derive(Debug, Clone, Serialize)]
pub struct CustomerLogin {
    /// Name to sign in with.
    pub username: String,
    /// Password to sign in with.
    pub password: String,
    /// What kind of person the customer is.
    pub persona: String,
}

/// The bank, to be started.
#[derive(Debug)]
pub struct Bank;

/// A bank that serves until its token is cancelled.
#[derive(Debug, Clone)]
pub struct Running {
    /// Its address as others see it, without a path; also the issuer of its tokens (RFC 8414) when the slash at the
    /// end is left off.
    pub base_url: Url,
    /// Its customers.
    pub customers: Vec<CustomerLogin>,
}

/// Why a bank does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It cannot listen.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Its customers cannot be made.
    #[error(transparent)]
    Tables(#[from] data::TableError),
    /// Its kept state cannot be read.
    #[error(transparent)]
    State(#[from] crate::persist::FileError),
}

/// What the handlers share.
struct Shared {
    config: Config,
    base_url: Url,
    zone: TimeZone,
    ledger: Ledger,
    vault: Vault,
    faults: Faults,
    sign_ins: authorize::SignIns,
}

type App = Arc<Shared>;

impl Bank {
    /// Starts a bank; it serves until `shutdown` is cancelled.
    ///
    /// # Errors
    /// When the address is taken, the state file is damaged or a built-in table is.
    pub async fn start(config: Config, shutdown: CancellationToken) -> Result<Running, StartError> {
        let listener = serve::bind(config.listen).await?;
        let base_url = match &config.public_url {
            Some(url) => url.clone(),
            None => serve::url(&listener)?,
        };
        let zone = wire::zone();
        let today = (config.clock)().to_zoned(zone.clone()).date();
        let ledger = Ledger::open(config.seed, config.customers, today)?;
        let vault = Vault::open(config.state.clone())?;
        let customers = ledger.logins();
        let shared = Shared {
            config,
            base_url: base_url.clone(),
            zone,
            ledger,
            vault,
            faults: Faults::default(),
            sign_ins: authorize::SignIns::default(),
        };
        serve::spawn(listener, router(Arc::new(shared)), shutdown);
        Ok(Running { base_url, customers })
    }
}

impl Shared {
    fn now(&self) -> Timestamp {
        (self.config.clock)()
    }

    /// The bank's own day.
    fn today(&self) -> Date {
        self.now().to_zoned(self.zone.clone()).date()
    }

    /// The customer with everything up to the end of `today`. Made aside: a life takes a while to live.
    async fn customer(self: &Arc<Self>, username: &str, today: Date) -> Option<Arc<data::Customer>> {
        let (bank, username) = (Arc::clone(self), username.to_owned());
        let made = tokio::task::spawn_blocking(move || bank.ledger.customer(&username, today)).await;
        made.ok().flatten()
    }

    /// The issuer identifier: the address without a slash at the end.
    fn issuer(&self) -> &str {
        self.base_url.as_str().trim_end_matches('/')
    }

    /// An absolute address of the bank.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer())
    }
}

fn router(app: App) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .merge(token::routes())
        .merge(authorize::routes())
        .merge(ledger::routes())
        .merge(faults::routes())
        .nest(AISP, consents::routes().merge(accounts::routes()).fallback(problem::not_implemented))
        .layer(axum::middleware::from_fn(problem::echo_interaction_id))
        .with_state(app)
}

/// Where everything is (`OpenID` Connect Discovery 1.0 §3).
async fn discovery(axum::extract::State(app): axum::extract::State<App>) -> axum::Json<serde_json::Value> {
    axum::Json(json!({
        "issuer": app.issuer(),
        "authorization_endpoint": app.url("/authorize"),
        "token_endpoint": app.url("/token"),
        "scopes_supported": ["openid", "accounts"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["HS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "claims_parameter_supported": true,
        "claims_supported": ["sub", "openbanking_intent_id"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

#[cfg(test)]
mod tests;
