//! What a run says at its end, and how far it is on the way.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, stderr, stdout};
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use vencejo_core::plan::App;
use vencejo_core::{Effects, PartitionState};
use vencejo_types::StreamId;

use super::input::Input;
use super::merge::{Counts, Merge};
use super::output::Printer;

/// Counts of a run.
pub struct Summary {
    /// Per stream that has an input.
    streams: Vec<(String, Counts)>,
    /// Rows that had no event time, all streams together.
    untimed: u64,
    /// Rows per output, then per decision that was asked for.
    outputs: Vec<(String, u64)>,
    /// Rows that came too late, by view or query; none that had none.
    late: BTreeMap<String, u64>,
    /// Rows that a limit refused, by view or query; none that had none.
    limited: BTreeMap<String, u64>,
    /// Rows of outputs that were too long.
    unwritable: u64,
    /// What rules did, by the rule, view or query.
    rules: BTreeMap<String, Rule>,
}

/// What a rule did.
#[derive(Clone, Copy, Default)]
struct Rule {
    events: u64,
    matches: u64,
    suppressed: u64,
    timeouts: u64,
    dropped: u64,
    /// Partial matches that the end of the input has left.
    open: u64,
}

impl Rule {
    fn render(self, name: &str) -> String {
        let mut line = format!("rule {name}: {} events, {} matches", self.events, self.matches);
        let parts = [
            (self.suppressed, "raised nothing, so soon after an alert"),
            (self.timeouts, "partial matches timed out"),
            (self.dropped, "partial matches dropped by a limit"),
            (self.open, "partial matches open"),
        ];
        for (count, what) in parts.into_iter().filter(|&(count, _)| count > 0) {
            line.push_str(&format!(", {count} {what}"));
        }
        line
    }
}

impl Summary {
    /// The counts of a run that has ended.
    pub fn of(
        app: &App,
        state: &PartitionState,
        effects: &Effects,
        merge: &Merge,
        printer: &Printer,
        decisions: &[usize],
    ) -> Self {
        let mut streams: BTreeMap<StreamId, Counts> = BTreeMap::new();
        for (stream, counts) in merge.counts() {
            let sum = streams.entry(stream).or_default();
            sum.rows += counts.rows;
            sum.unreadable += counts.unreadable;
            sum.refused += counts.refused;
            sum.bytes += counts.bytes;
            sum.processor_nanos += counts.processor_nanos;
        }
        let untimed = streams.keys().map(|&stream| state.untimed(stream)).sum();
        let streams =
            streams.into_iter().map(|(id, counts)| (app.streams[id.index()].name.clone(), counts)).collect();
        let outputs = app.flow.outputs.iter().enumerate();
        let outputs = outputs.map(|(place, output)| (output.name.clone(), printer.rows(place)));
        let asked = decisions.iter().map(|&decision| {
            let rows = printer.rows(app.flow.outputs.len() + decision);
            (app.decisions[decision].name.clone(), rows)
        });
        let (mut late, mut limited) = (BTreeMap::new(), BTreeMap::new());
        for node in state.nodes() {
            for (counts, count) in [(&mut late, node.late), (&mut limited, node.refused)] {
                if count > 0 {
                    *counts.entry(node.name.to_owned()).or_default() += count;
                }
            }
        }
        let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
        for counts in state.rules() {
            let rule = rules.entry(counts.name.to_owned()).or_default();
            rule.events += counts.counters.rows;
            rule.matches += counts.counters.matches;
            rule.open += counts.counters.open;
            rule.suppressed += counts.suppressed;
            rule.timeouts += counts.counters.timeouts;
            rule.dropped += counts.counters.dropped;
        }
        let (outputs, unwritable) = (outputs.chain(asked).collect(), effects.unwritable());
        Self { streams, untimed, outputs, late, limited, unwritable, rules }
    }

    /// Why the run has done nothing although there was input; nothing where it has.
    pub fn nothing_read(&self) -> Option<String> {
        let (rows, bad) = self.streams.iter().fold((0, 0), |(rows, bad), (_, counts)| {
            (rows + counts.rows, bad + counts.unreadable + counts.refused)
        });
        (rows == 0 && bad > 0).then(|| format!("none of the {bad} rows of the input is usable"))
    }

    /// The summary as text or JSON, after a run that took so long, and so much processor time beside what
    /// the inputs' threads have used: to merge, apply and print.
    pub fn render(&self, took: Duration, engine: Duration, json: bool) -> String {
        let rows: u64 = self.streams.iter().map(|(_, counts)| counts.rows).sum();
        let bytes: u64 = self.streams.iter().map(|(_, counts)| counts.bytes).sum();
        let seconds = took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "for display")]
        let (rate, megabytes) = (rows as f64 / seconds.max(1e-9), bytes as f64 / 1e6 / seconds.max(1e-9));
        let read: u64 = self.streams.iter().map(|(_, counts)| counts.processor_nanos).sum();
        let (read, engine) = (Duration::from_nanos(read).as_secs_f64(), engine.as_secs_f64());
        if json {
            let mut summary = self.json(seconds, rate, megabytes);
            summary["processor_seconds"] = json!({"read": read, "engine": engine});
            return summary.to_string();
        }
        let mut lines = vec![
            format!("{rows} events in {seconds:.2} s: {rate:.0} events/s, {megabytes:.1} MB/s"),
            format!("processor time: {read:.2} s to read the inputs, {engine:.2} s to apply and print"),
        ];
        for (name, Counts { rows, unreadable, refused, .. }) in &self.streams {
            let bad = match (unreadable, refused) {
                (0, 0) => String::new(),
                (unreadable, 0) => format!(", {unreadable} rows that could not be read"),
                (0, refused) => format!(", {refused} rows refused"),
                (unreadable, refused) => {
                    format!(", {unreadable} rows that could not be read, {refused} rows refused")
                }
            };
            lines.push(format!("stream {name}: {rows} events{bad}"));
        }
        lines.extend(self.outputs.iter().map(|(name, rows)| format!("output {name}: {rows} rows")));
        lines.extend(self.rules.iter().map(|(name, rule)| rule.render(name)));
        lines.extend(self.late.iter().map(|(name, rows)| format!("{name}: {rows} late rows")));
        lines.extend(
            self.limited.iter().map(|(name, rows)| format!("{name}: {rows} rows refused by a limit")),
        );
        if self.untimed > 0 {
            lines.push(format!("{} rows without event time were dropped", self.untimed));
        }
        if self.unwritable > 0 {
            lines.push(format!("{} rows of outputs were too long and are missing", self.unwritable));
        }
        lines.join("\n")
    }

    fn json(&self, seconds: f64, rate: f64, megabytes: f64) -> serde_json::Value {
        let streams: serde_json::Map<_, _> = self
            .streams
            .iter()
            .map(|(name, counts)| {
                let Counts { rows, unreadable, refused, bytes, .. } = counts;
                let counts =
                    json!({"events": rows, "unreadable": unreadable, "refused": refused, "bytes": bytes});
                (name.clone(), counts)
            })
            .collect();
        let outputs: serde_json::Map<_, _> =
            self.outputs.iter().map(|(name, rows)| (name.clone(), (*rows).into())).collect();
        let rules: serde_json::Map<_, _> = self
            .rules
            .iter()
            .map(|(name, &Rule { events, matches, suppressed, timeouts, dropped, open })| {
                let counts = json!({
                    "events": events, "matches": matches, "suppressed": suppressed, "timeouts": timeouts,
                    "dropped": dropped, "open": open,
                });
                (name.clone(), counts)
            })
            .collect();
        json!({
            "streams": streams, "outputs": outputs, "rules": rules, "late": self.late, "refused_by_limit": self.limited,
            "without_event_time": self.untimed, "too_long": self.unwritable, "seconds": seconds,
            "events_per_second": rate, "megabytes_per_second": megabytes,
        })
    }
}

/// A bar over the bytes of all inputs, where there is a terminal to show it that no rows are printed on.
pub fn progress_bar(inputs: &[Input], into_files: bool) -> Option<ProgressBar> {
    if !stderr().is_terminal() || !into_files && stdout().is_terminal() {
        return None;
    }
    let bytes = inputs.iter().map(|input| input.source.bytes).sum::<Option<u64>>()?;
    let style =
        ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}, {binary_bytes_per_sec}, {eta} left");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    Some(ProgressBar::new(bytes).with_style(style))
}

/// Shows how far the inputs have been read.
pub fn advance(progress: Option<&ProgressBar>, merge: &Merge) {
    if let Some(progress) = progress {
        progress.set_position(merge.sources().map(|source| source.read.load(Ordering::Relaxed)).sum());
    }
}
