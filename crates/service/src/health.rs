//! Liveness and readiness, by component.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The components of a process. A component is dead when it has not reported within its deadline; a process that is
/// dead should be restarted. Not ready means: leave it alone, it is waiting for something.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, State>>>);

#[derive(Debug)]
struct State {
    deadline: Duration,
    last: Instant,
    ready: bool,
}

/// One part of the process that reports.
#[derive(Debug, Clone)]
pub struct Component {
    health: Health,
    name: String,
}

impl Health {
    /// No components yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a component, alive and not ready, that will report at least every `deadline`.
    #[must_use]
    pub fn component(&self, name: impl Into<String>, deadline: Duration) -> Component {
        let name = name.into();
        self.with(|states| {
            states.insert(name.clone(), State { deadline, last: Instant::now(), ready: false })
        });
        Component { health: self.clone(), name }
    }

    /// Components that have not reported in time.
    #[must_use]
    pub fn dead(&self) -> Vec<String> {
        self.names(|state| state.last.elapsed() > state.deadline)
    }

    /// Components that are not ready. A process of which no part has reported yet is not ready either.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        if self.with(|states| states.is_empty()) {
            return vec!["start".to_owned()];
        }
        self.names(|state| !state.ready)
    }

    /// Whether the component of that name has reported that it is ready.
    #[must_use]
    pub fn is_ready(&self, name: &str) -> bool {
        self.with(|states| states.get(name).is_some_and(|state| state.ready))
    }

    fn names(&self, of: impl Fn(&State) -> bool) -> Vec<String> {
        self.with(|states| {
            states.iter().filter(|(_, state)| of(state)).map(|(name, _)| name.clone()).collect()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, State>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Component {
    /// The component has come round once more.
    pub fn alive(&self) {
        self.update(|state| state.last = Instant::now());
    }

    /// Whether the component can do its work; also counts as a sign of life.
    pub fn ready(&self, ready: bool) {
        self.update(|state| {
            state.ready = ready;
            state.last = Instant::now();
        });
    }

    /// The component has ended in good order and reports no more.
    pub fn ended(&self) {
        self.health.with(|states| states.remove(&self.name));
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        self.health.with(|states| {
            if let Some(state) = states.get_mut(&self.name) {
                change(state);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_waiting_until_ready_and_dead_past_its_deadline() {
        let health = Health::new();
        assert_eq!(health.waiting(), ["start"]);
        let slow = health.component("slow", Duration::ZERO);
        let fine = health.component("fine", Duration::from_secs(60));
        assert_eq!(health.waiting(), ["fine", "slow"]);
        fine.ready(true);
        slow.ready(true);
        assert!(health.waiting().is_empty() && health.is_ready("fine"));
        assert_eq!(health.dead(), ["slow"]);
        slow.ended();
        assert!(health.dead().is_empty());
    }
}
