//! What a partition does between requests: it gives pages to a capture, and loads what is still on disk
//! alone. Both in slices as long as a request or two, after which the thread's other tasks run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use vencejo_core::image::StatePage;

use super::Worker;
use super::errand::{Done, Errand, elsewhere};
use super::failure::Health;
use crate::kept::Rebuilding;
use crate::snapshots::{CaptureRequest, Faults, Piece, Revived, Told};

/// Bytes of a slice: a page or two, 2 to 5 us.
const SLICE_BYTES: usize = 8 << 10;
/// Bytes of pages that are handed over at once.
const PARCEL_BYTES: usize = 64 << 10;

/// What a partition has to do besides requests.
#[derive(Default)]
pub(super) struct Background {
    capture: Option<Capture>,
    /// Pages of the snapshot that it began with cannot be had; nothing once all are loaded, or without one.
    faults: Option<Arc<Faults>>,
    /// Pages are still on disk alone.
    loads: bool,
    /// Whether a repair is under way, or has been tried.
    repair: Repair,
    /// The last turn was a slice.
    was_slice: bool,
}

struct Capture {
    request: CaptureRequest,
    parcel: Vec<StatePage>,
    parcel_bytes: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Repair {
    #[default]
    None,
    UnderWay,
    /// It is not possible.
    Tried,
}

impl Background {
    /// What there is to do for a partition that comes from a snapshot, or none.
    pub(super) fn new(faults: Option<Arc<Faults>>) -> Self {
        Self { loads: faults.is_some(), faults, ..Self::default() }
    }

    /// Whether a slice may be taken now.
    pub(super) fn is_due(&self) -> bool {
        let gives =
            |capture: &Capture| capture.request.credit.is_left() || capture.request.credit.is_withdrawn();
        self.loads || self.capture.as_ref().is_some_and(gives)
    }

    /// Whether it is a slice's turn before requests of the normal lane: every other turn.
    pub(super) fn goes_first(&mut self) -> bool {
        self.was_slice = !self.was_slice && self.is_due();
        self.was_slice
    }

    fn has_faults(&self) -> bool {
        self.repair == Repair::None && self.faults.as_ref().is_some_and(|faults| faults.is_any())
    }
}

impl Capture {
    fn tell(&self, partition: u32, piece: Piece) {
        let CaptureRequest { capture, told, .. } = &self.request;
        // The engine may be stopping.
        let _ = told.send(Told::Piece { capture: *capture, partition, piece });
    }

    fn send_parcel(&mut self, partition: u32) {
        self.parcel_bytes = 0;
        let pages = std::mem::take(&mut self.parcel);
        self.tell(partition, Piece::Pages(pages));
    }
}

impl Worker {
    /// Begins a capture: the state as it is now.
    pub(super) fn begin_capture(&mut self, request: CaptureRequest) {
        self.give_up_capture("another snapshot began");
        let capture = Capture { request, parcel: Vec::new(), parcel_bytes: 0 };
        if !matches!(self.health, Health::Sound) {
            return capture.tell(self.id.index, Piece::GivenUp("its state is being rebuilt".to_owned()));
        }
        let (sequence, tick) = (self.state.sequence().0, self.state.tick().0);
        let state = &mut self.state;
        let Ok(bytes) = catch_unwind(AssertUnwindSafe(|| state.begin_capture())) else {
            return capture.tell(self.id.index, Piece::GivenUp("its state cannot be written".to_owned()));
        };
        capture.tell(self.id.index, Piece::Head { sequence, tick, bytes });
        self.background.capture = Some(capture);
    }

    /// There will be no image: the state is not the one any more that the capture began with.
    pub(super) fn give_up_capture(&mut self, reason: &str) {
        if let Some(capture) = self.background.capture.take() {
            self.state.end_capture();
            capture.tell(self.id.index, Piece::GivenUp(reason.to_owned()));
        }
    }

    /// Takes a slice of what there is to do; whether there was anything.
    pub(super) fn take_slice(&mut self) -> bool {
        if !matches!(self.health, Health::Sound) {
            return false;
        }
        if self.background.capture.is_some() {
            // Whoever waits for a snapshot does not wait for what is loaded.
            return self.capture_slice() || self.load_slice();
        }
        self.load_slice()
    }

    fn capture_slice(&mut self) -> bool {
        let Some(mut capture) = self.background.capture.take() else { return false };
        let partition = self.id.index;
        if capture.request.credit.is_withdrawn() {
            self.state.end_capture();
            return true;
        }
        if !capture.request.credit.take(SLICE_BYTES) {
            self.background.capture = Some(capture);
            return false;
        }
        let (state, before) = (&mut self.state, capture.parcel.len());
        let parcel = &mut capture.parcel;
        let captured = catch_unwind(AssertUnwindSafe(|| state.capture_some(SLICE_BYTES, parcel)));
        let given: usize = capture.parcel[before..].iter().map(|page| page.bytes.len()).sum();
        capture.request.credit.settle(SLICE_BYTES, given);
        capture.parcel_bytes += given;
        match captured {
            Ok(Ok(true)) => {
                capture.send_parcel(partition);
                capture.tell(partition, Piece::Done);
            }
            Ok(Ok(false)) => {
                if capture.parcel_bytes >= PARCEL_BYTES || !capture.request.credit.is_left() {
                    capture.send_parcel(partition);
                }
                self.background.capture = Some(capture);
            }
            failed => {
                let reason = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "writing its state panicked".to_owned(),
                };
                self.state.end_capture();
                capture.tell(partition, Piece::GivenUp(reason));
            }
        }
        true
    }

    /// Loads pages that are on disk alone.
    fn load_slice(&mut self) -> bool {
        if !self.background.loads {
            return false;
        }
        // A page that cannot be had has been noted by its source.
        if let Ok(true) = self.state.hydrate_some(SLICE_BYTES) {
            self.background.loads = false;
            if !self.background.faults.as_ref().is_some_and(|faults| faults.is_any()) {
                self.background.faults = None;
            }
            tracing::info!(partition = %self.id, "all of the snapshot is loaded");
        }
        true
    }

    /// Whether a page of the snapshot could not be had, and an older one is to be tried.
    pub(super) fn is_to_be_repaired(&self) -> bool {
        self.background.has_faults() && matches!(self.health, Health::Sound) && self.snapshot.is_some()
    }

    /// Where a page of the snapshot cannot be had: has the partition rebuilt from an older one, elsewhere,
    /// while it serves; keys of that page are refused until then.
    pub(super) fn repair(&mut self) -> Option<Errand> {
        if !self.is_to_be_repaired() {
            return None;
        }
        let (kept, avoid) = (self.ledger.kept().map(Arc::clone)?, self.snapshot?);
        self.background.repair = Repair::UnderWay;
        let index = self.id.index;
        let repaired = elsewhere("repair", move || {
            let mut rebuilding = kept.begin_again(index, &[avoid])?;
            if !rebuilding.load() {
                return Err("the snapshot before it is damaged as well".to_owned());
            }
            kept.catch_up(&mut rebuilding).map(|()| Box::new(rebuilding))
        });
        Some(Box::pin(async move { Done::Repaired(repaired.await) }))
    }

    /// A repaired partition is nearly there: requests wait while it takes the last events.
    pub(super) fn change_over(&mut self, mut rebuilding: Rebuilding) -> Option<Errand> {
        let kept = self.ledger.kept().map(Arc::clone)?;
        if !matches!(self.health, Health::Sound) {
            // The state goes anyway.
            return None;
        }
        if !Arc::ptr_eq(rebuilding.app(), self.state.app()) {
            self.background.repair = Repair::None;
            return self.repair();
        }
        self.give_up_capture("its state was repaired");
        self.health = Health::Rebuilding;
        let rebuilt = elsewhere("repair", move || {
            kept.wait_until_durable()?;
            kept.catch_up(&mut rebuilding)?;
            rebuilding.finish()
        });
        Some(Box::pin(async move { Done::ChangedOver(rebuilt.await) }))
    }

    pub(super) fn changed_over(&mut self, revived: Result<Revived, String>) {
        self.health = Health::Sound;
        match revived {
            Ok(revived) if revived.state.sequence() == self.state.sequence() => {
                tracing::warn!(partition = %self.id, "repaired from the snapshot before and the journal");
                self.take_revived(revived);
            }
            Ok(_) => self.stay_damaged("the journal ends elsewhere"),
            Err(reason) => self.stay_damaged(&reason),
        }
    }

    /// Goes on with another state.
    pub(super) fn take_revived(&mut self, revived: Revived) {
        let Revived { state, faults, generation } = revived;
        self.state = state;
        self.snapshot = generation;
        self.background = Background::new(faults);
        self.taps.follow(&mut self.state);
    }

    pub(super) fn stay_damaged(&mut self, reason: &str) {
        self.background.repair = Repair::Tried;
        tracing::error!(
            partition = %self.id, reason,
            "pages of the snapshot are damaged and cannot be rebuilt; their keys are refused, all others are served"
        );
    }
}
