//! Waiting for conditions, never for time.

use std::time::{Duration, Instant};

/// Asks again and again until the answer is `Ok`; the value in it.
///
/// # Panics
/// When that does not happen in time: with the last `Err`, which tells how things stand.
pub async fn eventually<T>(
    what: &str,
    within: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + within;
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(status) if Instant::now() > deadline => panic!("{what}: not within {within:?}; {status}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Seconds, for deadlines.
#[must_use]
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
