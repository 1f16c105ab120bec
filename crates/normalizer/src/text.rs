//! The bank's text, made safe to store and to show, otherwise as it came.

use std::borrow::Cow;

use crate::row::RowFault;

/// Sixteen times what UK Open Banking allows for the longest text (500 characters); a row must fit into a message.
pub(crate) const MAX_BYTES: usize = 8_000;

/// Trims, turns control characters into spaces and removes bidirectional overrides (Unicode Standard Annex 9), which
/// would let a payee's name show as another one. Nothing left is no text.
pub(crate) fn clean(text: Cow<'_, str>) -> Result<Option<Cow<'_, str>>, RowFault> {
    if text.len() > MAX_BYTES {
        return Err(RowFault::TextTooLong);
    }
    let text = if text.bytes().all(is_plain) { trimmed(text) } else { trimmed(Cow::Owned(replaced(&text))) };
    Ok(if text.is_empty() { None } else { Some(text) })
}

/// Bytes that belong to no character to be removed. Such characters begin with C2 (C1 controls), D8 (Arabic letter
/// mark) or E2 (marks and overrides).
fn is_plain(byte: u8) -> bool {
    byte >= b' ' && !matches!(byte, 0x7f | 0xc2 | 0xd8 | 0xe2)
}

fn replaced(text: &str) -> String {
    text.chars().filter(|c| !is_bidi_control(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cleaned(text: &str) -> Option<String> {
        clean(text.into()).unwrap().map(Cow::into_owned)
    }

    #[test]
    fn text_is_trimmed_and_kept_raw_between() {
        assert_eq!(
            cleaned("  CAFÉ  №7 £ \u{201c}x\u{201d} "),
            Some("CAFÉ  №7 £ \u{201c}x\u{201d}".to_owned())
        );
        assert!(matches!(clean(" TESCO ".into()), Ok(Some(Cow::Borrowed("TESCO")))));
    }

    #[test]
    fn control_characters_become_spaces_and_overrides_disappear() {
        assert_eq!(cleaned("ACME\r\nLTD\0"), Some("ACME  LTD".to_owned()));
        assert_eq!(
            cleaned("pay \u{202e}elppA\u{202c} \u{2066}x\u{2069}\u{85}"),
            Some("pay elppA x".to_owned())
        );
    }

    #[test]
    fn a_blank_text_is_no_text() {
        assert_eq!(cleaned(" \t\u{200f} "), None);
    }

    #[test]
    fn a_text_that_fits_no_message_is_refused() {
        assert_eq!(clean("x".repeat(MAX_BYTES + 1).into()), Err(RowFault::TextTooLong));
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in "\\PC{0,40}|.{0,40}") {
            let once = cleaned(&text);
            prop_assert_eq!(once.clone().and_then(|t| cleaned(&t)), once);
        }
    }
}
