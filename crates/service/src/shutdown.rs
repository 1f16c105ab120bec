//! The wish to end, heard by every task.

use tokio_util::sync::CancellationToken;

/// A clonable signal; once given it stays given.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// A signal that somebody in this process gives.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everybody to end.
    pub fn trigger(&self) {
        self.0.cancel();
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the end is asked for.
    pub async fn triggered(&self) {
        self.0.cancelled().await;
    }

    /// A signal that is given with this one, and can be given alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// The token itself, for code that knows nothing of this crate.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }

    /// Waits for SIGTERM or SIGINT and asks everybody to end; a second signal ends the process at once.
    ///
    /// # Errors
    /// When the process may not listen to signals.
    pub async fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let mut next = async || tokio::select! { _ = term.recv() => (), _ = int.recv() => () };
        next().await;
        tracing::info!("shutdown asked for; draining");
        self.trigger();
        next().await;
        tracing::warn!("second signal; ending at once");
        std::process::exit(130);
    }
}
