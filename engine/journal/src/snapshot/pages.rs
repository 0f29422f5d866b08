//! The pages of a partition's image, from a snapshot.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use vencejo_core::image::{PageAt, PageFault, PageSource};

use super::{PagePlace, Snapshot, SnapshotError};

/// Told of a page that cannot be had; nothing where the snapshot does not have it.
pub type Report = dyn Fn(PagePlace, Option<&SnapshotError>) + Send + Sync;

/// Gives a partition the pages of its image.
pub struct PartitionPages {
    snapshot: Arc<Snapshot>,
    partition: u32,
    report: Box<Report>,
    /// Pages that were reported.
    reported: Mutex<BTreeSet<PagePlace>>,
}

impl PartitionPages {
    /// The pages of one partition. `report` is told of each that cannot be had, once.
    pub fn new(snapshot: Arc<Snapshot>, partition: u32, report: Box<Report>) -> Self {
        Self { snapshot, partition, report, reported: Mutex::default() }
    }
}

impl PageSource for PartitionPages {
    fn page(&self, at: PageAt, out: &mut Vec<u8>) -> Result<(), PageFault> {
        let PageAt { owner, container, page } = at;
        let place = PagePlace { partition: self.partition, owner, container, page };
        let read = self.snapshot.page(place, out);
        if let Ok(true) = read {
            return Ok(());
        }
        if self.reported.lock().unwrap_or_else(PoisonError::into_inner).insert(place) {
            (self.report)(place, read.as_ref().err());
        }
        Err(PageFault(at))
    }
}

impl fmt::Debug for PartitionPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pages of partition {} in {:?}", self.partition, self.snapshot)
    }
}
