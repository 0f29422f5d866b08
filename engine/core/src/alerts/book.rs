//! The alerts of a partition, by the order in which they were raised.

use std::collections::{BTreeMap, BTreeSet};

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
    alerts: BTreeMap<u64, Alert>,
    places: BTreeMap<AlertId, u64>,
    by_status: BTreeSet<(Status, u64)>,
    next: u64,
    bytes: usize,
    dropped: u64,
}

impl AlertBook {
    /// The alerts, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Alert> {
        self.alerts.values()
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
        self.alerts.get(self.places.get(&id)?)
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
        self.bytes += size(&alert);
        self.places.insert(alert.id, place);
        self.by_status.insert((alert.status, place));
        self.alerts.insert(place, alert);
        while self.alerts.len() > ALERTS_KEPT_MAX || self.bytes > ALERT_BYTES_KEPT_MAX {
            let Some(&(status, place)) = self.by_status.first() else { return };
            self.dropped += u64::from(status != Status::Resolved);
            self.remove(place);
        }
    }

    /// Goes on in the next app: each alert at its output's new place; those of outputs that are gone go, too.
    pub(crate) fn succeed(mut self, output: impl Fn(usize) -> Option<usize>) -> Self {
        let mut book = Self { next: self.next, dropped: self.dropped, ..Self::default() };
        while let Some((place, mut alert)) = self.alerts.pop_first() {
            let Some(output) = output(alert.output) else { continue };
            alert.output = output;
            book.bytes += size(&alert);
            book.places.insert(alert.id, place);
            book.by_status.insert((alert.status, place));
            book.alerts.insert(place, alert);
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
        alert.status = match change {
            AlertChange::Acknowledge => Status::Acknowledged,
            AlertChange::Resolve => Status::Resolved,
        };
        self.by_status.remove(&(before, place));
        self.by_status.insert((alert.status, place));
        Ok(())
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
