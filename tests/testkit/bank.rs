//! The sandbox bank as an oracle: what it has in its books, and how it can be made to misbehave.

use connector::dev::Login;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use url::Url;

use super::rows::Book;

/// The sandbox bank.
#[derive(Debug, Clone)]
pub struct Bank {
    http: Client,
    base: Url,
}

/// Ways to misbehave.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// A list of accounts that ends in its middle.
    TruncatedBody,
    /// A page whose first row, if it has one, is in a currency that does not exist.
    UnknownCurrency,
    /// 429 with so many seconds to wait.
    TooManyRequests(u32),
    /// A link to the next page at another host.
    NextToOtherHost,
    /// Every answer after so many milliseconds.
    Slow(u32),
}

impl Bank {
    pub(super) fn at(base: &Url) -> Self {
        Self { http: Client::builder().no_proxy().build().unwrap(), base: base.clone() }
    }

    /// Everybody who can sign in.
    pub async fn customers(&self) -> Vec<Login> {
        serde_json::from_value(self.call(Method::GET, "_sandbox/customers", None).await).unwrap()
    }

    /// What the books hold for a customer.
    pub async fn book(&self, customer: &Login) -> Book {
        Book::of_bank(&self.accounts(customer).await)
    }

    /// A customer's accounts with every transaction on them.
    pub async fn accounts(&self, customer: &Login) -> Vec<Value> {
        let path = format!("_sandbox/ledger?customer={}", customer.username);
        let Value::Array(accounts) = self.call(Method::GET, &path, None).await["accounts"].take() else {
            panic!("the ledger lists no accounts")
        };
        accounts
    }

    /// How many answers the bank gave about this customer's accounts.
    pub async fn served(&self, customer: &Login) -> u64 {
        let count = |account: &Value| {
            account["served"]["pages"].as_u64().unwrap() + account["served"]["balances"].as_u64().unwrap()
        };
        self.accounts(customer).await.iter().map(count).sum()
    }

    /// Misbehaves so many times towards a customer.
    pub async fn misbehave(&self, customer: &Login, fault: Fault, times: u32) {
        let mut body = match fault {
            Fault::TruncatedBody => json!({"kind": "truncated_body", "endpoint": "accounts"}),
            Fault::UnknownCurrency => json!({"kind": "unknown_currency"}),
            Fault::TooManyRequests(seconds) => json!({"kind": "too_many_requests", "retry_after": seconds}),
            Fault::NextToOtherHost => json!({"kind": "next_to_other_host"}),
            Fault::Slow(millis) => json!({"kind": "slow", "millis": millis}),
        };
        body["times"] = times.into();
        body["customer"] = customer.username.as_str().into();
        self.call(Method::POST, "_sandbox/faults", Some(&body)).await;
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let mut request = self.http.request(method, self.base.join(path).unwrap());
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        let text = answer.text().await.unwrap();
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }
}
