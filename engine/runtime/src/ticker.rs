//! Tells every partition, now and then, what none of them knows alone: the watermarks of streams whose rows
//! go to all of them, and the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use vencejo_core::plan::App;
use vencejo_types::limits::TICK_MILLIS;
use vencejo_types::{StreamId, Tick};

use crate::clock::Clock;
use crate::lanes::Lane;
use crate::request::Request;
use crate::router::{Partition, Unavailable};

/// What the rim has seen of the streams' event times.
pub(crate) struct EventTimes {
    streams: Vec<Seen>,
}

struct Seen {
    /// The greatest event time; `i64::MIN` before the first row.
    greatest: AtomicI64,
    /// Engine time of the last row, in microseconds.
    last: AtomicI64,
}

impl EventTimes {
    pub(crate) fn new(streams: usize) -> Self {
        let never = || Seen { greatest: AtomicI64::new(i64::MIN), last: AtomicI64::new(i64::MIN) };
        Self { streams: (0..streams).map(|_| never()).collect() }
    }

    pub(crate) fn note(&self, stream: StreamId, millis: i64, now: Tick) {
        let seen = &self.streams[stream.index()];
        seen.greatest.fetch_max(millis, Ordering::Relaxed);
        seen.last.fetch_max(now.0, Ordering::Relaxed);
    }

    /// Per stream its watermark, `i64::MIN` where it has none yet; nothing where the stream is idle.
    fn watermarks(&self, app: &App, began: Tick, now: Tick) -> Vec<Option<i64>> {
        let streams = app.streams.iter().zip(&self.streams);
        let watermark = streams.map(|(stream, seen)| {
            let Some(of) = stream.watermark else { return Some(i64::MIN) };
            let quiet_micros = now.0.saturating_sub(seen.last.load(Ordering::Relaxed).max(began.0));
            if of.idle_millis.is_some_and(|idle| quiet_micros / 1_000 >= idle) {
                return None;
            }
            Some(seen.greatest.load(Ordering::Relaxed).saturating_sub(of.delay_millis))
        });
        watermark.collect()
    }
}

/// Sends ticks through the normal lanes: they overtake no row that was queued before.
pub(crate) struct Ticker {
    app: Arc<App>,
    times: Arc<EventTimes>,
    partitions: Arc<[Partition]>,
    /// What each partition was told last.
    told: Vec<Arc<[Option<i64>]>>,
}

impl Ticker {
    /// A ticker; nothing for an app in which nothing happens by time.
    pub(crate) fn new(app: &Arc<App>, times: Arc<EventTimes>, partitions: Arc<[Partition]>) -> Option<Self> {
        if !app.flow.waits_for_time() {
            return None;
        }
        let nothing: Arc<[_]> = vec![Some(i64::MIN); app.streams.len()].into();
        let told = partitions.iter().map(|_| Arc::clone(&nothing)).collect();
        Some(Self { app: Arc::clone(app), times, partitions, told })
    }

    /// Ticks until the partitions have stopped.
    pub(crate) async fn run(mut self, clock: Clock) {
        let by_engine_time = self.app.flow.lives_by_engine_time();
        let began = clock.tick(clock.now());
        loop {
            clock.pause(Duration::from_millis(TICK_MILLIS)).await;
            let watermarks: Arc<[_]> =
                self.times.watermarks(&self.app, began, clock.tick(clock.now())).into();
            for (partition, told) in self.partitions.iter().zip(&mut self.told) {
                if !by_engine_time && *told == watermarks {
                    continue;
                }
                match partition.push(Lane::Normal, Request::Tick(Arc::clone(&watermarks))) {
                    Ok(()) => *told = Arc::clone(&watermarks),
                    // It has enough to do; the next tick tells as much.
                    Err((Unavailable::Overloaded | Unavailable::DiskFull, _)) => {}
                    Err((Unavailable::Stopped, _)) => return,
                }
            }
        }
    }
}
