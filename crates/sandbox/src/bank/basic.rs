//! Client authentication: `client_secret_basic` (RFC 6749 §2.3.1).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

/// Whether the request carries this client's id and secret.
pub(super) fn is_client(headers: &HeaderMap, id: &str, secret: &str) -> bool {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let encoded = header.and_then(|value| value.strip_prefix("Basic "));
    let pair =
        encoded.and_then(|encoded| STANDARD.decode(encoded).ok()).and_then(|raw| String::from_utf8(raw).ok());
    let pair = pair.as_deref().and_then(|pair| pair.split_once(':'));
    pair.is_some_and(|(given_id, given_secret)| {
        decoded(given_id) == id
            && verify_slices_are_equal(decoded(given_secret).as_bytes(), secret.as_bytes()).is_ok()
    })
}

/// Both parts are form-encoded before they are joined.
fn decoded(part: &str) -> String {
    form_urlencoded::parse(part.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_with_reserved_characters_is_understood_encoded() {
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", STANDARD.encode("client:a%3Ab%26c"));
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        assert!(is_client(&headers, "client", "a:b&c"));
        assert!(!is_client(&headers, "client", "a:b"));
        assert!(!is_client(&HeaderMap::new(), "client", "a:b&c"));
    }
}
