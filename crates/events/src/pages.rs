//! How a raw window carries a bank's pages: each one as it came, behind its length.

/// The pages end in the middle of one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("raw window ends in the middle of a page")]
pub struct Torn;

/// Packs pages: four bytes of little-endian length, then the page, and so on.
#[must_use]
pub fn pack<P: AsRef<[u8]>>(pages: impl IntoIterator<Item = P>) -> Vec<u8> {
    let mut packed = Vec::new();
    for page in pages {
        let page = page.as_ref();
        packed.extend_from_slice(&u32::try_from(page.len()).unwrap_or(u32::MAX).to_le_bytes());
        packed.extend_from_slice(page);
    }
    packed
}

/// The pages again, borrowed.
///
/// # Errors
/// [`Torn`] when the last page is cut off.
pub fn unpack(mut packed: &[u8]) -> Result<Vec<&[u8]>, Torn> {
    let mut pages = Vec::new();
    while !packed.is_empty() {
        let (length, rest) = packed.split_first_chunk::<4>().ok_or(Torn)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Torn)?;
        let (page, rest) = rest.split_at_checked(length).ok_or(Torn)?;
        pages.push(page);
        packed = rest;
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_back_as_they_went_in_and_a_torn_window_is_noticed() {
        let packed = pack(["one", "", "three"]);
        assert_eq!(unpack(&packed).unwrap(), [&b"one"[..], b"", b"three"]);
        assert_eq!(unpack(&packed[..packed.len() - 1]), Err(Torn));
    }
}
