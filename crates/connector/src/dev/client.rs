//! The bank's side of the APIs: what the demonstration, the seeding and the tests ask for.

use anyhow::{Context, bail};
use jiff::{Timestamp, ToSpan};
use reqwest::{Client, Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::browser::{Browser, Page};

/// A bank system with its token.
#[derive(Debug, Clone)]
pub struct ApiClient {
    http: Client,
    base: Url,
    token: String,
}

/// A consent as the API shows it, as far as is needed here.
#[derive(Debug, Clone, Deserialize)]
pub struct ConsentView {
    /// The consent.
    pub id: String,
    /// Its status.
    pub status: String,
    /// Where the customer is to be sent.
    pub authorisation_url: Option<Url>,
}

/// Who signs in at the sandbox bank.
#[derive(Debug, Clone, Deserialize, serde::Serialize)]
pub struct Login {
    /// Name to sign in with.
    pub username: String,
    /// Password of a customer who does not exist.
    pub password: String,
}

impl ApiClient {
    /// A client for the API at `base`.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(base: Url, token: String) -> anyhow::Result<Self> {
        Ok(Self { http: Client::builder().no_proxy().build()?, base, token })
    }

    /// One call; the answer with its status.
    ///
    /// # Errors
    /// When the API does not answer with JSON.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let request = self.http.request(method, self.base.join(path)?).bearer_auth(&self.token);
        let request = if let Some(body) = body { request.json(body) } else { request };
        let response = request.send().await.context("the API does not answer")?;
        let status = response.status();
        let text = response.text().await?;
        let value =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).context("no JSON")? };
        Ok((status, value))
    }

    /// One call that must succeed.
    ///
    /// # Errors
    /// With the problem's code when it does not.
    pub async fn expect<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<T> {
        let (status, value) = self.call(method, path, body).await?;
        if !status.is_success() {
            bail!("{path} answered {status}: {value}");
        }
        Ok(serde_json::from_value(value)?)
    }

    /// Asks for a consent over accounts, balances and transactions for 90 days.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn create_consent(
        &self,
        user: &str,
        institution: &str,
        now: Timestamp,
    ) -> anyhow::Result<ConsentView> {
        let body = json!({
            "user_id": user,
            "institution_id": institution,
            "baskets": ["accounts", "balances", "transactions"],
            "expires_at": (now + (90 * 24).hours()).to_string(),
        });
        self.expect(Method::POST, "v1/consents", Some(&body)).await
    }

    /// The consent as it stands.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn consent(&self, id: &str) -> anyhow::Result<ConsentView> {
        self.expect(Method::GET, &format!("v1/consents/{id}"), None).await
    }

    /// Ends a consent.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn revoke(&self, id: &str) -> anyhow::Result<Value> {
        self.expect(Method::DELETE, &format!("v1/consents/{id}"), None).await
    }

    /// All of a user's transactions, page by page.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn transactions(&self, user: &str) -> anyhow::Result<Vec<Value>> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("v1/users/{user}/transactions?limit=500{cursor}");
            let page: TransactionsPage = self.expect(Method::GET, &path, None).await?;
            all.extend(page.transactions);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    /// A user's accounts.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn accounts(&self, user: &str) -> anyhow::Result<Vec<Value>> {
        let page: AccountsPage = self.expect(Method::GET, &format!("v1/users/{user}/accounts"), None).await?;
        Ok(page.accounts)
    }
}

#[derive(Deserialize)]
struct TransactionsPage {
    transactions: Vec<Value>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct AccountsPage {
    accounts: Vec<Value>,
}

/// The customer's decision at the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Share all accounts.
    Approve,
    /// Share nothing.
    Deny,
}

/// Goes from the authorisation link through the sandbox bank's pages back to the connector.
///
/// # Errors
/// When a page is not what was expected.
pub async fn authorise(link: &Url, login: &Login, decision: Decision) -> anyhow::Result<Page> {
    let mut browser = Browser::new()?;
    let sign_in = browser.open(link).await?;
    let fields = [("username", login.username.as_str()), ("password", login.password.as_str())];
    let choose = browser.submit(&sign_in, &fields).await?;
    let decision = if decision == Decision::Approve { "approve" } else { "deny" };
    browser.submit(&choose, &[("decision", decision)]).await
}
