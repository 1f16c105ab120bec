//! Store to topic: what was written together with a fact is published, in order.

use std::time::Duration;

use events::Outbound;
use service::Shutdown;

use crate::worker::post::Post;
use crate::worker::seat::Pauses;
use crate::{Fault, Kafka, RunError, metrics};

/// A message that waits in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its place in the order.
    pub id: i64,
    /// The message.
    pub message: Outbound,
    /// The `traceparent` of what brought it about.
    pub trace: Option<String>,
}

/// A store with an outbox.
pub trait Source: Send + Sync + 'static {
    /// Whether `holder` may relay for the next seconds. It must hold for at least five: a delivery gives up earlier.
    ///
    /// # Errors
    /// A [`Fault`] when the store does not answer.
    fn lease(&self, holder: &str) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// The oldest rows, in order.
    ///
    /// # Errors
    /// A [`Fault`] when the store does not answer.
    fn read(&self, limit: i64) -> impl Future<Output = Result<Vec<Row>, Fault>> + Send;

    /// Forgets rows that are published.
    ///
    /// # Errors
    /// A [`Fault`] when the store does not answer: they are published again.
    fn delete(&self, ids: &[i64]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Completes when rows may have been written, so that they need not wait for the next look; by default never.
    fn kicked(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// How a relay runs.
#[derive(Debug, Clone)]
pub struct RelaySpec {
    /// Names this relay among those of the same outbox.
    pub holder: String,
    /// How long it waits before it looks again after it found nothing; 20 ms is a good value.
    pub idle_poll: Duration,
}

/// Rows taken at a time.
const ROWS: i64 = 500;
/// A delivery gives up before the shortest lease is over, so that no two relays have messages under way.
const DELIVERY_MS: u32 = 4_000;
/// How often the lease is asked for while another relay has it.
const TURN: Duration = Duration::from_secs(1);
/// A relay that has not come round for so long is stuck.
const STUCK: Duration = Duration::from_secs(60);

/// Relays until shutdown.
///
/// Of several relays on one outbox the one with the lease works and the others wait. Rows are deleted after their
/// delivery, so that a crash publishes some twice, under the same event ids.
///
/// # Errors
/// [`RunError`] when it cannot go on; the process should end.
pub async fn run_relay<S: Source>(
    kafka: &Kafka,
    source: S,
    spec: RelaySpec,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let component = kafka.0.health.component(format!("{NAME}-{}", spec.holder), STUCK);
    let post = Post::open(kafka, NAME, None, DELIVERY_MS)?;
    let mut pauses = Pauses::new();
    while !shutdown.is_triggered() {
        component.alive();
        let pause = match relay(&source, &post, &spec.holder).await {
            Ok(turn) => {
                component.ready(true);
                pauses = Pauses::new();
                match turn {
                    Turn::Published => continue,
                    Turn::Empty => spec.idle_poll,
                    Turn::NotOurs => TURN,
                }
            }
            Err(fault) => {
                component.ready(false);
                metrics::fault(NAME);
                tracing::warn!(%fault, "the outbox could not be relayed; trying again");
                pauses.longer()
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => (),
            () = source.kicked() => (),
            () = shutdown.triggered() => (),
        }
    }
    component.ended();
    Ok(())
}

/// The relay's name in metrics and in `ce_source`.
const NAME: &str = "outbox";

enum Turn {
    Published,
    Empty,
    NotOurs,
}

/// Publishes the oldest rows. Those before the first failure are deleted; what follows a failure comes again behind it,
/// so that the last message of a key is always the latest.
async fn relay<S: Source>(source: &S, post: &Post, holder: &str) -> Result<Turn, Fault> {
    if !source.lease(holder).await? {
        return Ok(Turn::NotOurs);
    }
    let rows = source.read(ROWS).await?;
    if rows.is_empty() {
        return Ok(Turn::Empty);
    }
    let mut deliveries = Vec::with_capacity(rows.len());
    let mut failed = None;
    for row in &rows {
        match post.enqueue(&row.message, row.trace.as_deref()).await {
            Ok(delivery) => deliveries.push((row.id, delivery)),
            Err(fault) => {
                failed = Some(fault);
                break;
            }
        }
    }
    let mut published = Vec::with_capacity(rows.len());
    for (id, delivery) in deliveries {
        match delivery.await {
            Ok(()) if failed.is_none() => published.push(id),
            Ok(()) => (),
            Err(fault) => failed = failed.or(Some(fault)),
        }
    }
    source.delete(&published).await?;
    metrics::emitted(NAME, published.len());
    failed.map_or(Ok(Turn::Published), Err)
}
