//! The pages of a partition's image, from a snapshot.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vencejo_core::image::{PageAt, PageFault, PageSource};
use vencejo_journal::snapshot::{PagePlace, Snapshot};

/// Pages of a partition that cannot be had.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    any: AtomicBool,
    pages: Mutex<BTreeSet<PagePlace>>,
}

impl Faults {
    /// Whether there is one.
    pub(crate) fn is_any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Whether this one is new.
    fn note(&self, place: PagePlace) -> bool {
        self.any.store(true, Ordering::Relaxed);
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(place)
    }
}

/// Gives a partition the pages of its image.
pub(crate) struct PartitionPages {
    snapshot: Arc<Snapshot>,
    partition: u32,
    faults: Arc<Faults>,
}

impl PartitionPages {
    /// The pages of one partition. Those that cannot be had are logged, and noted in `faults`.
    pub(crate) fn new(snapshot: Arc<Snapshot>, partition: u32, faults: Arc<Faults>) -> Self {
        Self { snapshot, partition, faults }
    }
}

impl PageSource for PartitionPages {
    fn page(&self, at: PageAt, out: &mut Vec<u8>) -> Result<(), PageFault> {
        let PageAt { owner, container, page } = at;
        let place = PagePlace { partition: self.partition, owner, container, page };
        let error = match self.snapshot.page(place, out) {
            Ok(true) => return Ok(()),
            Ok(false) => "the snapshot does not have it".to_owned(),
            Err(error) => error.to_string(),
        };
        if self.faults.note(place) {
            let partition = self.partition;
            tracing::error!(partition, owner, container, page, error, "a page of the snapshot cannot be had");
        }
        Err(PageFault(at))
    }
}

impl fmt::Debug for PartitionPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pages of partition {} in {:?}", self.partition, self.snapshot)
    }
}
