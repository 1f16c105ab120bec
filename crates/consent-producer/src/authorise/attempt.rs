//! The secrets of one attempt: what the browser carries, what we keep, and how the two are compared.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{error::Unspecified, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use zeroize::Zeroizing;

/// What an attempt is begun with.
pub(super) struct Attempt {
    /// Travels through the browser; kept only as a hash.
    pub(super) state: SecretString,
    verifier: SecretString,
}

impl Attempt {
    /// New secrets of 256 bits each.
    pub(super) fn new() -> Result<Self, Unspecified> {
        Ok(Self { state: random_text()?, verifier: random_text()? })
    }

    /// The PKCE challenge (RFC 7636 §4.2).
    pub(super) fn code_challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(self.verifier.expose_secret()))
    }

    /// The `OpenID` Connect nonce. It follows from the verifier, so that it need not be kept beside it.
    pub(super) fn nonce(&self) -> String {
        let input = Zeroizing::new(format!("nonce|{}", self.verifier.expose_secret()));
        URL_SAFE_NO_PAD.encode(sha256(&input))
    }

    /// What the way back will need.
    pub(super) fn keep(&self, institution_consent: &str) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
        serde_json::to_vec(&(self.verifier.expose_secret(), institution_consent)).map(Zeroizing::new)
    }
}

/// What [`Attempt::keep`] kept.
pub(super) struct Kept {
    /// Redeems the code (RFC 7636 §4.5).
    pub(super) verifier: SecretString,
    /// The institution's consent that was to be approved.
    pub(super) institution_consent: String,
}

impl Kept {
    pub(super) fn read(secrets: &SecretSlice<u8>) -> Result<Self, serde_json::Error> {
        let (verifier, institution_consent) = serde_json::from_slice(secrets.expose_secret())?;
        Ok(Self { verifier, institution_consent })
    }
}

/// 256 random bits as 43 characters that are safe in addresses and cookies.
pub(super) fn random_text() -> Result<SecretString, Unspecified> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(bytes.as_mut_slice())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes.as_slice()).into())
}

pub(super) fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_finds_what_the_way_out_kept() {
        let attempt = Attempt::new().unwrap();
        let kept = Kept::read(&attempt.keep("urn:bank:1").unwrap().to_vec().into()).unwrap();
        assert_eq!(kept.institution_consent, "urn:bank:1");
        assert_eq!(URL_SAFE_NO_PAD.encode(sha256(kept.verifier.expose_secret())), attempt.code_challenge());
        assert_eq!(kept.verifier.expose_secret().len(), 43);
    }

    #[test]
    fn no_two_attempts_share_a_secret() {
        let (one, two) = (Attempt::new().unwrap(), Attempt::new().unwrap());
        assert_ne!(one.state.expose_secret(), two.state.expose_secret());
        assert_ne!(one.code_challenge(), two.code_challenge());
        assert_ne!(one.nonce(), two.nonce());
        assert_ne!(one.nonce(), one.code_challenge());
    }
}
