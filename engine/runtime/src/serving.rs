//! The app that is served, and how everybody follows when another one takes over.
//!
//! A request looks at one atomic number; the lock is taken only when that has changed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vencejo_core::plan::{App, Succession};

use crate::ticker::EventTimes;

/// An app while it is served.
pub struct Served {
    /// The app.
    pub app: Arc<App>,
    pub(crate) times: EventTimes,
}

/// The app that is served now.
pub(crate) struct Serving {
    current: Mutex<Arc<Served>>,
    /// How many apps were served before.
    generation: AtomicU64,
}

impl Serving {
    pub(crate) fn new(app: Arc<App>) -> Self {
        let times = EventTimes::new(app.streams.len());
        let current = Mutex::new(Arc::new(Served { app, times }));
        Self { current, generation: AtomicU64::new(0) }
    }

    pub(crate) fn current(&self) -> Arc<Served> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another app is served from now on. What is known of the streams that go on, goes on.
    pub(crate) fn replace(&self, succession: &Succession) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let times = current.times.succeed(succession);
        *current = Arc::new(Served { app: Arc::clone(succession.to()), times });
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// Somebody's view of the app that is served.
pub struct Following {
    serving: Arc<Serving>,
    generation: u64,
    served: Arc<Served>,
}

impl Following {
    pub(crate) fn new(serving: Arc<Serving>) -> Self {
        // Should it change in between, it is looked at once more.
        let generation = serving.generation.load(Ordering::Acquire);
        let served = serving.current();
        Self { serving, generation, served }
    }

    /// The app that is served now. Cost: one atomic load, unless it has changed.
    #[inline]
    pub fn served(&mut self) -> &Arc<Served> {
        if self.serving.generation.load(Ordering::Acquire) != self.generation {
            *self = Self::new(Arc::clone(&self.serving));
        }
        &self.served
    }
}
