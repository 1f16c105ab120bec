//! Links to next pages are hostile input: they may lead to another host with our token, or round in a circle.

use std::collections::HashSet;
use std::num::NonZeroU32;

use url::Url;

use crate::Error;

/// Bounds a walk over the pages of one resource: no page twice, and not more than the profile allows.
#[derive(Debug)]
pub struct Walk {
    seen: HashSet<Url>,
    left: u32,
}

impl Walk {
    /// A walk of at most `page_cap` pages, of which the first is being read.
    #[must_use]
    pub fn new(page_cap: NonZeroU32) -> Self {
        Self { seen: HashSet::new(), left: page_cap.get() - 1 }
    }

    /// Allows one more page.
    ///
    /// # Errors
    /// [`Error::HostilePagination`] when the page was read before or the cap is reached.
    pub fn admit(&mut self, next: &Url) -> Result<(), Error> {
        if !self.seen.insert(next.clone()) {
            return Err(Error::HostilePagination { what: "a page comes again" });
        }
        self.left = self.left.checked_sub(1).ok_or(Error::HostilePagination { what: "too many pages" })?;
        Ok(())
    }
}

/// Resolves a link found on a page of `resource`.
///
/// # Errors
/// [`Error::HostilePagination`] unless it has the resource's origin and lies at or below its path.
pub(crate) fn follow(resource: &Url, link: &str) -> Result<Url, Error> {
    let hostile = |what| Error::HostilePagination { what };
    let next = resource.join(link).map_err(|_| hostile("not a link"))?;
    if next.origin() != resource.origin() || !next.username().is_empty() || next.password().is_some() {
        return Err(hostile("another host"));
    }
    let below = next.path().strip_prefix(resource.path());
    if !below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Err(hostile("another resource"));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource() -> Url {
        "https://bank.example/aisp/accounts/1/transactions?from=2026-01-01".parse().unwrap()
    }

    #[test]
    fn a_link_within_the_resource_is_followed_absolute_or_relative() {
        for link in
            ["https://bank.example/aisp/accounts/1/transactions?page=2", "?page=2", "transactions?page=2"]
        {
            assert_eq!(follow(&resource(), link).unwrap().query(), Some("page=2"), "{link}");
        }
    }

    #[test]
    fn a_link_that_leads_away_is_refused() {
        for link in [
            "https://evil.example/aisp/accounts/1/transactions?page=2",
            "http://bank.example/aisp/accounts/1/transactions?page=2",
            "https://bank.example:444/aisp/accounts/1/transactions",
            "https://u:p@bank.example/aisp/accounts/1/transactions",
            "//evil.example/aisp/accounts/1/transactions",
            "/aisp/accounts/2/transactions",
            "/aisp/accounts/1/transactions/../../2/transactions",
            "/aisp/accounts/1/transactionsX",
            "null/accounts",
            "http://[",
        ] {
            assert!(matches!(follow(&resource(), link), Err(Error::HostilePagination { .. })), "{link}");
        }
    }

    #[test]
    fn a_walk_ends_at_a_page_seen_before_and_at_the_cap() {
        let page = |n: u32| -> Url { format!("https://bank.example/?page={n}").parse().unwrap() };
        let mut walk = Walk::new(NonZeroU32::new(3).unwrap());
        walk.admit(&page(2)).unwrap();
        assert_eq!(walk.admit(&page(2)), Err(Error::HostilePagination { what: "a page comes again" }));
        walk.admit(&page(3)).unwrap();
        assert_eq!(walk.admit(&page(4)), Err(Error::HostilePagination { what: "too many pages" }));
    }
}
