//! Listening and serving, the same for every stand-in.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

/// A stand-in cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; choose a free address")]
pub struct ServeError {
    address: SocketAddr,
    source: std::io::Error,
}

pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError { address, source })
}

/// The address that was bound, as a URL.
pub(crate) fn url(listener: &TcpListener) -> Result<Url, ServeError> {
    let failed = |source| ServeError { address: SocketAddr::from(([0, 0, 0, 0], 0)), source };
    let address = listener.local_addr().map_err(failed)?;
    Url::parse(&format!("http://{address}/")).map_err(|error| failed(std::io::Error::other(error)))
}

/// Serves in the background until `shutdown` is cancelled; requests under way are finished.
pub(crate) fn spawn(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    TaskTracker::new().spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::error!(%error, "a stand-in stopped serving");
        }
    });
}
