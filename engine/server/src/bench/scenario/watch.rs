//! Alerts of a rule, as they come: when the one of each case came.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use vencejo_client::protocol::row::Row;
use vencejo_client::{Client, Subscription};

use super::super::drive::Start;
use super::super::limits::{LATENCY_DIGITS, LATENCY_NANOS_MAX};
use crate::failure::Failure;
use crate::remote::{TIMEOUT, read};

/// A rule that is followed, whose alerts name their case in a column: `NAME-0`, `NAME-1`, ...
pub(super) struct Watch {
    subscription: Subscription,
    column: usize,
    name: String,
}

/// What came of the cases.
pub(super) struct Alerted {
    /// From when the event that completes a case was due to where its alert was here, in nanoseconds.
    latency: Histogram<u64>,
    /// Cases without an alert.
    pub(super) missing: u64,
    /// Alerts besides the first of each case.
    pub(super) surplus: u64,
}

impl Alerted {
    /// The latency that this share of the alerts stays within, in milliseconds.
    pub(super) fn millis_at(&self, share: f64) -> f64 {
        if self.latency.is_empty() { f64::NAN } else { self.latency.value_at_quantile(share) as f64 / 1e6 }
    }
}

impl Watch {
    /// Follows a rule.
    ///
    /// # Errors
    /// When the engine has no such rule, or it lacks the column.
    pub(super) async fn open(
        client: &Client,
        rule: &str,
        column: &str,
        name: String,
    ) -> Result<Self, Failure> {
        let subscription = client.subscribe(rule).await?;
        let column = subscription.schema().position(column);
        let column = column.ok_or_else(|| Failure::runtime(format!("the rule '{rule}' is another app's")))?;
        Ok(Self { subscription, column, name })
    }

    /// Takes the alerts of these cases, each with when it was due, until all are there or `time_max` has
    /// passed.
    ///
    /// # Errors
    /// When the subscription ends.
    pub(super) async fn take(
        &mut self,
        start: Start,
        due_nanos: &[u64],
        time_max: Duration,
    ) -> Result<Alerted, Failure> {
        let mut came: Vec<Option<u64>> = vec![None; due_nanos.len()];
        let (mut missing, mut surplus) = (due_nanos.len() as u64, 0);
        let all = async {
            while missing > 0 {
                let tapped = self.subscription.next_rows().await?;
                let now_nanos = start.elapsed_nanos();
                for row in &tapped.rows {
                    let case = self.case_of(&row.row).and_then(|case| came.get_mut(case));
                    match case {
                        Some(first) if first.is_none() => {
                            *first = Some(now_nanos);
                            missing -= 1;
                        }
                        _ => surplus += 1,
                    }
                }
            }
            Ok::<_, Failure>(())
        };
        // Past the time, what is missing is missing.
        tokio::time::timeout(time_max, all).await.unwrap_or(Ok(()))?;
        let mut latency = Histogram::new_with_bounds(1, LATENCY_NANOS_MAX, LATENCY_DIGITS)
            .expect("the bounds are apart and the digits are few");
        for (due, came) in due_nanos.iter().zip(&came) {
            came.iter().for_each(|came| latency.saturating_record(came.saturating_sub(*due)));
        }
        Ok(Alerted { latency, missing, surplus })
    }

    fn case_of(&self, row: &[u8]) -> Option<usize> {
        let row = Row::parse(self.subscription.schema(), row).ok()?;
        if row.is_null(self.column) {
            return None;
        }
        row.str(self.column).strip_prefix(&self.name)?.strip_prefix('-')?.parse().ok()
    }
}

/// How long the engine says that its alerts have taken: the 99th percentile, in milliseconds.
///
/// # Errors
/// When it does not say.
pub(super) async fn engine_millis(client: &Client) -> Result<f64, Failure> {
    let stats = client.control("rule.stats", &json!({}).to_string(), &[], TIMEOUT).await?;
    let stats: Value = read(&stats)?;
    Ok(stats["alert_times"]["p99_us"].as_f64().map_or(f64::NAN, |micros| micros / 1e3))
}
