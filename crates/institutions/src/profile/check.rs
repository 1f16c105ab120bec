//! Profiles are refused with key and line, before anything is asked of an institution.

use std::path::Path;

use events::InstitutionId;
use service::config::ConfigError;
use url::{Host, Url};

use super::Profile;

/// A profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The folder or a file in it cannot be read.
    #[error("cannot read {path}: {source}; check the path and its permissions")]
    Read {
        /// What was to be read.
        path: String,
        /// Why it was not.
        source: std::io::Error,
    },
    /// Something in a profile is not understood or does not fit the rest.
    #[error("profile {profile} is not usable: {reason}")]
    Invalid {
        /// The file, or the institution's id.
        profile: String,
        /// Line, key and what is wrong.
        reason: String,
    },
    /// The client secret cannot be read.
    #[error("profile {profile}: {source}")]
    Secret {
        /// The institution.
        profile: InstitutionId,
        /// Why.
        source: ConfigError,
    },
    /// The HTTP client cannot be built.
    #[error("cannot set up TLS for {profile}: {source}; check the system's certificates")]
    Tls {
        /// The institution.
        profile: InstitutionId,
        /// Why.
        source: reqwest::Error,
    },
}

impl Profile {
    /// Reads a profile from the text of its file.
    ///
    /// # Errors
    /// [`ProfileError::Invalid`] with line and key.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ProfileError> {
        let invalid = |reason| ProfileError::Invalid { profile: file.display().to_string(), reason };
        let profile: Self = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        profile.check().map_err(|fault| {
            let line = text.lines().position(|line| line.trim_start().starts_with(fault.key));
            let line = line.map_or_else(String::new, |line| format!("line {}: ", line + 1));
            invalid(format!("{line}{fault}"))
        })?;
        Ok(profile)
    }

    /// Rules that no single key can break.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let client = &self.client;
        if self.country.len() != 2 || !self.country.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return Err(Fault { key: "country", what: "is not two capital letters (ISO 3166-1)" });
        }
        let issuer = Url::parse(&client.issuer).map_err(|_| Fault { key: "issuer", what: "is not a URL" })?;
        self.check_url("base_url", &self.base_url)?;
        self.check_url("issuer", &issuer)?;
        match (&client.authorization_endpoint, &client.token_endpoint) {
            (Some(authorization), Some(token)) => {
                self.check_url("authorization_endpoint", authorization)?;
                self.check_url("token_endpoint", token)
            }
            (None, None) => Ok(()),
            (Some(_), None) => Err(Fault { key: "authorization_endpoint", what: LONELY }),
            (None, Some(_)) => Err(Fault { key: "token_endpoint", what: LONELY }),
        }
    }

    /// A server we may be sent to: HTTPS, by name, without credentials.
    fn check_url(&self, key: &'static str, url: &Url) -> Result<(), Fault> {
        let scheme_is_fine = url.scheme() == "https" || (self.allow_http && url.scheme() == "http");
        let host_is_fine = matches!(url.host(), Some(Host::Domain(_))) || (self.allow_http && url.has_host());
        if !scheme_is_fine {
            return Err(Fault { key, what: "is not https" });
        }
        if !host_is_fine {
            return Err(Fault { key, what: "names its host by address, not by name" });
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(Fault { key, what: "holds credentials or a fragment" });
        }
        Ok(())
    }
}

const LONELY: &str =
    "needs its fellow: give authorization_endpoint and token_endpoint, or neither to discover them";

/// A key whose value does not fit.
#[derive(Debug, thiserror::Error)]
#[error("{key} {what}")]
pub(crate) struct Fault {
    key: &'static str,
    what: &'static str,
}
