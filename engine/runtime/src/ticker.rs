//! Tells every partition, now and then, what none of them knows alone: the watermarks of streams whose rows
//! go to all of them, and the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use vencejo_core::plan::{App, Succession};
use vencejo_types::limits::TICK_MILLIS;
use vencejo_types::{StreamId, Tick};

use crate::clock::Clock;
use crate::lanes::Lane;
use crate::request::{Request, Ticked};
use crate::router::{Partition, Unavailable};
use crate::serving::{Following, Served};

/// What the rim has seen of the streams' event times.
pub(crate) struct EventTimes {
    streams: Vec<Arc<Seen>>,
}

struct Seen {
    /// The greatest event time; `i64::MIN` before the first row.
    greatest: AtomicI64,
    /// Engine time of the last row, in microseconds.
    last: AtomicI64,
}

impl Seen {
    fn nothing() -> Arc<Self> {
        Arc::new(Self { greatest: AtomicI64::new(i64::MIN), last: AtomicI64::new(i64::MIN) })
    }
}

impl EventTimes {
    pub(crate) fn new(streams: usize) -> Self {
        Self { streams: (0..streams).map(|_| Seen::nothing()).collect() }
    }

    /// Those of the next app. Streams that go on share what is seen: who has not followed yet notes it, too.
    pub(crate) fn succeed(&self, succession: &Succession) -> Self {
        let seen = |stream: usize| match self.streams.get(stream) {
            Some(seen) if succession.keeps_time(stream) => Arc::clone(seen),
            _ => Seen::nothing(),
        };
        Self { streams: (0..succession.to().streams.len()).map(seen).collect() }
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
    following: Following,
    partitions: Arc<[Partition]>,
    served: Arc<Served>,
    /// What each partition was told last.
    told: Vec<Arc<[Option<i64>]>>,
}

impl Ticker {
    pub(crate) fn new(mut following: Following, partitions: Arc<[Partition]>) -> Self {
        let served = Arc::clone(following.served());
        let told = told_nothing(&served.app, partitions.len());
        Self { following, partitions, served, told }
    }

    /// Ticks until the partitions have stopped; not while nothing in the app happens by time.
    pub(crate) async fn run(mut self, clock: Clock) {
        let mut began = clock.tick(clock.now());
        loop {
            clock.pause(Duration::from_millis(TICK_MILLIS)).await;
            if !Arc::ptr_eq(self.following.served(), &self.served) {
                self.served = Arc::clone(self.following.served());
                self.told = told_nothing(&self.served.app, self.partitions.len());
                began = clock.tick(clock.now());
            }
            let Served { app, times } = &*self.served;
            if !app.flow.waits_for_time() {
                continue;
            }
            let by_engine_time = app.flow.lives_by_engine_time();
            let watermarks: Arc<[_]> = times.watermarks(app, began, clock.tick(clock.now())).into();
            for (partition, told) in self.partitions.iter().zip(&mut self.told) {
                if !by_engine_time && *told == watermarks {
                    continue;
                }
                let tick = Ticked { app: Arc::clone(app), watermarks: Arc::clone(&watermarks) };
                match partition.push(Lane::Normal, Request::Tick(tick)) {
                    Ok(()) => *told = Arc::clone(&watermarks),
                    // It has enough to do; the next tick tells as much.
                    Err((Unavailable::Overloaded | Unavailable::DiskFull, _)) => {}
                    Err((Unavailable::Stopped, _)) => return,
                }
            }
        }
    }
}

/// That no partition was told anything.
fn told_nothing(app: &App, partitions: usize) -> Vec<Arc<[Option<i64>]>> {
    let nothing: Arc<[_]> = vec![Some(i64::MIN); app.streams.len()].into();
    vec![nothing; partitions]
}
