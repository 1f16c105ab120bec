//! What can be set.

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroUsize};
use std::time::Duration;

use events::InvalidId;
use serde::Deserialize;
use service::http::auth::{TokenConfig, TokensError};
use url::{Host, Url};

/// How the role runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentConfig {
    /// Where the API and the authorisation pages are served, in plain HTTP: a proxy in front ends TLS.
    #[serde(default = "local")]
    pub listen: SocketAddr,
    /// The address at which customers' browsers reach this role. Institutions send them back to `<public_url>/callback`,
    /// which is to be registered there exactly so. HTTPS, unless it is this machine.
    pub public_url: Url,
    /// Who may use the API.
    pub tokens: Vec<TokenConfig>,
    /// How hard the role may be pressed.
    #[serde(default)]
    pub limits: Limits,
}

/// How hard the role may be pressed.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests under way at once, beyond which callers are told to come back; 256.
    pub concurrent_requests: NonZeroUsize,
    /// Seconds for one request; 60, since an authorisation may ask an institution more than once.
    pub request_timeout_seconds: NonZeroU16,
}

/// Configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFault {
    /// A token cannot be used.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// A token stands for a tenant that cannot be one.
    #[error("a token's tenant cannot be used: {0}")]
    Tenant(#[from] InvalidId),
    /// Browsers could not or should not be sent there.
    #[error("public_url {0}")]
    PublicUrl(&'static str),
}

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_requests: NonZeroUsize::MIN.saturating_add(255),
            request_timeout_seconds: NonZeroU16::MIN.saturating_add(59),
        }
    }
}

impl Limits {
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds.get().into())
    }
}

impl ConsentConfig {
    /// The defaults for everything that has one.
    #[must_use]
    pub fn new(public_url: Url, tokens: Vec<TokenConfig>) -> Self {
        Self { listen: local(), public_url, tokens, limits: Limits::default() }
    }

    /// Refuses what would only be noticed when a customer stands before it.
    pub(crate) fn check(&self) -> Result<(), ConfigFault> {
        for token in &self.tokens {
            events::TenantId::try_from(token.tenant.clone())?;
        }
        let url = &self.public_url;
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(ConfigFault::PublicUrl("must not hold a query, a fragment or credentials"));
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if is_this_machine(url) => Ok(()),
            _ => Err(ConfigFault::PublicUrl("must be https, unless it is this machine's")),
        }
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(public_url: &str, tenant: &str) -> ConsentConfig {
        let token = service::Secret::Value("0123456789abcdef".to_owned().into());
        ConsentConfig::new(
            public_url.parse().unwrap(),
            vec![TokenConfig { tenant: tenant.to_owned(), token }],
        )
    }

    #[test]
    fn an_address_that_browsers_should_not_be_sent_to_is_refused_at_start() {
        for fine in ["https://connect.bank.example/aggregation", "http://127.0.0.1:8080", "http://localhost"]
        {
            config(fine, "bank").check().unwrap();
        }
        for wrong in [
            "http://connect.bank.example",
            "ftp://localhost",
            "https://u@bank.example",
            "https://bank.example/?a",
        ] {
            assert!(config(wrong, "bank").check().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_tenant_that_cannot_be_one_is_refused_at_start() {
        assert!(config("http://localhost", "Bank of A").check().is_err());
    }
}
