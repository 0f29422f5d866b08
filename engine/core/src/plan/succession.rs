//! From one app to the next: which numbers and which state go on.
//!
//! Streams and decisions that keep their name and their columns keep their number; a number that is given up
//! is never used again. A node keeps its state when it is the same and so is everything in front of it, up to
//! its streams' declarations: that is what its fingerprint says, whatever its place in the flow. Rules over
//! the same rows are one node; in it each rule goes on by itself.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::mem::take;
use std::sync::Arc;

use vencejo_types::StreamId;
use vencejo_types::limits::DECLARATION_NUMBERS_MAX;
use vencejo_types::row::key_hash;

use super::flow::{AlertSpec, Flow, Node, Operator, Output, TableSource};
use super::{App, Decision, ModelSlot, Stream};

/// How an app takes over from another one.
#[derive(Debug)]
pub struct Succession {
    from: Arc<App>,
    to: Arc<App>,
    /// Per node, the one of the app before whose state it takes over.
    nodes: Vec<Option<usize>>,
    /// Per model, the one of the app before whose versions it takes over.
    models: Vec<Option<usize>>,
}

/// The engine has given out all the numbers that it has for streams or decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyNumbers;

impl fmt::Display for TooManyNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the engine has numbered {DECLARATION_NUMBERS_MAX} streams or decisions since its start and has no \
             more; restart it"
        )
    }
}

impl std::error::Error for TooManyNumbers {}

impl Succession {
    /// How `next`, as it was planned, takes over from `from`. Cost: that of printing both plans.
    ///
    /// # Errors
    /// When numbers run out.
    pub fn new(from: &Arc<App>, next: App) -> Result<Self, TooManyNumbers> {
        let to = renumbered(from, next)?;
        let names = |app: &App| app.flow.nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>();
        let nodes = matched(
            &Fingerprints::of(from).carried.into_iter().zip(names(from)).collect::<Vec<_>>(),
            &Fingerprints::of(&to).carried.into_iter().zip(names(&to)).collect::<Vec<_>>(),
        );
        let same_model = |model: &ModelSlot| from.models.iter().position(|other| is_same_model(other, model));
        let models = to.models.iter().map(same_model).collect();
        Ok(Self { from: Arc::clone(from), to: Arc::new(to), nodes, models })
    }

    /// The app that is replaced.
    pub fn from(&self) -> &Arc<App> {
        &self.from
    }

    /// The app that takes over.
    pub fn to(&self) -> &Arc<App> {
        &self.to
    }

    /// The node of the app before whose state a node takes over.
    pub fn node_before(&self, node: usize) -> Option<usize> {
        self.nodes[node]
    }

    /// Whether all of a view or query goes on with its state.
    pub fn keeps_query(&self, name: &str) -> bool {
        let nodes = self.to.flow.nodes.iter().zip(&self.nodes);
        nodes.filter(|(node, _)| node.name == name).all(|(_, before)| before.is_some())
    }

    /// The place of an output of the app before: that of the same name, where its columns are the same.
    pub fn output_after(&self, output: usize) -> Option<usize> {
        let before = &self.from.flow.outputs[output];
        let is_same = |other: &Output| (&other.name, &other.schema) == (&before.name, &before.schema);
        self.to.flow.outputs.iter().position(is_same)
    }

    /// The model of the app before whose versions a model takes over.
    pub fn model_before(&self, model: usize) -> Option<usize> {
        self.models[model]
    }

    /// Whether the event time of a stream goes on.
    pub fn keeps_time(&self, stream: usize) -> bool {
        let before = self.from.stream(StreamId(u16::try_from(stream).unwrap_or(u16::MAX)));
        before.is_some_and(|before| describe(before) == describe(&self.to.streams[stream]))
    }
}

/// The next app with the numbers of streams and decisions that it shares with the one before.
fn renumbered(from: &App, next: App) -> Result<App, TooManyNumbers> {
    let App { name, streams, models, decisions, mut flow } = next;
    let (streams, numbers) = numbered(
        &from.streams,
        streams,
        |before, stream| before.name == stream.name && before.schema == stream.schema,
        Stream::retired,
    )?;
    let mut inputs = vec![Vec::new(); streams.len()];
    for (place, edges) in take(&mut flow.inputs).into_iter().enumerate() {
        inputs[numbers[place]] = edges;
    }
    flow.inputs = inputs;
    let with_stream = |mut decision: Decision| {
        let number = u16::try_from(numbers[decision.stream.index()]).expect("numbers fit 16 bits");
        decision.stream = StreamId(number);
        decision
    };
    let (decisions, _) = numbered(
        &from.decisions,
        decisions.into_iter().map(with_stream).collect(),
        |before, decision| {
            (&before.name, before.stream, &before.answer)
                == (&decision.name, decision.stream, &decision.answer)
        },
        Decision::retired,
    )?;
    Ok(App { name, streams, models, decisions, flow })
}

/// The next declarations by their numbers, and the number of each.
fn numbered<T>(
    before: &[T],
    next: Vec<T>,
    is_same: impl Fn(&T, &T) -> bool,
    retired: impl Fn() -> T,
) -> Result<(Vec<T>, Vec<usize>), TooManyNumbers> {
    let mut numbers = Vec::with_capacity(next.len());
    let mut places: Vec<Option<T>> = before.iter().map(|_| None).collect();
    for one in next {
        match before.iter().position(|other| is_same(other, &one)) {
            Some(number) => {
                places[number] = Some(one);
                numbers.push(number);
            }
            None => {
                numbers.push(places.len());
                places.push(Some(one));
            }
        }
    }
    if places.len() > DECLARATION_NUMBERS_MAX {
        return Err(TooManyNumbers);
    }
    Ok((places.into_iter().map(|place| place.unwrap_or_else(&retired)).collect(), numbers))
}

/// Per node of the next flow, one of the flow before with its fingerprint: of its name if there is one.
fn matched(before: &[(u64, String)], next: &[(u64, String)]) -> Vec<Option<usize>> {
    let mut taken = vec![None; next.len()];
    let mut is_free = vec![true; before.len()];
    for by_name in [true, false] {
        let mut known: BTreeMap<(u64, &str), Vec<usize>> = BTreeMap::new();
        for (place, (fingerprint, name)) in before.iter().enumerate().rev() {
            if is_free[place] {
                let name = if by_name { name.as_str() } else { "" };
                known.entry((*fingerprint, name)).or_default().push(place);
            }
        }
        for (taken, (fingerprint, name)) in taken.iter_mut().zip(next) {
            let name = if by_name { name.as_str() } else { "" };
            if taken.is_none()
                && let Some(place) = known.get_mut(&(*fingerprint, name)).and_then(Vec::pop)
            {
                is_free[place] = false;
                *taken = Some(place);
            }
        }
    }
    taken
}

/// Numbers that tell nodes apart, the same in every process of one version of the engine. Another version may
/// give others; state then begins anew, and is not misread.
#[derive(Debug, Default)]
pub(crate) struct Fingerprints {
    /// Per node, what it does and everything in front of it.
    pub exact: Vec<u64>,
    /// The same, but for a set of rules what its rules share: it goes on whichever rules come, go or change.
    pub carried: Vec<u64>,
}

impl Fingerprints {
    pub fn of(app: &App) -> Self {
        let flow = &app.flow;
        let mut feeds: Vec<Vec<(usize, u64)>> = vec![Vec::new(); flow.nodes.len()];
        for (stream, edges) in app.streams.iter().zip(&flow.inputs) {
            let fingerprint = key_hash(describe(stream).as_bytes());
            edges.iter().for_each(|edge| feeds[edge.node].push((edge.port, fingerprint)));
        }
        let mut found = Self::default();
        for (place, node) in flow.nodes.iter().enumerate() {
            // Inputs of one port have no order.
            feeds[place].sort_unstable();
            let mut text = format!("{:?} {:?} ", feeds[place], node.columns);
            let rows = text.clone();
            describe_operator(flow, &node.operator, &found.carried, &mut text);
            let exact = key_hash(text.as_bytes());
            found.exact.push(exact);
            match &node.operator {
                Operator::Rules(spec) => {
                    let carried = key_hash(format!("{rows} rules {:x}", spec.arrangement()).as_bytes());
                    found.carried.push(carried);
                    for (edge, rule) in node.outputs.iter().zip(spec.rule_fingerprints()) {
                        let rule = key_hash(format!("{carried:x} {rule:x}").as_bytes());
                        feeds[edge.node].push((edge.port, rule));
                    }
                    continue;
                }
                // What it computes for a rule is told apart with the rule.
                Operator::Calc(_) if feeds_rules(flow, node) => {
                    found.carried.push(key_hash(format!("{:?} for rules", feeds[place]).as_bytes()));
                }
                _ => found.carried.push(exact),
            }
            let fingerprint = found.carried[place];
            node.outputs.iter().for_each(|edge| feeds[edge.node].push((edge.port, fingerprint)));
        }
        found
    }
}

/// Whether a node computes what rules look at, and nothing else.
fn feeds_rules(flow: &Flow, node: &Node) -> bool {
    matches!(&*node.outputs, [only] if matches!(flow.nodes[only.node].operator, Operator::Rules(_)))
}

/// What the state behind a stream depends on.
fn describe(stream: &Stream) -> String {
    let watermark = stream.watermark.map(|of| (of.column, of.delay_millis));
    format!("{} {:016x} {watermark:?}", stream.name, stream.schema.fingerprint())
}

fn describe_operator(flow: &Flow, operator: &Operator, found: &[u64], text: &mut String) {
    // A text takes whatever is written.
    let _ = match operator {
        Operator::Emit(output) => write!(text, "emit {}", flow.outputs[*output].name),
        Operator::Alert(AlertSpec { output, calc, severity, cooldown_millis }) => {
            let output = &flow.outputs[*output].name;
            write!(text, "alert {output} {calc:?} {severity:?} {cooldown_millis}")
        }
        Operator::Lookup(lookup) => {
            let table = &flow.tables[lookup.table.index()];
            let source = match &table.source {
                TableSource::Running { node, calc } => (found.get(*node), Some(calc)),
                TableSource::Kept { node, .. } => (found.get(*node), None),
            };
            write!(text, "look-up {:?} {source:?} {:?}", lookup.key, table.schema)
        }
        operator => write!(text, "{operator:?}"),
    };
}

fn is_same_model(a: &ModelSlot, b: &ModelSlot) -> bool {
    let version = |version: &super::ModelVersion| (version.label.clone(), version.content);
    let declared = |slot: &ModelSlot| {
        let challenger = slot.challenger.as_ref().map(|(challenger, weight)| (version(challenger), *weight));
        (version(&slot.champion), challenger)
    };
    (&a.name, &a.inputs, &a.output) == (&b.name, &b.inputs, &b.output) && declared(a) == declared(b)
}
