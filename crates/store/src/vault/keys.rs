//! AES-256-GCM (NIST SP 800-38D) with random nonces, for master keys and data keys alike.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::StoreError;

/// Bytes of a key of AES-256.
pub(super) const KEY_LEN: usize = 32;

/// A master key that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// Not 32 bytes of base64.
    #[error("master key must be {KEY_LEN} random bytes in base64 (openssl rand -base64 {KEY_LEN})")]
    NotAKey,
    /// The id is empty, longer than 255 bytes, or names another key already.
    #[error("master key ids must be different and have 1 to 255 bytes")]
    BadId,
    /// The system gave no random bytes.
    #[error("the system's random number generator failed")]
    NoRandomness,
}

/// The installation's master keys, oldest first.
///
/// The newest wraps new data keys; the others only open what they wrapped, and the oldest also gives the pseudonym secret: it has to stay as long as account keys are to stay.
pub struct MasterKeys(pub(super) Vec<MasterKey>);

pub(super) struct MasterKey {
    pub(super) id: String,
    pub(super) bytes: Zeroizing<[u8; KEY_LEN]>,
}

impl MasterKeys {
    /// One master key. `id` is kept beside whatever the key wraps; `key` is 32 bytes in base64.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong.
    pub fn from_base64(id: &str, key: &SecretString) -> Result<Self, KeyError> {
        Self(Vec::new()).rotated_to(id, key)
    }

    /// The same keys and a newer one, which wraps from now on.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong.
    pub fn rotated_to(mut self, id: &str, key: &SecretString) -> Result<Self, KeyError> {
        if id.is_empty() || id.len() > usize::from(u8::MAX) || self.0.iter().any(|known| known.id == id) {
            return Err(KeyError::BadId);
        }
        let decoded =
            Zeroizing::new(STANDARD.decode(key.expose_secret().trim()).map_err(|_| KeyError::NotAKey)?);
        let bytes = decoded.as_slice().try_into().map_err(|_| KeyError::NotAKey)?;
        self.0.push(MasterKey { id: id.to_owned(), bytes: Zeroizing::new(bytes) });
        Ok(self)
    }

    /// A random key for one run. What it wraps is lost with it, so a data directory that outlives the process needs a
    /// configured key.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`] when the system has none.
    pub fn random_for_dev() -> Result<Self, KeyError> {
        Ok(Self(vec![MasterKey { id: "dev".to_owned(), bytes: random_key()? }]))
    }
}

pub(super) fn random_key() -> Result<Zeroizing<[u8; KEY_LEN]>, KeyError> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| KeyError::NoRandomness)?;
    Ok(bytes)
}

/// The pseudonym secret of a master key: HKDF (RFC 5869), so that neither tells anything about the other.
pub(super) fn derive_pseudonym_secret(master: &MasterKey) -> Result<Zeroizing<[u8; KEY_LEN]>, StoreError> {
    let mut secret = Zeroizing::new([0; KEY_LEN]);
    Salt::new(HKDF_SHA256, &[])
        .extract(master.bytes.as_slice())
        .expand(&[b"pseudonyms of accounts"], HKDF_SHA256)
        .and_then(|okm| okm.fill(secret.as_mut_slice()))
        .map_err(|_| StoreError::bug("pseudonym secret could not be derived"))?;
    Ok(secret)
}

/// Seals and opens: a nonce, then the ciphertext with its tag.
pub(super) struct Cipher(RandomizedNonceKey);

impl Cipher {
    pub(super) fn new(key: &[u8; KEY_LEN]) -> Result<Self, StoreError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key)
            .map_err(|_| StoreError::bug("cipher could not be set up"))?;
        Ok(Self(key))
    }

    pub(super) fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut text = plain.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(aad), &mut text)
            .map_err(|_| StoreError::bug("bytes could not be sealed"))?;
        Ok([nonce.as_ref().as_slice(), &text].concat())
    }

    pub(super) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(StoreError::Sealed)?;
        let mut text = text.to_vec();
        let length = self
            .0
            .open_in_place(Nonce::from(nonce), Aad::from(aad), &mut text)
            .map_err(|_| StoreError::Sealed)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

/// The key of one consent. Clones share it; printing one shows nothing of it.
#[derive(Clone)]
pub struct DataKey(pub(super) Arc<Cipher>);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

impl DataKey {
    /// Seals bytes; `aad` names what they are for and has to be the same when they are opened.
    ///
    /// # Errors
    /// [`StoreError::Bug`] when the cipher refuses, which it does only beyond 64 GiB.
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.0.seal(aad, plain)
    }

    /// Opens what [`Self::seal`] gave.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] when the bytes are not of this key and this purpose, or were changed.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.0.open(aad, sealed)
    }
}
