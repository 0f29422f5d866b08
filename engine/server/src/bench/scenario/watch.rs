//! Alerts of a rule, as they come: when the one of each case came.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::Value;
use vencejo_client::protocol::row::Row;
use vencejo_client::{Client, FrameReceiver, FrameSender, Subscription};

use super::super::drive::{Requests, Start, drive};
use super::super::limits::REPLY_GRACE;
use super::super::report::Report;
use super::super::schedule::Schedule;
use super::super::tally::latencies;
use super::super::{Bench, Options};
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
    /// All of them.
    pub(super) cases: u64,
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

    /// Sends requests over one connection, and takes the alerts of the cases in them, until all are there or
    /// the last replies should be. `due_nanos` tells when what completes each case is due.
    ///
    /// # Errors
    /// When the connection or the subscription ends.
    pub(super) async fn drive(
        &mut self,
        connection: Vec<(FrameSender, FrameReceiver)>,
        requests: impl Requests + 'static,
        options: Options,
        due_nanos: impl FnOnce(&Schedule) -> Vec<u64>,
    ) -> Result<(Report, Alerted), Failure> {
        let schedule = Schedule::of(&options);
        let due_nanos = due_nanos(&schedule);
        let start = Start::now();
        let (tally, alerted) = tokio::join!(
            drive(connection, requests, schedule, start),
            self.take(start, &due_nanos, schedule.length() + REPLY_GRACE),
        );
        Ok((Report::new(Bench::Ingest, options, schedule, &tally?), alerted?))
    }

    async fn take(
        &mut self,
        start: Start,
        due_nanos: &[u64],
        time_max: Duration,
    ) -> Result<Alerted, Failure> {
        let mut has_alert = vec![false; due_nanos.len()];
        let cases = due_nanos.len() as u64;
        let mut alerted = Alerted { latency: latencies(), cases, missing: cases, surplus: 0 };
        let all = async {
            while alerted.missing > 0 {
                let tapped = self.subscription.next_rows().await?;
                let now_nanos = start.elapsed_nanos();
                for row in &tapped.rows {
                    match self.case_of(&row.row).filter(|&case| has_alert.get(case) == Some(&false)) {
                        Some(case) => {
                            has_alert[case] = true;
                            alerted.missing -= 1;
                            alerted.latency.saturating_record(now_nanos.saturating_sub(due_nanos[case]));
                        }
                        None => alerted.surplus += 1,
                    }
                }
            }
            Ok::<_, Failure>(())
        };
        // Past the time, what is missing is missing.
        tokio::time::timeout(time_max, all).await.unwrap_or(Ok(()))?;
        Ok(alerted)
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
    let stats = client.control("rule.stats", "{}", &[], TIMEOUT).await?;
    let stats: Value = read(&stats)?;
    Ok(stats["alert_times"]["p99_us"].as_f64().map_or(f64::NAN, |micros| micros / 1e3))
}
