//! A raw window's payload: opened, decompressed within bounds, parted into pages.

use std::io::Read;

use events::RawWindow;
use store::{DataKey, StoreError};

/// Eight times the largest message with room for what bank pages compress to. Beyond it is no bank's answer.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A payload that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// Sealed by somebody else, for another window, or changed since.
    #[error("payload cannot be opened with the consent's data key")]
    Sealed(#[source] StoreError),
    /// Not a zstd frame, or one cut off.
    #[error("payload cannot be decompressed")]
    Compression(#[source] std::io::Error),
    /// More than any window holds.
    #[error("payload is larger than {MAX_BYTES} bytes")]
    TooLarge,
}

impl PayloadError {
    /// The code in the dead letters.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sealed(_) => "payload_sealed",
            Self::Compression(_) => "payload_compression",
            Self::TooLarge => "payload_too_large",
        }
    }
}

/// The packed pages of a window ([`events::pages`]). The window's id is sealed with them, so that one window's payload
/// cannot be passed off as another's.
///
/// # Errors
/// [`PayloadError`] says which step failed.
pub fn open(window: &RawWindow, key: &DataKey) -> Result<Vec<u8>, PayloadError> {
    let compressed =
        key.open(window.window_id.uuid().as_bytes(), &window.payload).map_err(PayloadError::Sealed)?;
    let mut packed = Vec::with_capacity(compressed.len() * 8);
    zstd::Decoder::new(compressed.as_slice())
        .and_then(|decoder| decoder.take(MAX_BYTES + 1).read_to_end(&mut packed))
        .map_err(PayloadError::Compression)?;
    if u64::try_from(packed.len()).is_ok_and(|length| length <= MAX_BYTES) {
        Ok(packed)
    } else {
        Err(PayloadError::TooLarge)
    }
}
