//! What a run counts while it is under way.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use vencejo_client::DecisionCode;

use super::limits::{LATENCY_DIGITS, LATENCY_NANOS_MAX};

/// Counts and latencies of the requests that count. Shared by all tasks of a run, which share a thread.
#[derive(Debug)]
pub(super) struct Tally {
    /// From due to answered, at the client.
    pub(super) client: Histogram<u64>,
    /// From arrival to reply, as the server says.
    pub(super) server: Histogram<u64>,
    /// From due to handed to the transport.
    pub(super) pacing: Histogram<u64>,
    pub(super) sent: u64,
    pub(super) answered: u64,
    /// Answers that are decisions, in the order of `DecisionCode::ALL`.
    decisions: [u64; DecisionCode::ALL.len()],
    /// Requests that were refused, by error code.
    pub(super) refused: BTreeMap<u16, u64>,
    pub(super) request_bytes: u64,
    pub(super) reply_bytes: u64,
    /// When the last reply came, in nanoseconds after the start.
    pub(super) last_reply_nanos: u64,
}

/// What a reply frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A decision, and the server's own time for it.
    Decided { code: DecisionCode, server_nanos: u32 },
    /// One that says no more than that it was served: the echo's, an acknowledgement.
    Echoed,
    /// An error code.
    Refused(u16),
}

/// No latencies yet, in nanoseconds.
pub(super) fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NANOS_MAX, LATENCY_DIGITS)
        .expect("the bounds are apart and the digits are few")
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            client: latencies(),
            server: latencies(),
            pacing: latencies(),
            sent: 0,
            answered: 0,
            decisions: [0; DecisionCode::ALL.len()],
            refused: BTreeMap::new(),
            request_bytes: 0,
            reply_bytes: 0,
            last_reply_nanos: 0,
        }
    }

    /// Counts a request that is sent `late_nanos` after it was due.
    pub(super) fn send(&mut self, late_nanos: u64, frame_bytes: usize) {
        self.sent += 1;
        self.pacing.saturating_record(late_nanos);
        self.request_bytes += frame_bytes as u64;
    }

    /// Counts the reply that came `latency_nanos` after its request was due. A refusal has no latency:
    /// saying no is not what is measured.
    pub(super) fn reply(&mut self, answer: Answer, latency_nanos: u64, frame_bytes: usize) {
        match answer {
            Answer::Refused(code) => {
                *self.refused.entry(code).or_default() += 1;
                return;
            }
            Answer::Decided { code, server_nanos } => {
                self.server.saturating_record(u64::from(server_nanos));
                let place = DecisionCode::ALL.iter().position(|&known| known == code);
                self.decisions[place.expect("ALL has every code")] += 1;
            }
            Answer::Echoed => {}
        }
        self.answered += 1;
        self.client.saturating_record(latency_nanos);
        self.reply_bytes += frame_bytes as u64;
    }

    /// Decision codes that occurred, with their numbers.
    pub(super) fn decisions(&self) -> impl Iterator<Item = (DecisionCode, u64)> {
        DecisionCode::ALL.into_iter().zip(self.decisions).filter(|&(_, count)| count > 0)
    }
}
