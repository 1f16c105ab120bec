//! The secret that a browser is known by between the way out and the way back.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use secrecy::{ExposeSecret, SecretString};

use super::attempt::{random_text, sha256};

/// Over HTTPS the prefix makes browsers take the cookie from this very host only (RFC 6265bis §4.1.3.2).
const SECURE_NAME: &str = "__Host-connector";
const PLAIN_NAME: &str = "connector";

/// Characters of a secret of ours.
const LENGTH: usize = 43;

/// One browser.
pub(super) struct Browser(SecretString);

impl Browser {
    /// The browser that carries these cookies, if it was here before.
    pub(super) fn known(jar: &CookieJar, is_https: bool) -> Option<Self> {
        let value = jar.get(name(is_https))?.value();
        (value.len() == LENGTH).then(|| Self(value.to_owned().into()))
    }

    /// The same, or a new one. A browser keeps its secret, so that attempts in two of its windows do not end each
    /// other.
    pub(super) fn known_or_new(jar: &CookieJar, is_https: bool) -> Result<Self, Unspecified> {
        Self::known(jar, is_https).map_or_else(|| random_text().map(Self), Ok)
    }

    /// What is kept of it.
    pub(super) fn hash(&self) -> [u8; 32] {
        sha256(self.0.expose_secret())
    }

    /// Whether it is the one that was kept.
    pub(super) fn is(&self, hash: &[u8; 32]) -> bool {
        verify_slices_are_equal(&self.hash(), hash).is_ok()
    }

    /// Goes with the browser's session. `Lax` lets it come along when the institution sends the browser back.
    pub(super) fn cookie(&self, is_https: bool) -> Cookie<'static> {
        Cookie::build((name(is_https), self.0.expose_secret().to_owned()))
            .path("/")
            .http_only(true)
            .secure(is_https)
            .same_site(SameSite::Lax)
            .build()
    }
}

fn name(is_https: bool) -> &'static str {
    if is_https { SECURE_NAME } else { PLAIN_NAME }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_https_the_cookie_is_bound_to_this_host() {
        let browser = Browser::known_or_new(&CookieJar::new(), true).unwrap();
        let cookie = browser.cookie(true).to_string();
        assert!(cookie.starts_with("__Host-connector="), "{cookie}");
        for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain"));
    }

    #[test]
    fn a_browser_keeps_its_secret_and_is_no_other() {
        let first = Browser::known_or_new(&CookieJar::new(), false).unwrap();
        let jar = CookieJar::new().add(first.cookie(false));
        assert!(Browser::known_or_new(&jar, false).unwrap().is(&first.hash()));
        assert!(!Browser::known_or_new(&CookieJar::new(), false).unwrap().is(&first.hash()));
        assert!(Browser::known(&CookieJar::new().add(Cookie::new("connector", "short")), false).is_none());
    }
}
