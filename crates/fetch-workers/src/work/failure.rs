//! Why a job did not get to its end, as what has to be done about it.

use std::time::Duration;

use backoff::{BackoffBuilder, ExponentialBuilder};
use institutions::{Class, Error};
use jiff::SignedDuration;
use stage_runner::Fault;
use store::StoreError;

/// What a job that cannot go on needs.
#[derive(Debug)]
pub(crate) enum Failure {
    /// To wait for so long, or for a while of our own choice.
    Wait {
        /// How long.
        after: Option<Duration>,
        /// Why, as a code.
        reason: &'static str,
    },
    /// To be tried again in a while, longer each time.
    Retry {
        /// Why, as a code.
        reason: &'static str,
    },
    /// The customer.
    Reauthorise {
        /// Why, as a code.
        reason: &'static str,
    },
    /// Somebody who looks into it, after a few tries.
    GiveUp {
        /// Why, as a code.
        reason: &'static str,
    },
    /// Nothing: the consent ended or another attempt took over while it was under way.
    Overtaken,
    /// Our own store or broker.
    World(Fault),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let reason = error.code();
        match error.class() {
            Class::Later(after) => Self::Wait { after, reason },
            Class::Retry => Self::Retry { reason },
            Class::Reauthorise => Self::Reauthorise { reason },
            Class::GiveUp => Self::GiveUp { reason },
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { .. }
            | StoreError::NotFound
            | StoreError::Illegal { .. }
            | StoreError::Shredded => Self::Overtaken,
            other => Self::World(other.into()),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::World(fault)
    }
}

/// The longest that anybody can make a job wait; an institution may ask for more, and will be asked again.
const LONGEST: Duration = Duration::from_hours(24);

/// How long a job waits for an institution that limits requests and does not say for how long.
const UNSAID: Duration = Duration::from_mins(15);

/// The wait that was asked for, within reason.
pub(crate) fn wait(after: Option<Duration>) -> SignedDuration {
    let after = after.unwrap_or(UNSAID).clamp(Duration::from_secs(1), LONGEST);
    SignedDuration::try_from(after).unwrap_or(SignedDuration::from_hours(24))
}

/// Half a minute after the first attempt, doubling up to half an hour, with jitter, so that what failed together does
/// not come again together.
pub(crate) fn growing(attempt: i32) -> SignedDuration {
    let mut waits = ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(30))
        .with_max_delay(Duration::from_mins(30))
        .without_max_times()
        .with_jitter()
        .build();
    wait(waits.nth(usize::try_from(attempt.clamp(1, 20) - 1).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_within_bounds() {
        let minutes = |attempt| growing(attempt).as_secs() / 60;
        assert!(growing(1).as_secs() >= 30 && growing(1).as_secs() <= 60);
        assert!((4..=8).contains(&minutes(4)), "{}", minutes(4));
        for attempt in [i32::MIN, 0, 20, i32::MAX] {
            assert!((30..=3600).contains(&growing(attempt).as_secs()), "{attempt}");
        }
        assert_eq!(wait(Some(Duration::MAX)).as_hours(), 24);
        assert_eq!(wait(Some(Duration::ZERO)).as_secs(), 1);
        assert_eq!(wait(None).as_secs(), 900);
    }

    #[test]
    fn every_error_of_an_institution_leads_to_one_ending() {
        let of = |error: Error| format!("{:?}", Failure::from(error));
        assert!(of(Error::Unauthorised).starts_with("Reauthorise"));
        assert!(of(Error::ConsentGone).starts_with("Reauthorise"));
        assert!(of(Error::RateLimited { retry_after: None }).starts_with("Wait"));
        assert!(of(Error::Unavailable { what: "" }).starts_with("Retry"));
        assert!(of(Error::Malformed { what: "" }).starts_with("GiveUp"));
        assert!(of(Error::HostilePagination { what: "" }).starts_with("GiveUp"));
    }
}
