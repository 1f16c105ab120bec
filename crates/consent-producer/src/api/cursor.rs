//! Where a page of consents ended: the last one's time and id, opaque to callers. Consents are listed by when they were
//! created, which never changes, so a walk meets every consent once, whatever happens meanwhile.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::ConsentId;
use jiff::Timestamp;
use store::ConsentRecord;

/// The cursor after this consent.
pub(super) fn after(last: &ConsentRecord) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}/{}", last.created_at.as_microsecond(), last.consent.consent_id))
}

/// The place a cursor names, or none if it is not one of ours.
pub(super) fn read(cursor: &str) -> Option<(Timestamp, ConsentId)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (micros, id) = text.split_once('/')?;
    let created_at = Timestamp::from_microsecond(micros.parse().ok()?).ok()?;
    (created_at >= Timestamp::UNIX_EPOCH).then_some((created_at, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_no_cursor_is_refused(text in "\\PC{0,60}") {
            prop_assert_eq!(read(&text), None);
            prop_assert_eq!(read(&URL_SAFE_NO_PAD.encode(text)), None);
        }
    }
}
