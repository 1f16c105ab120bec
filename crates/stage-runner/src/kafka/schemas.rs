//! Writers' schemas by their id: fetched once, kept for good, since an id never changes its meaning.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use events::avro::Codec;

use super::registry::{Problem, Registry};
use crate::Fault;

#[derive(Debug)]
pub(crate) struct Schemas {
    registry: Registry,
    known: Mutex<HashMap<u32, &'static Codec>>,
}

impl Schemas {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry, known: Mutex::default() }
    }

    /// The schema of that id; none when the registry does not know it or it is no Avro, which another try will not
    /// change.
    ///
    /// # Errors
    /// When the registry does not answer.
    pub(crate) async fn get(&self, id: u32) -> Result<Option<&'static Codec>, Fault> {
        if let Some(codec) = self.with(|known| known.get(&id).copied()) {
            return Ok(Some(codec));
        }
        let text = match self.registry.schema(id).await {
            Ok(text) => text,
            Err(Problem::NotFound) => return Ok(None),
            Err(problem) => return Err(problem.into()),
        };
        let Ok(codec) = Codec::parse(&text) else {
            return Ok(None);
        };
        // A codec lives as long as the process, and so do its few versions.
        let codec = &*Box::leak(Box::new(codec));
        self.with(|known| known.insert(id, codec));
        Ok(Some(codec))
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<u32, &'static Codec>) -> T) -> T {
        act(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
