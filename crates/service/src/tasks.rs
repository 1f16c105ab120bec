//! The tasks of a process: when one fails, all end.

use std::future::Future;

use tokio::task::JoinSet;

use crate::Shutdown;

/// A task ended with an error or a panic.
#[derive(Debug, thiserror::Error)]
#[error("{name} ended: {reason}")]
pub struct TaskError {
    /// The task.
    pub name: &'static str,
    /// The chain of causes, or that it panicked.
    pub reason: String,
}

/// A set of named tasks that share a shutdown.
#[derive(Debug)]
pub struct Tasks {
    set: JoinSet<Result<(), TaskError>>,
    shutdown: Shutdown,
}

impl Tasks {
    /// An empty set; the first failure triggers `shutdown`.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self { set: JoinSet::new(), shutdown }
    }

    /// Runs a task; its error is reported under `name`.
    pub fn run<E, F>(&mut self, name: &'static str, task: F)
    where
        E: std::fmt::Display + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.set.spawn(async move {
            task.await.map_err(|error| TaskError { name, reason: format!("{error:#}") })
        });
    }

    /// Waits for all; the first failure triggers the shutdown and is what comes back after the others have ended.
    ///
    /// # Errors
    /// The first task's failure.
    pub async fn join(mut self) -> Result<(), TaskError> {
        let mut first = Ok(());
        while let Some(ended) = self.set.join_next().await {
            let ended =
                ended.unwrap_or_else(|panic| Err(TaskError { name: "a task", reason: panic.to_string() }));
            if let Err(error) = ended {
                tracing::error!(task = error.name, reason = %error.reason, "task failed; shutting down");
                self.shutdown.trigger();
                first = first.and(Err(error));
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_failure_ends_the_others_and_is_reported() {
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(shutdown.clone());
        let waiting = shutdown.clone();
        tasks.run::<String, _>("patient", async move {
            waiting.triggered().await;
            Ok(())
        });
        tasks.run("broken", async { Err("no disk") });
        assert_eq!(tasks.join().await.unwrap_err().to_string(), "broken ended: no disk");
        assert!(shutdown.is_triggered());
    }
}
