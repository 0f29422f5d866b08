//! What the statements so far declare.
//!
//! A declaration with an error stays known by name, as broken: what refers to it is checked as far as
//! it goes, and does not add errors that would vanish with the first.

use std::collections::BTreeMap;
use std::sync::Arc;

use vencejo_core::plan::{App, Decision, ModelSlot, Stream, StreamOptions};
use vencejo_expr::{Graph, LookupTable};
use vencejo_types::limits::DECLARATIONS_MAX;
use vencejo_types::schema::Schema;

use crate::Diagnostic;
use crate::diagnostic::{Report, Reported};
use crate::flow::drafts::Drafts;
use crate::flow::rel::Rel;
use crate::scope::Output;
use crate::statement::computed::{self, Computed};
use crate::statement::lookup::LookupEntry;
use crate::suggest::did_you_mean;
use crate::tokens::{Name, Place};

/// What CREATE creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Declaration {
    Stream,
    View,
    Model,
    Lookup,
    Rule,
    Decision,
}

impl Declaration {
    /// The word for it in errors.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::View => "view",
            Self::Model => "model",
            Self::Lookup => "look-up table",
            Self::Rule => "rule",
            Self::Decision => "decision",
        }
    }

    /// Streams and views share their names, because both stand behind FROM; rules do, because they are
    /// outputs as views are.
    fn shares_names(self, other: Self) -> bool {
        let table = |declaration| matches!(declaration, Self::Stream | Self::View | Self::Rule);
        self == other || table(self) && table(other)
    }
}

/// A model's name and inputs; the slot only when its file was read and fits.
#[derive(Debug)]
pub(crate) struct ModelEntry {
    pub(crate) inputs: Vec<String>,
    pub(crate) slot: Option<ModelSlot>,
}

/// A view: its rows, and where a materialized one keeps them.
#[derive(Debug)]
pub(crate) struct ViewEntry {
    pub(crate) name: String,
    pub(crate) rel: Rel,
    /// Whether it is materialized.
    pub(crate) materialized: bool,
    /// Place among the tables, if it has a key.
    pub(crate) table: Option<usize>,
    /// Positions in the table's key of what its rows are partitioned by; nothing when a partition does not
    /// have all of a row.
    pub(crate) partition: Option<Vec<usize>>,
}

/// What a name behind FROM leads to.
pub(crate) enum RelationFound {
    /// A stream, and whether its declaration has errors.
    Stream(usize, bool),
    View(usize),
}

/// One declared name.
#[derive(Debug)]
struct Entry {
    name: Name,
    declaration: Declaration,
    /// Its place among those of its kind.
    index: usize,
    broken: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Catalog {
    entries: Vec<Entry>,
    pub(crate) streams: Vec<Stream>,
    /// Of each stream; none where one of them has an error.
    computed: Vec<Vec<Computed>>,
    pub(crate) views: Vec<ViewEntry>,
    pub(crate) drafts: Drafts,
    /// Queries without a name so far.
    pub(crate) queries: usize,
    pub(crate) models: Vec<ModelEntry>,
    pub(crate) lookups: Vec<LookupEntry>,
    pub(crate) decisions: Vec<Option<Decision>>,
    /// Names that later statements declare and how often, for the hint that says so.
    later: BTreeMap<(Declaration, String), usize>,
}

/// Where a name leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) index: usize,
    /// Whether its declaration has errors, so that something may be missing in it.
    pub(crate) broken: bool,
}

impl Catalog {
    /// An empty catalog that knows what names are coming.
    pub(crate) fn before(names: impl IntoIterator<Item = (Declaration, Name)>) -> Self {
        let mut later = BTreeMap::new();
        for (declaration, name) in names {
            *later.entry((declaration, name.text)).or_default() += 1;
        }
        Self { later, ..Self::default() }
    }

    /// Counts a statement that declares this name as reached.
    pub(crate) fn passed(&mut self, declaration: Declaration, name: &Name) {
        if let Some(count) = self.later.get_mut(&(declaration, name.text.clone())) {
            *count = count.saturating_sub(1);
        }
    }

    /// Refuses a name that is taken, or one declaration too many.
    pub(crate) fn claim(
        &self,
        declaration: Declaration,
        name: &Name,
        report: &mut Report,
    ) -> Result<(), Reported> {
        let taken =
            |entry: &&Entry| entry.declaration.shares_names(declaration) && entry.name.text == name.text;
        if let Some(entry) = self.entries.iter().find(taken) {
            let message = format!("{} '{}' is declared twice", entry.declaration.noun(), name.text);
            let hint = format!("the first is in line {}", entry.name.place.line);
            return Err(report.push(Diagnostic::new(name.place, message).with_hint(hint)));
        }
        if self.entries.iter().filter(|entry| entry.declaration == declaration).count() >= DECLARATIONS_MAX {
            let message = format!("the app has more than {DECLARATIONS_MAX} {}s", declaration.noun());
            return Err(report.error(name.place, message));
        }
        Ok(())
    }

    /// Makes a claimed name known.
    fn enter(&mut self, declaration: Declaration, name: &Name, index: usize, broken: bool) {
        self.entries.push(Entry { name: name.clone(), declaration, index, broken });
    }

    pub(crate) fn add_stream(&mut self, name: &Name, stream: Stream, computed: Vec<Computed>, broken: bool) {
        self.enter(Declaration::Stream, name, self.streams.len(), broken);
        self.streams.push(stream);
        self.computed.push(computed);
    }

    /// The columns of a stream's row, input 0 of the graph, and those computed from it.
    pub(crate) fn stream_columns(
        &self,
        stream: usize,
        graph: &mut Graph,
        place: Place,
        report: &mut Report,
    ) -> Result<Vec<Output>, Reported> {
        let schema = &self.streams[stream].schema;
        computed::columns(schema, &self.computed[stream], &self.lookups, graph, place, report)
    }

    pub(crate) fn add_view(&mut self, name: &Name, view: ViewEntry) {
        self.enter(Declaration::View, name, self.views.len(), view.rel.partial);
        self.views.push(view);
    }

    pub(crate) fn add_model(&mut self, name: &Name, entry: ModelEntry) {
        self.enter(Declaration::Model, name, self.models.len(), entry.slot.is_none());
        self.models.push(entry);
    }

    pub(crate) fn add_lookup(&mut self, name: &Name, table: Option<Arc<LookupTable>>) {
        self.enter(Declaration::Lookup, name, self.lookups.len(), table.is_none());
        self.lookups.push(LookupEntry { name: name.text.clone(), table });
    }

    pub(crate) fn add_rule(&mut self, name: &Name) {
        self.enter(Declaration::Rule, name, 0, false);
    }

    pub(crate) fn add_decision(&mut self, name: &Name, decision: Option<Decision>) {
        self.enter(Declaration::Decision, name, self.decisions.len(), decision.is_none());
        self.decisions.push(decision);
    }

    /// Makes a name known whose statement could not be read.
    pub(crate) fn add_broken(&mut self, declaration: Declaration, name: &Name) {
        let schema = Arc::new(Schema::default());
        match declaration {
            Declaration::Stream => {
                let options = StreamOptions::default();
                let stream = Stream { name: name.text.clone(), schema, watermark: None, options };
                self.add_stream(name, stream, Vec::new(), true);
            }
            Declaration::View => {
                let (name_text, rel) = (name.text.clone(), Rel::broken());
                let view =
                    ViewEntry { name: name_text, rel, materialized: true, table: None, partition: None };
                self.add_view(name, view);
            }
            Declaration::Model => self.add_model(name, ModelEntry { inputs: Vec::new(), slot: None }),
            Declaration::Lookup => self.add_lookup(name, None),
            Declaration::Rule => self.add_rule(name),
            Declaration::Decision => self.add_decision(name, None),
        }
    }

    /// The declaration of this name.
    pub(crate) fn find(
        &self,
        declaration: Declaration,
        name: &Name,
        report: &mut Report,
    ) -> Result<Found, Reported> {
        let of_name = |entry: &&Entry| entry.name.text == name.text;
        let entries = || self.entries.iter().filter(|entry| entry.declaration == declaration);
        if let Some(entry) = entries().find(of_name) {
            return Ok(Found { index: entry.index, broken: entry.broken });
        }
        let message = format!("unknown {} '{}'", declaration.noun(), name.text);
        let is = |other: Declaration| {
            self.entries.iter().any(|e| e.declaration == other && e.name.text == name.text)
        };
        let later = self.later.get(&(declaration, name.text.clone()));
        let hint = if later.is_some_and(|&count| count > 0) {
            Some("it is declared further down; move its statement up".to_string())
        } else if let Some(other) =
            [Declaration::Stream, Declaration::View].into_iter().find(|&other| is(other))
        {
            Some(format!("'{}' is a {}", name.text, other.noun()))
        } else {
            did_you_mean(&name.text, entries().map(|entry| entry.name.text.as_str()))
        };
        Err(report.push(Diagnostic::new(name.place, message).with_hint_if(hint)))
    }

    /// Whether one of these is called so.
    pub(crate) fn is_declared(&self, declarations: &[Declaration], name: &str) -> bool {
        self.entries.iter().any(|entry| declarations.contains(&entry.declaration) && entry.name.text == name)
    }

    /// The stream or view of this name; `others` are further names that may be meant.
    pub(crate) fn find_relation<'n>(
        &'n self,
        name: &Name,
        others: impl Iterator<Item = &'n str>,
        report: &mut Report,
    ) -> Result<RelationFound, Reported> {
        let table = |entry: &&Entry| matches!(entry.declaration, Declaration::Stream | Declaration::View);
        if let Some(entry) = self.entries.iter().filter(table).find(|entry| entry.name.text == name.text) {
            return Ok(match entry.declaration {
                Declaration::Stream => RelationFound::Stream(entry.index, entry.broken),
                _ => RelationFound::View(entry.index),
            });
        }
        let later = [Declaration::Stream, Declaration::View]
            .into_iter()
            .any(|declaration| self.later.get(&(declaration, name.text.clone())).is_some_and(|&n| n > 0));
        let hint = if later {
            Some("it is declared further down; move its statement up".to_string())
        } else if self.is_declared(&[Declaration::Rule], &name.text) {
            Some("a rule's alerts are no rows of a query; put its MATCH_RECOGNIZE in a view".to_string())
        } else {
            let known = self.entries.iter().filter(table).map(|entry| entry.name.text.as_str());
            did_you_mean(&name.text, others.chain(known))
        };
        let message = format!("unknown stream or view '{}'", name.text);
        Err(report.push(Diagnostic::new(name.place, message).with_hint_if(hint)))
    }

    /// The app, if nothing is broken.
    pub(crate) fn into_app(self, name: &str) -> Option<App> {
        let flow = self.drafts.finish(self.streams.len());
        Some(App {
            name: name.to_string(),
            streams: self.streams,
            models: self.models.into_iter().map(|entry| entry.slot).collect::<Option<_>>()?,
            decisions: self.decisions.into_iter().collect::<Option<_>>()?,
            flow,
        })
    }
}
