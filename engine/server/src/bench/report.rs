//! What a run found, as a table and as JSON.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};
use vencejo_client::protocol::error::ErrorCode;

use super::limits::REPLY_GRACE;
use super::schedule::Schedule;
use super::tally::Tally;
use super::{Bench, Options, Pace};

/// Shares at which the client's latency is told in JSON, to be drawn.
pub const CURVE: [f64; 13] =
    [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 1.0];

/// A distribution, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The median.
    pub p50: u64,
    /// 90 % are at or below this.
    pub p90: u64,
    /// 99 % are at or below this.
    pub p99: u64,
    /// 99.9 % are at or below this.
    pub p999: u64,
    /// 99.99 % are at or below this.
    pub p9999: u64,
    /// The largest.
    pub max: u64,
}

/// The outcome of a run. Requests of the warm-up are in none of its numbers.
#[derive(Clone, Debug)]
pub struct Report {
    bench: Bench,
    options: Options,
    warm_up: Duration,
    /// Requests that were due.
    pub requests: u64,
    /// Requests that were sent.
    pub sent: u64,
    /// Requests that were answered with what they asked for.
    pub answered: u64,
    /// Answers per second.
    pub achieved: f64,
    /// From due to answered, at the client. Nothing where nothing was answered.
    pub client: Option<Spread>,
    /// The same, at the shares of [`CURVE`], in nanoseconds; empty where nothing was answered.
    pub client_curve: Vec<u64>,
    /// From the request's arrival to its reply, at the server, where it tells.
    pub server: Option<Spread>,
    /// From due to sent: what the bench itself adds, which is part of the client's latency.
    pub pacing: Option<Spread>,
    /// Decisions by code.
    pub decisions: Vec<(&'static str, u64)>,
    /// Requests without an answer, by reason: error codes, `lost` and `unsent`.
    pub errors: Vec<(String, u64)>,
    /// Mean bytes of a request's frame, header included.
    pub request_frame_bytes: u64,
    /// Mean bytes of an answer's frame, header included.
    pub reply_frame_bytes: u64,
}

impl Report {
    pub(super) fn new(bench: Bench, options: Options, schedule: Schedule, tally: &Tally) -> Self {
        let requests = match options.pace {
            Pace::Rate(_) | Pace::Spikes(_) => schedule.measured_requests(),
            Pace::InFlight(_) => tally.sent,
        };
        let refused: u64 = tally.refused.values().sum();
        let mut errors: Vec<(String, u64)> =
            tally.refused.iter().map(|(&code, &count)| (error_name(code), count)).collect();
        // A reply to a request that never went out would have ended the run.
        let lost = tally.sent - tally.answered - refused;
        let rest = [("lost", lost), ("unsent", requests - tally.sent)];
        errors.extend(
            rest.into_iter().filter(|&(_, count)| count > 0).map(|(name, count)| (name.into(), count)),
        );
        let warm_up = Duration::from_nanos(schedule.warm_up_nanos());
        let replies_time = Duration::from_nanos(tally.last_reply_nanos).saturating_sub(warm_up);
        let measured_time = schedule.length().saturating_sub(warm_up).max(replies_time);
        Self {
            bench,
            options,
            warm_up,
            requests,
            sent: tally.sent,
            answered: tally.answered,
            achieved: tally.answered as f64 / measured_time.as_secs_f64(),
            client: spread(&tally.client),
            client_curve: curve(&tally.client),
            server: spread(&tally.server),
            pacing: spread(&tally.pacing),
            decisions: tally.decisions().map(|(code, count)| (code.name(), count)).collect(),
            errors,
            request_frame_bytes: mean(tally.request_bytes, tally.sent),
            reply_frame_bytes: mean(tally.reply_bytes, tally.answered),
        }
    }

    /// Requests that were due and not answered.
    pub fn errors_total(&self) -> u64 {
        self.requests - self.answered
    }

    /// A figure of the client's latency, in milliseconds; not a number where nothing was answered.
    pub(super) fn client_millis(&self, pick: Pick) -> f64 {
        self.client.map_or(f64::NAN, |spread| pick(&spread) as f64 / 1e6)
    }

    /// Why this is no measurement: requests that were not sent, or whose replies never came.
    pub fn shortfall(&self) -> Option<String> {
        let count =
            |wanted: &str| self.errors.iter().find(|(name, _)| name == wanted).map_or(0, |&(_, count)| count);
        let (lost, unsent, grace) = (count("lost"), count("unsent"), REPLY_GRACE.as_secs());
        (lost + unsent > 0).then(|| {
            format!(
                "of {} requests {unsent} could not be sent and {lost} had no reply {grace} s after the \
                 last was due; is the server still there, and is the rate too high for it?",
                self.requests
            )
        })
    }

    /// Pairs of a share and the latency that so many stay within.
    fn curve_json(&self) -> Value {
        CURVE.iter().zip(&self.client_curve).map(|(&share, &nanos)| json!([share, micros(nanos)])).collect()
    }

    /// The report as one JSON object. Times are in microseconds.
    pub fn to_json(&self) -> Value {
        let Options { pace, seconds, connections, .. } = self.options;
        let (rate, in_flight) = match pace {
            Pace::Rate(rate) | Pace::Spikes(rate) => (Some(rate), None),
            Pace::InFlight(depth) => (None, Some(depth)),
        };
        let codes: Map<String, Value> =
            self.decisions.iter().map(|&(name, count)| (name.to_owned(), count.into())).collect();
        let errors: Map<String, Value> =
            self.errors.iter().map(|(name, count)| (name.clone(), (*count).into())).collect();
        json!({
            "bench": self.bench.name(),
            "rate": rate,
            "in_flight": in_flight,
            "achieved": (self.achieved * 10.0).round() / 10.0,
            "seconds": seconds.as_secs_f64(),
            "warm_up_seconds": self.warm_up.as_secs_f64(),
            "connections": connections,
            "requests": self.requests,
            "sent": self.sent,
            "answered": self.answered,
            "errors": self.errors_total(),
            "client_us": self.client.map(spread_json),
            "client_curve_us": self.curve_json(),
            "server_us": self.server.map(spread_json),
            "pacing_us": self.pacing.map(spread_json),
            "codes": codes,
            "error_codes": errors,
            "frame_bytes": {"request": self.request_frame_bytes, "reply": self.reply_frame_bytes},
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { pace, seconds, connections, .. } = self.options;
        let (name, seconds) = (self.bench.name(), seconds.as_secs_f64());
        let plural = if connections == 1 { "" } else { "s" };
        match pace {
            Pace::Rate(rate) => write!(f, "bench {name}: {rate}/s for {seconds} s, ")?,
            Pace::Spikes(rate) => {
                write!(f, "bench {name}: {rate}/s and twice that in every fifth second for {seconds} s, ")?;
            }
            Pace::InFlight(depth) => write!(f, "bench {name}: {depth} in flight for {seconds} s, ")?,
        }
        let kind = if matches!(pace, Pace::InFlight(_)) { "closed" } else { "open" };
        writeln!(f, "{connections} connection{plural}, {kind} loop")?;
        if self.warm_up.is_zero() {
            writeln!(f, "without warm-up: the run is too short for one")?;
        } else {
            let warm_up = self.warm_up.as_secs_f64();
            writeln!(f, "after a warm-up of {warm_up} s in the same way, which is not counted")?;
        }
        let columns = [self.client, self.server, self.pacing];
        writeln!(f, "\n{:<8}{:>12}{:>12}{:>12}", "us", "client", "server", "sent late")?;
        for (row, pick) in ROWS {
            write!(f, "{row:<8}")?;
            for column in columns {
                match column {
                    Some(spread) => write!(f, "{:>12.1}", micros(pick(&spread)))?,
                    None => write!(f, "{:>12}", "-")?,
                }
            }
            writeln!(f)?;
        }
        let Self { requests, sent, answered, achieved, .. } = self;
        writeln!(f, "\nrequests {requests}, sent {sent}, answered {answered}, achieved {achieved:.1}/s")?;
        let counts = self.decisions.iter().map(|&(name, count)| (name, count));
        writeln!(f, "decisions: {}", list(counts))?;
        let counts = self.errors.iter().map(|(name, count)| (name.as_str(), *count));
        writeln!(f, "errors: {}", list(counts))?;
        let (request, reply) = (self.request_frame_bytes, self.reply_frame_bytes);
        write!(f, "frames, mean: request {request} bytes, reply {reply} bytes")
    }
}

type Pick = fn(&Spread) -> u64;

/// The rows of the table.
const ROWS: [(&str, Pick); 6] = [
    ("p50", |spread| spread.p50),
    ("p90", |spread| spread.p90),
    ("p99", |spread| spread.p99),
    ("p99.9", |spread| spread.p999),
    ("p99.99", |spread| spread.p9999),
    ("max", |spread| spread.max),
];

fn list<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let counts: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

fn error_name(code: u16) -> String {
    ErrorCode::from_number(code).map_or_else(|| format!("code_{code}"), |code| code.name().to_owned())
}

fn spread(histogram: &Histogram<u64>) -> Option<Spread> {
    (!histogram.is_empty()).then(|| Spread {
        p50: histogram.value_at_quantile(0.5),
        p90: histogram.value_at_quantile(0.9),
        p99: histogram.value_at_quantile(0.99),
        p999: histogram.value_at_quantile(0.999),
        p9999: histogram.value_at_quantile(0.9999),
        max: histogram.max(),
    })
}

fn curve(histogram: &Histogram<u64>) -> Vec<u64> {
    let shares = CURVE.iter().filter(|_| !histogram.is_empty());
    shares.map(|&share| histogram.value_at_quantile(share)).collect()
}

fn spread_json(spread: Spread) -> Value {
    let Spread { p50, p90, p99, p999, p9999, max } = spread;
    let [p50, p90, p99, p999, p9999, max] = [p50, p90, p99, p999, p9999, max].map(micros);
    json!({"p50": p50, "p90": p90, "p99": p99, "p999": p999, "p9999": p9999, "max": max})
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1_000.0
}

fn mean(total: u64, count: u64) -> u64 {
    (total + count / 2).checked_div(count).unwrap_or(0)
}

#[cfg(test)]
mod tests;
