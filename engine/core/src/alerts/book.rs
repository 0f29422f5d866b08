//! The alerts of a partition, by the order in which they were raised.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rkyv::rancor::Error;
use vencejo_types::Tick;
use vencejo_types::limits::{ALERT_BYTES_KEPT_MAX, ALERTS_KEPT_MAX};

use super::AlertId;
use crate::plan::flow::Severity;

/// How far an alert has come. The first to go when there are too many come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Done with.
    Resolved,
    /// Somebody has seen it.
    Acknowledged,
    /// Nobody has seen it.
    Open,
}

impl Status {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Acknowledged => "acknowledged",
            Self::Open => "open",
        }
    }
}

/// An alert that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// The rule's output: a place in [`crate::plan::flow::Flow::outputs`].
    pub output: usize,
    /// How bad it is.
    pub severity: Severity,
    /// How far it has come.
    pub status: Status,
    /// When it was raised, in engine time.
    pub raised: Tick,
    /// The output's row.
    pub row: Box<[u8]>,
    /// Sequences of the match's rows.
    pub sequences: Box<[u64]>,
}

/// What may be done about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertChange {
    /// It has been seen.
    Acknowledge,
    /// It is done with.
    Resolve,
}

/// Why an alert was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertRefusal {
    /// There is none with this id (any more).
    Unknown,
    /// It is resolved already.
    Resolved,
}

/// All alerts of a partition. Past the limit the oldest resolved one goes first, then the oldest acknowledged
/// one, then the oldest.
#[derive(Debug, Default)]
pub struct AlertBook {
    /// By the order in which they were raised.
    alerts: BTreeMap<u64, Arc<Alert>>,
    places: BTreeMap<AlertId, u64>,
    by_status: BTreeSet<(Status, u64)>,
    next: u64,
    bytes: usize,
    dropped: u64,
    /// What the capture that is under way has not saved yet, the first one last.
    saving: Vec<(u64, Arc<Alert>)>,
}

/// Of an alert: place, id, output, severity, status, when it was raised, row, sequences.
type AlertV1 = (u64, u64, u64, u8, u8, i64, Box<[u8]>, Box<[u64]>);

/// Alerts of a page of an image.
const ALERTS_PER_PAGE: usize = 32;

impl AlertBook {
    /// The alerts, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Alert> {
        self.alerts.values().map(|alert| &**alert)
    }

    /// The alerts that were raised before the one in this place, the newest first, each with its place;
    /// `u64::MAX` is behind all of them.
    pub fn before(&self, place: u64) -> impl Iterator<Item = (u64, &Alert)> {
        self.alerts.range(..place).rev().map(|(&place, alert)| (place, &**alert))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.alerts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// The alert of this id.
    pub fn get(&self, id: AlertId) -> Option<&Alert> {
        self.alerts.get(self.places.get(&id)?).map(|alert| &**alert)
    }

    /// Alerts that went unresolved to make room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Keeps an alert; one of the same id takes its place.
    pub(crate) fn raise(&mut self, alert: Alert) {
        if let Some(&place) = self.places.get(&alert.id) {
            self.remove(place);
        }
        let place = self.next;
        self.next += 1;
        self.put(place, Arc::new(alert));
        while self.alerts.len() > ALERTS_KEPT_MAX || self.bytes > ALERT_BYTES_KEPT_MAX {
            let Some(&(status, place)) = self.by_status.first() else { return };
            self.dropped += u64::from(status != Status::Resolved);
            self.remove(place);
        }
    }

    fn put(&mut self, place: u64, alert: Arc<Alert>) {
        self.bytes += size(&alert);
        self.places.insert(alert.id, place);
        self.by_status.insert((alert.status, place));
        self.alerts.insert(place, alert);
    }

    /// Goes on in the next app: each alert at its output's new place; those of outputs that are gone go, too.
    pub(crate) fn succeed(mut self, output: impl Fn(usize) -> Option<usize>) -> Self {
        let mut book = Self { next: self.next, dropped: self.dropped, ..Self::default() };
        while let Some((place, mut alert)) = self.alerts.pop_first() {
            let Some(output) = output(alert.output) else { continue };
            Arc::make_mut(&mut alert).output = output;
            book.put(place, alert);
        }
        book
    }

    /// Changes an alert.
    pub(crate) fn change(&mut self, id: AlertId, change: AlertChange) -> Result<(), AlertRefusal> {
        let place = *self.places.get(&id).ok_or(AlertRefusal::Unknown)?;
        let alert = self.alerts.get_mut(&place).ok_or(AlertRefusal::Unknown)?;
        if alert.status == Status::Resolved {
            return Err(AlertRefusal::Resolved);
        }
        let before = alert.status;
        let alert = Arc::make_mut(alert);
        alert.status = match change {
            AlertChange::Acknowledge => Status::Acknowledged,
            AlertChange::Resolve => Status::Resolved,
        };
        self.by_status.remove(&(before, place));
        self.by_status.insert((alert.status, place));
        Ok(())
    }

    /// Begins a capture of the alerts as they are now: an image's head.
    pub(crate) fn begin_capture(&mut self) -> Vec<u8> {
        self.saving = self.alerts.iter().rev().map(|(&place, alert)| (place, Arc::clone(alert))).collect();
        self.head()
    }

    /// Gives up the capture that is under way, if any.
    pub(crate) fn end_capture(&mut self) {
        self.saving.clear();
    }

    fn head(&self) -> Vec<u8> {
        [self.next, self.dropped, self.alerts.len() as u64]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect()
    }

    /// Gives pages of the capture that is under way while `give` wants more; whether these were all.
    pub(crate) fn capture_some(&mut self, give: &mut dyn FnMut(Vec<u8>) -> bool) -> bool {
        let mut goes_on = true;
        while goes_on && !self.saving.is_empty() {
            let alerts = self.saving.split_off(self.saving.len().saturating_sub(ALERTS_PER_PAGE));
            goes_on = give(page(alerts.iter().rev().map(|(place, alert)| (*place, &**alert))));
        }
        self.saving.is_empty()
    }

    /// The book of an image; nothing where it is none. `page` gives the next page.
    pub(crate) fn restored(head: &[u8], page: &mut dyn FnMut() -> Option<Vec<u8>>) -> Option<Self> {
        let (words, []) = head.as_chunks() else { return None };
        let [next, dropped, count] = *words else { return None };
        let [next, dropped, count] = [next, dropped, count].map(u64::from_le_bytes);
        let mut book = Self { next, dropped, ..Self::default() };
        while (book.alerts.len() as u64) < count {
            let alerts = rkyv::from_bytes::<Vec<AlertV1>, Error>(&page()?).ok()?;
            if alerts.is_empty() {
                return None;
            }
            for alert in alerts {
                let (place, alert) = read(alert)?;
                if place >= next || book.alerts.contains_key(&place) {
                    return None;
                }
                book.put(place, Arc::new(alert));
            }
        }
        Some(book)
    }

    /// Shows all of it as bytes.
    pub(crate) fn digest(&self, show: &mut dyn FnMut(&[u8])) {
        show(&self.head());
        self.alerts.iter().for_each(|(&place, alert)| show(&page(std::iter::once((place, &**alert)))));
    }

    fn remove(&mut self, place: u64) {
        let Some(alert) = self.alerts.remove(&place) else { return };
        self.bytes -= size(&alert);
        self.places.remove(&alert.id);
        self.by_status.remove(&(alert.status, place));
    }
}

/// Bytes that an alert takes.
fn size(alert: &Alert) -> usize {
    size_of::<Alert>() + alert.row.len() + size_of_val(&*alert.sequences)
}

fn page<'a>(alerts: impl Iterator<Item = (u64, &'a Alert)>) -> Vec<u8> {
    let saved = |(place, alert): (u64, &Alert)| -> AlertV1 {
        let severity = match alert.severity {
            Severity::Info => 0,
            Severity::Warning => 1,
            Severity::Critical => 2,
        };
        let status = match alert.status {
            Status::Open => 0,
            Status::Acknowledged => 1,
            Status::Resolved => 2,
        };
        let (row, sequences) = (alert.row.clone(), alert.sequences.clone());
        (place, alert.id.0, alert.output as u64, severity, status, alert.raised.0, row, sequences)
    };
    let alerts: Vec<AlertV1> = alerts.map(saved).collect();
    rkyv::to_bytes::<Error>(&alerts).expect("memory is all that it can lack").to_vec()
}

fn read(alert: AlertV1) -> Option<(u64, Alert)> {
    let (place, id, output, severity, status, raised, row, sequences) = alert;
    let severity = match severity {
        0 => Severity::Info,
        1 => Severity::Warning,
        2 => Severity::Critical,
        _ => return None,
    };
    let status = match status {
        0 => Status::Open,
        1 => Status::Acknowledged,
        2 => Status::Resolved,
        _ => return None,
    };
    let output = usize::try_from(output).ok()?;
    let (id, raised) = (AlertId(id), Tick(raised));
    Some((place, Alert { id, output, severity, status, raised, row, sequences }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(id: u64) -> Alert {
        Alert {
            id: AlertId(id),
            output: 0,
            severity: Severity::Warning,
            status: Status::Open,
            raised: Tick(0),
            row: Box::default(),
            sequences: Box::new([1, 2]),
        }
    }

    #[test]
    fn an_alert_goes_from_open_to_resolved() {
        let mut book = AlertBook::default();
        book.raise(alert(7));
        assert_eq!(book.change(AlertId(8), AlertChange::Acknowledge), Err(AlertRefusal::Unknown));
        assert_eq!(book.change(AlertId(7), AlertChange::Acknowledge), Ok(()));
        assert_eq!(book.get(AlertId(7)).unwrap().status, Status::Acknowledged);
        assert_eq!(book.change(AlertId(7), AlertChange::Resolve), Ok(()));
        assert_eq!(book.change(AlertId(7), AlertChange::Acknowledge), Err(AlertRefusal::Resolved));
    }

    #[test]
    fn too_many_alerts_let_the_resolved_ones_go_first() {
        let mut book = AlertBook::default();
        let max = ALERTS_KEPT_MAX as u64;
        (0..max).for_each(|id| book.raise(alert(id)));
        book.change(AlertId(5), AlertChange::Acknowledge).unwrap();
        book.change(AlertId(9), AlertChange::Resolve).unwrap();
        for (id, gone) in [(max, 9), (max + 1, 5), (max + 2, 0), (max + 3, 1)] {
            assert!(book.get(AlertId(gone)).is_some());
            book.raise(alert(id));
            assert!(book.get(AlertId(gone)).is_none(), "{gone} goes for {id}");
        }
        assert_eq!((book.len(), book.dropped()), (ALERTS_KEPT_MAX, 3));
        assert_eq!(book.by_status.len(), ALERTS_KEPT_MAX);
    }

    #[test]
    fn alerts_follow_their_outputs_to_the_next_app() {
        let mut book = AlertBook::default();
        for (id, output) in [(0, 0), (1, 1), (2, 0), (3, 1)] {
            book.raise(Alert { output, ..alert(id) });
        }
        book.change(AlertId(3), AlertChange::Acknowledge).unwrap();
        let book = book.succeed(|output| (output == 1).then_some(5));
        let kept: Vec<_> = book.iter().map(|alert| (alert.id, alert.output, alert.status)).collect();
        assert_eq!(kept, [(AlertId(1), 5, Status::Open), (AlertId(3), 5, Status::Acknowledged)]);
        assert_eq!(book.by_status.len(), 2);
    }

    #[test]
    fn an_alert_that_is_raised_again_is_one() {
        let mut book = AlertBook::default();
        book.raise(alert(1));
        let bytes = book.bytes;
        book.raise(alert(1));
        assert_eq!((book.len(), book.bytes), (1, bytes));
    }
}
