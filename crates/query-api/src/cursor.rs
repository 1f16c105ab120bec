//! Where a page ended: day and id of its last row, opaque to callers. It names a place and not a row, so it stays good
//! when the row is gone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::TransactionId;
use jiff::civil::Date;

/// The cursor after this row.
pub(crate) fn after(day: Date, id: TransactionId) -> String {
    URL_SAFE_NO_PAD.encode(format!("{day}/{id}"))
}

/// The place a cursor names, or none if it is not one of ours.
pub(crate) fn read(cursor: &str) -> Option<(Date, TransactionId)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (day, id) = text.split_once('/')?;
    Some((day.parse().ok()?, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_names_the_place_it_was_made_of(bytes: u128) {
            let (day, id) = (date(2026, 4, 1), TransactionId::from_uuid(uuid::Uuid::from_u128(bytes)));
            prop_assert_eq!(read(&after(day, id)), Some((day, id)));
        }

        #[test]
        fn what_is_no_cursor_is_refused(text in "\\PC{0,60}") {
            prop_assert_eq!(read(&text), None);
        }
    }
}
