//! Keeps our requests to one institution within what its profile allows.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::Limits;

/// At most so many requests a second, a second's worth of them in a burst, and so many at once.
#[derive(Debug)]
pub(crate) struct Throttle {
    slots: Semaphore,
    interval: Duration,
    next: Mutex<Instant>,
}

/// A burst may use up what an idle second left over.
const BURST: Duration = Duration::from_secs(1);

impl Throttle {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            slots: Semaphore::new(limits.concurrent_requests.get().into()),
            interval: BURST / limits.requests_per_second.get(),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for a turn; the request may run as long as the permit is held. None once the process ends.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.slots.acquire().await.ok()?;
        tokio::time::sleep_until(self.book(Instant::now())).await;
        Some(permit)
    }

    fn book(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = now.checked_sub(BURST.saturating_sub(self.interval)).unwrap_or(now);
        let turn = (*next).max(idle);
        *next = turn + self.interval;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_burst_is_followed_by_evenly_spaced_turns() {
        let limits = Limits { requests_per_second: 4.try_into().unwrap(), ..Limits::default() };
        let throttle = Throttle::new(&limits);
        let start = Instant::now() + Duration::from_secs(60);
        let waits: Vec<_> =
            (0..6).map(|_| throttle.book(start).saturating_duration_since(start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 250, 500]);
    }
}
