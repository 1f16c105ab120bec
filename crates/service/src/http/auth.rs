//! Bearer tokens (RFC 6750) that stand for a caller.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::Problem;
use crate::Secret;
use crate::config::ConfigError;

/// One token of the configuration and the tenant it stands for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// Whose systems hold the token.
    pub tenant: String,
    /// The token, at least 16 characters.
    pub token: Secret,
}

/// The tokens a process accepts.
#[derive(Debug, Clone)]
pub struct Tokens(Arc<Vec<(String, SecretString)>>);

/// The configured tokens cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// A token's file cannot be read.
    #[error(transparent)]
    Read(#[from] ConfigError),
    /// A token could be guessed.
    #[error("the token of tenant {0} is shorter than 16 characters")]
    Short(String),
}

impl Tokens {
    /// Reads the tokens.
    ///
    /// # Errors
    /// [`TokensError`] names the tenant whose token cannot be used.
    pub fn read(config: &[TokenConfig]) -> Result<Self, TokensError> {
        let read = |entry: &TokenConfig| {
            let token = entry.token.read()?;
            if token.expose_secret().len() < 16 {
                return Err(TokensError::Short(entry.tenant.clone()));
            }
            Ok((entry.tenant.clone(), token))
        };
        Ok(Self(Arc::new(config.iter().map(read).collect::<Result<_, _>>()?)))
    }

    /// The tenant a token stands for. Every token is compared, and in constant time.
    fn tenant(&self, presented: &str) -> Option<&str> {
        let mut found = None;
        for (tenant, token) in self.0.iter() {
            if bool::from(token.expose_secret().as_bytes().ct_eq(presented.as_bytes())) {
                found = Some(tenant.as_str());
            }
        }
        found
    }
}

/// Who calls: extracting it is what refuses a request without a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant the token stands for.
    pub tenant: String,
}

impl<S> FromRequestParts<S> for Caller
where
    Tokens: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let presented = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let Some(presented) = presented else {
            return Err(refused("missing_token", "send Authorization: Bearer with this tenant's token"));
        };
        Tokens::from_ref(state)
            .tenant(presented)
            .map(|tenant| Self { tenant: tenant.to_owned() })
            .ok_or_else(|| refused("invalid_token", "the token is not known here"))
    }
}

fn refused(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        let token = Secret::Value("0123456789abcdef".to_owned().into());
        Tokens::read(&[TokenConfig { tenant: "bank-a".to_owned(), token }]).unwrap()
    }

    async fn call(authorization: Option<&str>) -> Result<Caller, Problem> {
        let mut request = axum::http::Request::builder();
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        Caller::from_request_parts(&mut parts, &tokens()).await
    }

    #[tokio::test]
    async fn only_a_known_token_gets_in() {
        assert_eq!(call(Some("Bearer 0123456789abcdef")).await.unwrap().tenant, "bank-a");
        assert_eq!(call(None).await.unwrap_err().code, "missing_token");
        assert_eq!(call(Some("Basic 0123456789abcdef")).await.unwrap_err().code, "missing_token");
        assert_eq!(call(Some("Bearer 0123456789abcdeX")).await.unwrap_err().code, "invalid_token");
    }

    #[test]
    fn a_token_that_could_be_guessed_is_refused_at_start() {
        let short =
            TokenConfig { tenant: "bank-a".to_owned(), token: Secret::Value("secret".to_owned().into()) };
        assert!(matches!(Tokens::read(&[short]), Err(TokensError::Short(tenant)) if tenant == "bank-a"));
    }
}
