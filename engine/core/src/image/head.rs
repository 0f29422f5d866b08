//! The head of an image: all of a partition that is no page.

use std::sync::Arc;

use rkyv::rancor::Error;
use vencejo_types::{Sequence, Tick};
use vencejo_windows::paged::PageSource;

use super::keeper::Pages;
use super::{BOOK, OpenError, Restored, Versions, number, open_error};
use crate::alerts::AlertBook;
use crate::dataflow::Keeper;
use crate::models::RosterV1;
use crate::plan::App;
use crate::plan::flow::Output;
use crate::plan::succession::Fingerprints;
use crate::producers::{ProducerV1, Producers};
use crate::state::PartitionState;

/// Of a stream: name, watermark, whether it is idle, rows without event time.
type StreamV1 = (String, i64, bool, u64);

/// Of a node: fingerprint, its number as pages have it, watermark, whether it is idle, its operator's head.
type NodeV1 = (u64, u32, i64, bool, Option<Vec<u8>>);

/// Of the alerts: what their outputs are called, each with the fingerprint of its columns, and the book's
/// head.
type AlertsV1 = (Vec<(String, u64)>, Vec<u8>);

/// Of a partition: sequence, tick, installations, then its parts.
type HeadV1 = (u64, i64, u64, Vec<ProducerV1>, Vec<StreamV1>, Vec<NodeV1>, Vec<RosterV1>, AlertsV1);

const VERSION: u32 = 1;

pub(crate) struct Head(HeadV1);

impl Head {
    /// The head of a partition as it is now; `book` is that of its alerts, `head_of` makes that of a node.
    pub fn of(
        state: &mut PartitionState,
        book: Vec<u8>,
        mut head_of: impl FnMut(Keeper<'_>, u32) -> Vec<u8>,
    ) -> Self {
        let fingerprints = Fingerprints::of(&state.app).exact;
        let captures = state.captures;
        let streams = state.app.streams.iter().zip(state.dataflow.stream_times());
        let streams = streams
            .map(|(stream, (watermark, idle, untimed))| (stream.name.clone(), watermark, idle, untimed));
        let streams = streams.collect();
        let mut nodes = Vec::with_capacity(fingerprints.len());
        for (place, &fingerprint) in fingerprints.iter().enumerate() {
            let (watermark, idle) = state.dataflow.node_time(place);
            let keeper = state.dataflow.keeper(place).flatten();
            let head = keeper.map(|keeper| head_of(keeper, captures));
            nodes.push((fingerprint, number(place), watermark, idle, head));
        }
        let models = state.app.models.iter().zip(&state.rosters);
        let rosters = models.map(|(slot, roster)| roster.to_v1(slot)).collect();
        let producers = state.producers().to_v1();
        let outputs =
            state.app.flow.outputs.iter().map(|output| (output.name.clone(), output.schema.fingerprint()));
        let alerts = (outputs.collect(), book);
        Self((state.sequence().0, state.tick().0, state.installs, producers, streams, nodes, rosters, alerts))
    }

    /// Its bytes: the version, then an archive.
    pub fn write(&self) -> Vec<u8> {
        let archive = rkyv::to_bytes::<Error>(&self.0).expect("memory is all that it can lack");
        [&VERSION.to_le_bytes(), &*archive].concat()
    }

    /// The head that bytes are.
    pub fn read(bytes: &[u8]) -> Result<Self, OpenError> {
        let (version, archive) = bytes.split_first_chunk().ok_or(OpenError::Head)?;
        match u32::from_le_bytes(*version) {
            VERSION => rkyv::from_bytes::<HeadV1, Error>(archive).map(Self).map_err(|_| OpenError::Head),
            other => Err(OpenError::Version(other)),
        }
    }

    /// Opens the image that it is the head of.
    pub fn open(
        self,
        app: &Arc<App>,
        source: &Arc<dyn PageSource>,
        versions: &mut Versions<'_>,
    ) -> Result<Restored, OpenError> {
        let (sequence, tick, installs, producers, streams, mut nodes, rosters, alerts) = self.0;
        let mut state = PartitionState::new(Arc::clone(app));
        state.resume(Sequence(sequence), Tick(tick), installs, Producers::from_v1(producers));
        for (name, watermark, idle, untimed) in streams {
            if let Some(place) = app.streams.iter().position(|stream| stream.name == name) {
                state.dataflow.set_stream_time(place, watermark, idle, untimed);
            }
        }
        let mut anew = Vec::new();
        for (place, fingerprint) in Fingerprints::of(app).exact.into_iter().enumerate() {
            let name = &app.flow.nodes[place].name;
            let Some(found) = nodes.iter().position(|node| node.0 == fingerprint) else {
                if state.dataflow.keeper(place).flatten().is_some() && !anew.contains(name) {
                    anew.push(name.clone());
                }
                continue;
            };
            // Two nodes that do the same have the same state; each takes one.
            let (_, owner, watermark, idle, head) = nodes.remove(found);
            state.dataflow.set_node_time(place, watermark, idle);
            if let (Some(Some(keeper)), Some(head)) = (state.dataflow.keeper(place), head) {
                keeper.restore(&head, source, owner).map_err(|error| open_error(name, error))?;
            }
        }
        state.dataflow.alerts = book(app, source, alerts)?;
        state.dataflow.rejoin();
        let mut models_anew = Vec::new();
        for (slot, roster) in app.models.iter().zip(&mut state.rosters) {
            let held = rosters.iter().find(|held| held.0 == slot.name);
            match held.and_then(|held| roster.opened(slot, held, versions)) {
                Some(restored) => *roster = restored,
                None => models_anew.push(slot.name.clone()),
            }
        }
        Ok(Restored { state, anew, models_anew })
    }
}

/// The alerts of an image; those of outputs that are gone go, too.
fn book(app: &App, source: &Arc<dyn PageSource>, alerts: AlertsV1) -> Result<AlertBook, OpenError> {
    let (outputs, head) = alerts;
    let mut pages = Pages::new(source, BOOK);
    let Some(book) = AlertBook::restored(&head, &mut || pages.next()) else {
        return Err(open_error("the book of alerts", pages.error()));
    };
    Ok(book.succeed(|output| {
        let (name, fingerprint) = outputs.get(output)?;
        let is_same = |other: &Output| other.name == *name && other.schema.fingerprint() == *fingerprint;
        app.flow.outputs.iter().position(is_same)
    }))
}
