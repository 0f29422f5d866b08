//! Which partitions live on this thread.
//!
//! A session that runs beside a partition need not send for it: it has the partition's worker serve the
//! lanes then and there. That no two do so at once, the lanes see to: one who pushes is told to have them
//! served, until they are empty.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use crate::lanes::Lanes;
use crate::partition::Worker;

/// A partition of this thread.
pub(crate) type Resident = Rc<RefCell<Worker>>;

/// A partition by its lanes. Its actor keeps it.
type Entry = (Arc<Lanes>, Weak<RefCell<Worker>>);

thread_local! {
    static RESIDENTS: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// Makes a partition known on the thread on which it lives.
pub(crate) fn register(lanes: Arc<Lanes>, worker: &Resident) {
    RESIDENTS.with_borrow_mut(|residents| {
        residents.retain(|(_, worker)| worker.strong_count() > 0);
        residents.push((lanes, Rc::downgrade(worker)));
    });
}

/// The partition behind these lanes, if it lives on this thread.
pub(crate) fn find(lanes: &Arc<Lanes>) -> Option<Resident> {
    RESIDENTS.with_borrow(|residents| {
        let (_, worker) = residents.iter().find(|(of, _)| Arc::ptr_eq(of, lanes))?;
        worker.upgrade()
    })
}
