//! Small state that outlives the process: one JSON file, replaced as a whole.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A state file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("state file {}: {source}; check the path, or remove the file to begin afresh", path.display())]
pub struct FileError {
    path: PathBuf,
    source: std::io::Error,
}

/// What the file holds; the default if there is no file.
pub(crate) fn load<T: DeserializeOwned + Default>(path: &Path) -> Result<T, FileError> {
    let failed = |source| FileError { path: path.to_owned(), source };
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(error.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(failed(error)),
    }
}

/// Replaces the file, so that whoever dies in between leaves the old or the new state.
pub(crate) fn save<T: Serialize>(path: &Path, state: &T) -> Result<(), FileError> {
    let failed = |source| FileError { path: path.to_owned(), source };
    let bytes = serde_json::to_vec(state).map_err(|error| failed(error.into()))?;
    let next = path.with_extension("next");
    std::fs::write(&next, bytes).map_err(failed)?;
    std::fs::rename(&next, path).map_err(failed)
}
