//! What the rules have counted.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use vencejo_core::PartitionState;
use vencejo_gateway::ControlRefusal;

use super::{Engine, unavailable};

/// What `rule.stats` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stats {}

/// Names of the figures, as they are answered.
const FIGURES: [&str; 6] = ["events", "open", "matches", "suppressed", "timeouts", "dropped"];

/// What each rule has counted since its state began, over all partitions, in the app's order; and how long
/// alerts have taken since the engine started.
pub async fn stats(engine: Arc<Engine>, _arguments: Stats) -> Result<Value, ControlRefusal> {
    let look = |state: &PartitionState| {
        let figures = state.rules().map(|rule| {
            let it = rule.counters;
            let figures = [it.rows, it.open, it.matches, rule.suppressed, it.timeouts, it.dropped];
            (rule.name.to_owned(), rule.raises, figures)
        });
        figures.collect::<Vec<_>>()
    };
    let mut rules: Vec<(String, bool, [u64; 6])> = Vec::new();
    for partition in engine.router.inspect(look).await.map_err(unavailable)? {
        for (place, (name, raises, figures)) in partition.into_iter().enumerate() {
            // Partitions go over to another app one after the other: by name where the places differ.
            let same = |rule: &(String, bool, [u64; 6])| rule.0 == name;
            let place = Some(place).filter(|&place| rules.get(place).is_some_and(same));
            match place.or_else(|| rules.iter().position(same)) {
                Some(place) => {
                    let sums = rules[place].2.iter_mut().zip(figures);
                    sums.for_each(|(sum, figure)| *sum += figure);
                }
                None => rules.push((name, raises, figures)),
            }
        }
    }
    let rules: Vec<_> = rules
        .into_iter()
        .map(|(name, raises, figures)| {
            let mut shown = json!({"rule": name, "raises": raises});
            FIGURES.iter().zip(figures).for_each(|(&name, figure)| shown[name] = figure.into());
            shown
        })
        .collect();
    let times = engine.router.alert_times();
    let micros = |time: Duration| time.as_nanos() as f64 / 1e3;
    let times = json!({
        "alerts": times.alerts,
        "p50_us": micros(times.p50),
        "p99_us": micros(times.p99),
        "max_us": micros(times.max),
    });
    Ok(json!({"rules": rules, "alert_times": times}))
}
