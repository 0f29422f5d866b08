//! From the journal's records back to the partitions' states, through the one transition.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use vencejo_core::alerts::{AlertChange, AlertId};
use vencejo_core::models::{ModelChange, ModelVersion, Weight};
use vencejo_core::plan::{App, Stream};
use vencejo_core::{Effects, Event, PartitionState, apply};
use vencejo_journal::{Body, Change, Declaration, Handling, Record};
use vencejo_types::row::Row;
use vencejo_types::{DecisionId, ModelId, Origin, PartitionId, Sequence, StreamId, TenantId, Tick};

/// Finds the versions of models that records name by their content.
pub trait Versions: Send + Sync {
    /// The version of a model with this content, under this label.
    ///
    /// # Errors
    /// One sentence, when it is not there or cannot be used.
    fn load(&self, model: ModelId, label: &str, content: u64) -> Result<Arc<ModelVersion>, String>;
}

/// What the journal's numbers mean: places in the app; nothing for what it does not declare, or not with
/// these columns.
#[derive(Default)]
struct Meaning {
    streams: Vec<Option<StreamId>>,
    decisions: Vec<Option<DecisionId>>,
    models: Vec<Option<ModelId>>,
}

/// Rebuilds states from records: what this app makes of all of the journal, whatever app was served when it
/// was written. Events of what the app does not declare are passed over, and those that a state has already:
/// it may begin with states that are further on than the journal's first records.
pub(crate) struct Replay {
    app: Arc<App>,
    versions: Arc<dyn Versions>,
    partitions: u32,
    /// By partition; nothing where a partition is not asked for.
    states: Vec<Option<PartitionState>>,
    effects: Effects,
    meaning: Meaning,
    /// Events of what the app does not declare.
    passed_over: u64,
    /// By partition, the last event to apply; all, where nothing is said.
    until: Option<Vec<u64>>,
    /// Of the partition at hand.
    last: u64,
    /// Versions that have been loaded.
    loaded: Vec<(ModelId, Arc<ModelVersion>)>,
    watch: Option<Watch>,
}

/// Sees the effects of each event that is applied.
pub(crate) type Watch = Box<dyn FnMut(&Effects) + Send>;

impl Replay {
    /// Goes on with these of an app's partitions.
    pub(crate) fn new(
        app: &Arc<App>,
        partitions: u32,
        given: impl IntoIterator<Item = (u32, PartitionState)>,
        versions: Arc<dyn Versions>,
    ) -> Self {
        let mut states: Vec<_> = (0..partitions).map(|_| None).collect();
        for (index, state) in given {
            states[index as usize] = Some(state);
        }
        Self {
            app: Arc::clone(app),
            versions,
            partitions,
            states,
            effects: Effects::default(),
            meaning: Meaning::default(),
            passed_over: 0,
            until: None,
            last: u64::MAX,
            loaded: Vec::new(),
            watch: None,
        }
    }

    /// Shows what events do from now on.
    pub(crate) fn watch(&mut self, watch: Option<Watch>) {
        self.watch = watch;
    }

    /// Applies no event behind these, by partition.
    pub(crate) fn stop_at(&mut self, until: Option<Vec<u64>>) {
        self.until = until;
    }

    /// The app that it replays for.
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// By partition, the last event that its state has; as if all, of those that were not given.
    pub(crate) fn behind(&self) -> Vec<u64> {
        let sequence = |state: &Option<PartitionState>| state.as_ref().map(|state| state.sequence().0);
        self.states.iter().map(|state| sequence(state).unwrap_or(u64::MAX)).collect()
    }

    /// The states, by ascending partition, of those that were given.
    pub(crate) fn states_mut(&mut self) -> impl Iterator<Item = &mut PartitionState> {
        self.states.iter_mut().flatten()
    }

    /// Events of streams, decisions and models that the app does not declare, or with other columns.
    pub(crate) fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// The states, by ascending partition, of those that were asked for.
    pub(crate) fn into_states(self) -> Vec<PartitionState> {
        self.states.into_iter().flatten().collect()
    }

    /// Takes the journal's next record.
    ///
    /// # Errors
    /// One sentence, when it cannot be applied to this app.
    pub(crate) fn record(&mut self, record: &Record<'_>) -> Result<(), String> {
        if let Body::Declare(declaration) = &record.body {
            return self.declare(declaration);
        }
        if let Body::Base(_) = record.body {
            return Ok(());
        }
        let index = record.partition as usize;
        let Some(slot) = self.states.get_mut(index) else {
            return Err(format!("the journal has a partition {index}, the engine {}", self.partitions));
        };
        let Some(mut state) = slot.take() else { return Ok(()) };
        self.last = self.until.as_ref().map_or(u64::MAX, |until| until.get(index).copied().unwrap_or(0));
        let applied = self.events(&mut state, record);
        self.states[index] = Some(state);
        applied
    }

    fn events(&mut self, state: &mut PartitionState, record: &Record<'_>) -> Result<(), String> {
        let (sequence, tick) = (record.sequence, record.tick);
        match &record.body {
            Body::Rows { stream, origin, rows } => {
                let Some(stream) = meant(&self.meaning.streams, stream.index())? else {
                    return self.pass_over(state, sequence, tick, (rows.len() as u64, *origin));
                };
                for (row, place) in rows.iter().zip(0..) {
                    let row = self.row(stream, row)?;
                    let event = match *origin {
                        None => Event::Row { stream, row },
                        Some(first) => {
                            let origin = Origin { number: first.number + place, ..first };
                            Event::Produced { origin, stream, row }
                        }
                    };
                    self.apply(state, Sequence(sequence.0 + place), tick, &event)?;
                }
                Ok(())
            }
            Body::Decide { decision, expired, row } => {
                let Some(decision) = meant(&self.meaning.decisions, decision.index())? else {
                    return self.pass_over(state, sequence, tick, (1, None));
                };
                let row = self.row(self.app.decisions[decision.index()].stream, row)?;
                self.apply(state, sequence, tick, &Event::Decide { decision, row, expired: *expired })
            }
            Body::Tick(watermarks) => {
                let watermarks = self.watermarks(watermarks);
                self.apply(state, sequence, tick, &Event::Tick { watermarks: &watermarks })
            }
            Body::Model(model, change) => {
                let Some(model) = meant(&self.meaning.models, model.index())? else {
                    return self.pass_over(state, sequence, tick, (1, None));
                };
                let change = self.change(state, model, *change)?;
                self.apply(state, sequence, tick, &Event::Model { model, change: &change })
            }
            Body::Skip(origin) => self.apply(state, sequence, tick, &Event::Skip { origin: *origin }),
            Body::Alert(id, handling) => {
                let change = match handling {
                    Handling::Acknowledge => AlertChange::Acknowledge,
                    Handling::Resolve => AlertChange::Resolve,
                };
                self.apply(state, sequence, tick, &Event::Alert { id: AlertId(*id), change })
            }
            Body::Declare(_) | Body::Base(_) => Ok(()),
        }
    }

    /// Leaves events out; their places, and their producers' numbers, are taken all the same.
    fn pass_over(
        &mut self,
        state: &mut PartitionState,
        sequence: Sequence,
        tick: Tick,
        (count, origin): (u64, Option<Origin>),
    ) -> Result<(), String> {
        for place in 0..count {
            let origin = origin.map(|first| Origin { number: first.number + place, ..first });
            self.apply(state, Sequence(sequence.0 + place), tick, &Event::Skip { origin })?;
        }
        self.passed_over += count;
        Ok(())
    }

    /// The watermarks of the app's streams, of those that the journal numbers otherwise.
    fn watermarks(&self, told: &[Option<i64>]) -> Vec<Option<i64>> {
        let mut watermarks = vec![Some(i64::MIN); self.app.streams.len()];
        for (stream, told) in self.meaning.streams.iter().zip(told) {
            if let Some(stream) = stream {
                watermarks[stream.index()] = *told;
            }
        }
        watermarks
    }

    fn apply(
        &mut self,
        state: &mut PartitionState,
        sequence: Sequence,
        tick: Tick,
        event: &Event<'_>,
    ) -> Result<(), String> {
        if sequence <= state.sequence() || sequence.0 > self.last {
            return Ok(());
        }
        if sequence > state.sequence().next() {
            return Err(format!(
                "events {} to {} of a partition are missing between the snapshot and the journal",
                state.sequence().0 + 1,
                sequence.0 - 1
            ));
        }
        let effects = &mut self.effects;
        catch_unwind(AssertUnwindSafe(|| apply(state, sequence, tick, event, effects))).map_err(|_| {
            format!(
                "the core fails on event {} of a partition, which it once took; start the engine and the app \
                 that wrote the journal",
                sequence.0
            )
        })?;
        self.watch.iter_mut().for_each(|watch| watch(&self.effects));
        Ok(())
    }

    fn row<'r>(&self, stream: StreamId, bytes: &'r [u8]) -> Result<Row<'r>, String> {
        let declared = &self.app.streams[stream.index()];
        Row::parse(&declared.schema, bytes)
            .map_err(|error| format!("a row of stream '{}' in the journal: {error}", declared.name))
    }

    fn change(
        &mut self,
        state: &PartitionState,
        model: ModelId,
        change: Change<'_>,
    ) -> Result<ModelChange, String> {
        Ok(match change {
            Change::Install { label, content, shadow_rows } => {
                ModelChange::Install { version: self.version(state, model, label, content)?, shadow_rows }
            }
            Change::Activate(label) => ModelChange::Activate { label: label.to_owned() },
            Change::Split(label, percent) => {
                let weight = Weight::from_percent(percent)
                    .ok_or_else(|| format!("the journal has a challenger's weight of {percent} percent"))?;
                ModelChange::Split { label: label.to_owned(), weight }
            }
            Change::Rollback => ModelChange::Rollback,
        })
    }

    /// A version: one that the state has, one that has been loaded, or one that is loaded now.
    fn version(
        &mut self,
        state: &PartitionState,
        model: ModelId,
        label: &str,
        content: u64,
    ) -> Result<Arc<ModelVersion>, String> {
        let installed = state.roster(model).versions().iter().map(|installed| &installed.version);
        let loaded = self.loaded.iter().filter(|(of, _)| *of == model).map(|(_, version)| version);
        let mut known = installed.chain(loaded);
        if let Some(version) = known.find(|known| known.label == label && known.content == content) {
            return Ok(Arc::clone(version));
        }
        let version = self.versions.load(model, label, content)?;
        self.loaded.push((model, Arc::clone(&version)));
        Ok(version)
    }

    fn declare(&mut self, declared: &Declaration) -> Result<(), String> {
        let app = &self.app;
        check_app(app, &declared.app, self.partitions, declared.partitions as usize)?;
        self.meaning = Meaning {
            streams: declared.streams.iter().map(|(name, print)| find_stream(app, name, *print)).collect(),
            decisions: find_all(&declared.decisions, |name| {
                app.decisions.iter().position(|decision| decision.name == name).map(|at| DecisionId(id(at)))
            }),
            models: find_all(&declared.models, |name| {
                app.models.iter().position(|model| model.name == name).map(|at| ModelId(id(at)))
            }),
        };
        Ok(())
    }
}

/// Whether what a data folder holds is of this app with so many partitions.
pub(crate) fn check_app(
    app: &App,
    held: &str,
    partitions: u32,
    held_partitions: usize,
) -> Result<(), String> {
    if held != app.name {
        return Err(format!(
            "the data folder holds the state of app '{held}', and '{}' is to be served; give each app a data \
             folder of its own",
            app.name
        ));
    }
    if held_partitions != partitions as usize {
        return Err(format!(
            "the data folder holds {held_partitions} partitions, and {partitions} are asked for; start with \
             --partitions {held_partitions}"
        ));
    }
    Ok(())
}

/// What an app's numbers mean.
pub(crate) fn declaration(app: &App, partitions: u32) -> Declaration {
    let stream = |stream: &Stream| (stream.name.clone(), stream.schema.fingerprint());
    Declaration {
        app: app.name.clone(),
        partitions,
        streams: app.streams.iter().map(stream).collect(),
        decisions: app.decisions.iter().map(|decision| decision.name.clone()).collect(),
        models: app.models.iter().map(|model| model.name.clone()).collect(),
    }
}

fn find_stream(app: &App, name: &str, fingerprint: u64) -> Option<StreamId> {
    let is_it = |stream: &Stream| {
        !name.is_empty() && stream.name == name && stream.schema.fingerprint() == fingerprint
    };
    app.streams.iter().position(is_it).map(|place| StreamId(id(place)))
}

/// The places of names; what is retired has none, and means nothing.
fn find_all<I>(names: &[String], find: impl Fn(&str) -> Option<I>) -> Vec<Option<I>> {
    names.iter().map(|name| if name.is_empty() { None } else { find(name) }).collect()
}

fn meant<I: Copy>(meaning: &[Option<I>], number: usize) -> Result<Option<I>, String> {
    let undeclared = || format!("the journal has a record of number {number}, which it never declared");
    meaning.get(number).copied().ok_or_else(undeclared)
}

fn id(place: usize) -> u16 {
    u16::try_from(place).expect("DECLARATIONS_MAX fits 16 bits")
}

/// A partition of the one tenant.
pub(crate) fn partition_id(index: u32) -> PartitionId {
    PartitionId { tenant: TenantId::DEFAULT, index }
}
