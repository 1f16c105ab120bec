//! Our own states of a consent; the institution's are kept beside them and never mixed in.

use std::fmt;
use std::str::FromStr;

use events::ConsentEventType;

/// A name that is none of the states.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown consent status")]
pub struct UnknownStatus;

/// Where a consent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConsentStatus {
    /// Asked for; the customer has not approved it at the institution yet.
    AwaitingAuthorisation,
    /// Approved: data may be fetched and read.
    Active,
    /// Refused by the customer or the institution.
    Denied,
    /// The authorisation could not be finished.
    Failed,
    /// Fetching has to wait until the customer signs in again; what was fetched stays readable.
    NeedsReauthorisation,
    /// Ended by time.
    Expired,
    /// Ended by the customer or the bank.
    Revoked,
    /// Replaced by a newer consent. Nothing is readable under it any more; what the newer one does not cover is
    /// erased when this one expires or is revoked.
    Superseded,
}

impl ConsentStatus {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::AwaitingAuthorisation,
        Self::Active,
        Self::Denied,
        Self::Failed,
        Self::NeedsReauthorisation,
        Self::Expired,
        Self::Revoked,
        Self::Superseded,
    ];

    /// The name used in APIs, events and the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AwaitingAuthorisation => "awaiting_authorisation",
            Self::Active => "active",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::NeedsReauthorisation => "needs_reauthorisation",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
        }
    }

    /// Whether a consent may move from here to there. Staying is no move.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        match self {
            Self::AwaitingAuthorisation => {
                matches!(to, Self::Active | Self::Denied | Self::Failed | Self::Expired | Self::Revoked)
            }
            Self::Active => {
                matches!(to, Self::NeedsReauthorisation | Self::Expired | Self::Revoked | Self::Superseded)
            }
            Self::NeedsReauthorisation => {
                matches!(to, Self::Active | Self::Expired | Self::Revoked | Self::Superseded)
            }
            Self::Superseded => matches!(to, Self::Expired | Self::Revoked),
            Self::Denied | Self::Failed | Self::Expired | Self::Revoked => false,
        }
    }

    /// Whether data may be read, and may land, under a consent that stands here.
    #[must_use]
    pub fn is_readable(self) -> bool {
        matches!(self, Self::Active | Self::NeedsReauthorisation)
    }

    /// Whether a consent that stands here never moves again.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Denied | Self::Failed | Self::Expired | Self::Revoked)
    }

    /// Whether reaching this state begins the erasure of what the consent brought.
    pub(crate) fn begins_erasure(self) -> bool {
        matches!(self, Self::Expired | Self::Revoked)
    }

    /// What the move from `before` to here is called in events.
    pub(crate) fn event_type(self, before: Self) -> ConsentEventType {
        match self {
            Self::AwaitingAuthorisation => ConsentEventType::Created,
            Self::Active if before == Self::AwaitingAuthorisation => ConsentEventType::Authorised,
            Self::Active => ConsentEventType::Renewed,
            Self::Denied => ConsentEventType::Denied,
            Self::Failed => ConsentEventType::Failed,
            Self::NeedsReauthorisation => ConsentEventType::NeedsReauthorisation,
            Self::Expired => ConsentEventType::Expired,
            Self::Revoked => ConsentEventType::Revoked,
            Self::Superseded => ConsentEventType::Superseded,
        }
    }
}

impl fmt::Display for ConsentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ConsentStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or(UnknownStatus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_status() -> impl Strategy<Value = ConsentStatus> {
        proptest::sample::select(&ConsentStatus::ALL[..])
    }

    proptest! {
        #[test]
        fn a_consent_that_left_the_readable_states_never_returns(moves in prop::collection::vec(any_status(), 0..20)) {
            let (mut status, mut was_readable) = (ConsentStatus::AwaitingAuthorisation, false);
            for to in moves.into_iter().filter(|to| *to != ConsentStatus::AwaitingAuthorisation) {
                if status.may_become(to) {
                    prop_assert!(!status.is_final());
                    prop_assert!(!(was_readable && !status.is_readable() && to.is_readable()));
                    status = to;
                    was_readable |= to.is_readable();
                }
            }
        }

        #[test]
        fn a_status_survives_its_name_and_is_no_move_to_itself(status in any_status()) {
            prop_assert_eq!(status.name().parse(), Ok(status));
            prop_assert!(!status.may_become(status));
            prop_assert!(!status.may_become(ConsentStatus::AwaitingAuthorisation));
        }
    }

    #[test]
    fn exactly_the_final_states_lead_nowhere() {
        for status in ConsentStatus::ALL {
            assert_eq!(
                status.is_final(),
                !ConsentStatus::ALL.iter().any(|to| status.may_become(*to)),
                "{status}"
            );
        }
    }
}
