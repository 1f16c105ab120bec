//! The master keys at work, and a short memory of data keys.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use events::ConsentId;
use zeroize::Zeroizing;

use super::keys::{Cipher, DataKey, KEY_LEN, KeyError, MasterKeys, derive_pseudonym_secret, random_key};
use crate::StoreError;

/// How long a data key is remembered; also how long it can outlive its destruction in another process.
const MEMORY: Duration = Duration::from_secs(20);

/// Above this many remembered keys the expired ones are swept out.
const SWEEP_AT: usize = 1024;

pub(crate) struct KeyRing {
    masters: Vec<(String, Cipher)>,
    pseudonym_secret: Zeroizing<[u8; KEY_LEN]>,
    memory: Mutex<HashMap<ConsentId, (DataKey, Instant)>>,
}

impl KeyRing {
    pub(crate) fn new(keys: MasterKeys) -> Result<Self, StoreError> {
        let oldest = keys.0.first().ok_or_else(|| StoreError::bug("there is no master key"))?;
        let pseudonym_secret = derive_pseudonym_secret(oldest)?;
        let masters = keys
            .0
            .into_iter()
            .map(|master| Ok((master.id, Cipher::new(&master.bytes)?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(Self { masters, pseudonym_secret, memory: Mutex::default() })
    }

    pub(crate) fn pseudonym_secret(&self) -> &[u8] {
        self.pseudonym_secret.as_slice()
    }

    /// A new data key, wrapped: the length of the master key's id, the id, then the sealed key. The consent's id is
    /// authenticated with it, so that a wrapped key cannot be moved to another consent.
    pub(super) fn wrap_new(&self, consent: ConsentId) -> Result<Vec<u8>, StoreError> {
        let (id, master) = self.masters.last().ok_or_else(|| StoreError::bug("there is no master key"))?;
        let key = random_key().map_err(|error: KeyError| StoreError::bug(error))?;
        let sealed = master.seal(consent.uuid().as_bytes(), key.as_slice())?;
        let length = u8::try_from(id.len()).map_err(StoreError::bug)?;
        Ok([&[length][..], id.as_bytes(), &sealed].concat())
    }

    pub(super) fn unwrap(&self, consent: ConsentId, wrapped: &[u8]) -> Result<DataKey, StoreError> {
        let (length, rest) = wrapped.split_first().ok_or(StoreError::Sealed)?;
        let (id, sealed) = rest.split_at_checked(usize::from(*length)).ok_or(StoreError::Sealed)?;
        let (_, master) =
            self.masters.iter().find(|(known, _)| known.as_bytes() == id).ok_or(StoreError::Sealed)?;
        let plain = Zeroizing::new(master.open(consent.uuid().as_bytes(), sealed)?);
        let bytes = Zeroizing::new(<[u8; KEY_LEN]>::try_from(plain.as_slice()).map_err(StoreError::bug)?);
        let key = DataKey(std::sync::Arc::new(Cipher::new(&bytes)?));
        self.remember(consent, key.clone());
        Ok(key)
    }

    pub(super) fn remembered(&self, consent: ConsentId) -> Option<DataKey> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, since) = memory.get(&consent)?;
        (since.elapsed() < MEMORY).then(|| key.clone())
    }

    fn remember(&self, consent: ConsentId, key: DataKey) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= SWEEP_AT {
            memory.retain(|_, (_, since)| since.elapsed() < MEMORY);
        }
        memory.insert(consent, (key, Instant::now()));
    }

    pub(crate) fn forget(&self, consent: ConsentId) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).remove(&consent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    fn consent() -> ConsentId {
        ConsentId::new(jiff::Timestamp::UNIX_EPOCH)
    }

    fn key(letter: &str) -> SecretString {
        format!("{}A=", letter.repeat(42)).into()
    }

    #[test]
    fn what_was_wrapped_before_a_rotation_opens_after_it() {
        let (old, consent) =
            (KeyRing::new(MasterKeys::from_base64("1", &key("A")).unwrap()).unwrap(), consent());
        let wrapped = old.wrap_new(consent).unwrap();
        let sealed = old.unwrap(consent, &wrapped).unwrap().seal(b"x", b"secret").unwrap();
        let rotated = MasterKeys::from_base64("1", &key("A")).unwrap().rotated_to("2", &key("B")).unwrap();
        let ring = KeyRing::new(rotated).unwrap();
        assert_eq!(ring.unwrap(consent, &wrapped).unwrap().open(b"x", &sealed).unwrap(), b"secret");
        assert_eq!(ring.pseudonym_secret(), old.pseudonym_secret());
        assert_eq!(ring.wrap_new(consent).unwrap()[..2], [1, b'2']);
    }

    #[test]
    fn a_wrapped_key_cannot_be_moved_to_another_consent() {
        let ring = KeyRing::new(MasterKeys::random_for_dev().unwrap()).unwrap();
        let wrapped = ring.wrap_new(consent()).unwrap();
        assert!(matches!(ring.unwrap(consent(), &wrapped), Err(StoreError::Sealed)));
    }

    #[test]
    fn sealed_bytes_open_only_whole_and_for_their_purpose() {
        let (ring, consent) = (KeyRing::new(MasterKeys::random_for_dev().unwrap()).unwrap(), consent());
        let key = ring.unwrap(consent, &ring.wrap_new(consent).unwrap()).unwrap();
        let sealed = key.seal(b"tokens", b"secret").unwrap();
        assert_eq!(key.open(b"tokens", &sealed).unwrap(), b"secret");
        assert!(matches!(key.open(b"jobs", &sealed), Err(StoreError::Sealed)));
        assert!(matches!(key.open(b"tokens", &sealed[1..]), Err(StoreError::Sealed)));
        assert!(matches!(key.open(b"tokens", b"short"), Err(StoreError::Sealed)));
    }

    #[test]
    fn a_key_of_the_wrong_length_and_a_repeated_id_are_refused() {
        assert_eq!(MasterKeys::from_base64("1", &"c2hvcnQ=".into()).err(), Some(KeyError::NotAKey));
        let one = MasterKeys::from_base64("1", &key("A")).unwrap();
        assert_eq!(one.rotated_to("1", &key("B")).err(), Some(KeyError::BadId));
    }
}
