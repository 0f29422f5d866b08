//! Alerts: list them, acknowledge them, resolve them.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use vencejo_core::PartitionState;
use vencejo_core::alerts::{Alert, AlertChange, AlertId, AlertRefusal, Status};
use vencejo_core::plan::App;
use vencejo_core::plan::flow::{Operator, Severity};
use vencejo_gateway::{ControlRefusal, ErrorCode};
use vencejo_protocol::message::Controlled;
use vencejo_runtime::ChangeFault;
use vencejo_sql::did_you_mean;
use vencejo_types::PartitionId;

use super::{Engine, failed, unavailable};
use crate::answer::answer_into;
use crate::background::elsewhere;

/// Alerts that are looked at in one piece; the partition serves others between two.
const SLICE_ALERTS: usize = 512;
/// Alerts of an answer, at most.
const LIMIT_MAX: usize = 10_000;
/// Bytes of an answer beside its alerts.
const FRAME_BYTES: usize = 256;

/// What `alert.list` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Of this rule alone.
    #[serde(default)]
    rule: Option<String>,
    /// `info`, `warning` or `critical`.
    #[serde(default)]
    severity: Option<String>,
    /// `open`, `acknowledged` or `resolved`.
    #[serde(default)]
    state: Option<String>,
    /// Columns of the alert's row, each with the value that it is to have, as text.
    #[serde(default)]
    key: Vec<(String, String)>,
    /// How many at most.
    limit: usize,
}

/// What `alert.change` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    change: Kind,
    /// Each 16 hexadecimal digits.
    ids: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Acknowledge,
    Resolve,
}

/// An alert as a partition has it, to be shown elsewhere.
struct Found {
    partition: u32,
    app: Arc<App>,
    alert: Alert,
}

/// Some of a partition's alerts.
struct Slice {
    found: Vec<Found>,
    /// Where the next begins; nothing behind the last.
    next: Option<u64>,
}

/// The latest alerts that are asked for, the newest first.
pub async fn list(engine: Arc<Engine>, arguments: List) -> Result<String, ControlRefusal> {
    let limit = arguments.limit.min(LIMIT_MAX);
    let wanted = Arc::new(Wanted::of(&engine.router.app(), arguments)?);
    let mut found = Vec::new();
    for partition in engine.router.partition_ids() {
        let (mut place, mut of_partition) = (Some(u64::MAX), 0);
        // One more than wanted, to know whether there are more.
        while let Some(before) = place.filter(|_| of_partition <= limit) {
            let (wanted, room) = (Arc::clone(&wanted), limit + 1 - of_partition);
            let look = move |state: &PartitionState| wanted.slice(state, partition.index, before, room);
            let slice = engine.router.inspect_one(partition, look).await.map_err(unavailable)?;
            of_partition += slice.found.len();
            found.extend(slice.found);
            place = slice.next;
        }
    }
    elsewhere(move || render(found, limit)).await.ok_or_else(failed)
}

/// Which alerts are wanted.
struct Wanted {
    rule: Option<String>,
    severity: Option<Severity>,
    state: Option<Status>,
    key: Vec<(String, String)>,
}

impl Wanted {
    fn of(app: &App, arguments: List) -> Result<Self, ControlRefusal> {
        let List { rule, severity, state, key, limit: _ } = arguments;
        let outputs = || rules(app).map(|output| &app.flow.outputs[output]);
        let names = || outputs().map(|output| output.name.as_str());
        if let Some(rule) = rule.as_deref().filter(|rule| !names().any(|name| name == *rule)) {
            return Err(unknown(&format!("app '{}' has no rule '{rule}'", app.name), rule, names()));
        }
        let severities = [Severity::Info, Severity::Warning, Severity::Critical];
        let states = [Status::Open, Status::Acknowledged, Status::Resolved];
        for (column, _) in &key {
            let of_rules = outputs().filter(|output| rule.as_ref().is_none_or(|rule| output.name == *rule));
            let columns = of_rules.flat_map(|output| output.schema.columns());
            let columns: BTreeSet<_> = columns.map(|column| column.name.as_str()).collect();
            if !columns.contains(column.as_str()) {
                let text = format!("no alert has a column '{column}'");
                return Err(unknown(&text, column, columns.into_iter()));
            }
        }
        Ok(Self {
            rule,
            severity: severity.map(|it| named(&it, "severity", &severities, Severity::name)).transpose()?,
            state: state.map(|it| named(&it, "state", &states, Status::name)).transpose()?,
            key,
        })
    }

    /// The newest alerts before a place, `room` of them at most.
    fn slice(&self, state: &PartitionState, partition: u32, before: u64, room: usize) -> Slice {
        let app = state.app();
        let (mut found, mut next) = (Vec::new(), None);
        for (place, alert) in state.alerts().before(before).take(SLICE_ALERTS) {
            next = Some(place);
            if self.wants(app, alert) {
                found.push(Found { partition, app: Arc::clone(app), alert: alert.clone() });
                if found.len() == room {
                    break;
                }
            }
        }
        Slice { found, next }
    }

    fn wants(&self, app: &App, alert: &Alert) -> bool {
        let output = &app.flow.outputs[alert.output];
        if self.severity.is_some_and(|severity| severity != alert.severity)
            || self.state.is_some_and(|state| state != alert.status)
            || self.rule.as_ref().is_some_and(|rule| *rule != output.name)
        {
            return false;
        }
        if self.key.is_empty() {
            return true;
        }
        let mut row = serde_json::Map::new();
        answer_into(&mut row, &output.schema, &alert.row);
        self.key.iter().all(|(column, value)| match row.get(column) {
            Some(Value::String(text)) => text == value,
            Some(Value::Null) | None => false,
            // Numbers and truth values, by their text.
            Some(other) => serde_json::from_str(value).is_ok_and(|value: Value| value == *other),
        })
    }
}

/// Places of rules' outputs.
fn rules(app: &App) -> impl Iterator<Item = usize> {
    app.flow.nodes.iter().filter_map(|node| match &node.operator {
        Operator::Alert(alert) => Some(alert.output),
        _ => None,
    })
}

fn named<T: Copy>(
    text: &str,
    what: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, ControlRefusal> {
    let names = || all.iter().map(|&it| name(it));
    let found = all.iter().copied().find(|&it| name(it) == text);
    found.ok_or_else(|| unknown(&format!("an alert has no {what} '{text}'"), text, names()))
}

fn unknown<'n>(text: &str, name: &str, known: impl Iterator<Item = &'n str>) -> ControlRefusal {
    let known: Vec<_> = known.collect();
    let hint = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| match known.len() {
        0 => "there is none".to_owned(),
        _ => format!("there are {}", known.join(", ")),
    });
    ControlRefusal::refused(format!("{text}; {hint}"))
}

/// The answer: `{"alerts": [...], "more": bool}`. `more`: there are further ones, or they did not fit.
fn render(mut found: Vec<Found>, limit: usize) -> String {
    found.sort_by_key(|found| (Reverse(found.alert.raised), found.alert.id));
    let mut more = found.len() > limit;
    found.truncate(limit);
    let mut text = "{\"alerts\":[".to_owned();
    for (place, found) in found.iter().enumerate() {
        let alert = found.show().to_string();
        if text.len() + alert.len() + FRAME_BYTES > Controlled::TEXT_BYTES_MAX {
            more = true;
            break;
        }
        let comma = if place > 0 { "," } else { "" };
        let _ = write!(text, "{comma}{alert}");
    }
    let _ = write!(text, "],\"more\":{more}}}");
    text
}

impl Found {
    fn show(&self) -> Value {
        let Self { partition, app, alert } = self;
        let output = &app.flow.outputs[alert.output];
        let mut row = serde_json::Map::new();
        answer_into(&mut row, &output.schema, &alert.row);
        json!({
            "id": alert.id.to_string(), "rule": output.name, "severity": alert.severity.name(),
            "state": alert.status.name(), "raised_micros": alert.raised.0, "partition": partition,
            "sequences": alert.sequences, "row": row,
        })
    }
}

/// Does something about alerts, one after the other; says of each what happened:
/// `{"alerts": [{"id", "outcome", "text"}, ...]}`. What was done is on disk.
pub async fn change(engine: Arc<Engine>, arguments: Change) -> Result<Value, ControlRefusal> {
    let ids = arguments.ids.iter().map(|text| {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        id.map(AlertId).ok_or_else(|| {
            ControlRefusal::refused(format!("'{text}' is no alert's id; it has 16 hexadecimal digits"))
        })
    });
    let ids: Arc<[AlertId]> = ids.collect::<Result<_, _>>()?;
    let asked = Arc::clone(&ids);
    let look = move |state: &PartitionState| {
        asked.iter().map(|&id| state.alerts().get(id).map(|alert| alert.status)).collect::<Vec<_>>()
    };
    let seen = engine.router.inspect(look).await.map_err(unavailable)?;
    let mut outcomes = Vec::with_capacity(ids.len());
    for (place, &id) in ids.iter().enumerate() {
        let owner = engine.router.partition_ids().zip(&seen).find(|(_, seen)| seen[place].is_some());
        let (outcome, text) = match owner {
            Some((partition, _)) => one(&engine, partition, id, arguments.change).await?,
            None => ("unknown", gone(id)),
        };
        outcomes.push(json!({"id": id.to_string(), "outcome": outcome, "text": text}));
    }
    Ok(json!({"alerts": outcomes}))
}

/// Does something about one alert; what happened, and in words.
async fn one(
    engine: &Engine,
    partition: PartitionId,
    id: AlertId,
    kind: Kind,
) -> Result<(&'static str, String), ControlRefusal> {
    let (change, done) = match kind {
        Kind::Acknowledge => (AlertChange::Acknowledge, "acknowledged"),
        Kind::Resolve => (AlertChange::Resolve, "resolved"),
    };
    let fault = match engine.router.change_alert(partition, id, change).await {
        Ok(()) => return Ok((done, format!("{id} is {done}"))),
        Err(fault) => fault,
    };
    Ok(match (fault, kind) {
        (ChangeFault::Refused(AlertRefusal::Unknown), _) => ("unknown", gone(id)),
        (ChangeFault::Refused(AlertRefusal::Resolved), Kind::Resolve) => {
            ("already_resolved", format!("{id} was resolved already"))
        }
        (ChangeFault::Refused(AlertRefusal::Resolved), Kind::Acknowledge) => {
            ("refused", format!("{id} is resolved, so there is nothing to acknowledge"))
        }
        (ChangeFault::Unavailable(why), _) => {
            ("failed", format!("{id} was not {done}: {}", unavailable(why).text))
        }
        (ChangeFault::Panicked, _) => {
            return Err(ControlRefusal { code: ErrorCode::Internal, text: failed().text });
        }
    })
}

fn gone(id: AlertId) -> String {
    format!("no alert has the id {id} (any more); look with 'alert list'")
}
