//! Long work beside an engine that answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use thread_priority::ThreadPriority;
use thread_priority::unix::{NormalThreadSchedulePolicy as Policy, ThreadSchedulePolicy};
use thread_priority::unix::{set_thread_priority_and_policy, thread_native_id};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How long work may take in the time that nobody else wants. Where others keep the machine busy, there is
/// none, and such work would never end.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs this on a thread of its own, which on Linux gets the processor only while no other thread wants it:
/// decisions do not wait for it. Where it has not ended after [`PATIENCE`], a second thread, of the usual
/// priority, begins the same work, and whichever ends first has done it. Nothing when it panics or no thread
/// can be had.
pub async fn in_background<T: Send + 'static>(work: impl Fn() -> T + Send + Sync + 'static) -> Option<T> {
    let work = Arc::new(work);
    // Room for what both threads give: neither waits.
    let (done, mut result) = mpsc::channel(2);
    begin(Arc::clone(&work), done.clone(), give_way)?;
    if let Ok(ended) = timeout(PATIENCE, result.recv()).await {
        return ended?;
    }
    begin(work, done, || ())?;
    result.recv().await?
}

/// Runs this on a thread of its own of the usual priority: what is too long for the thread that serves the
/// network, and somebody waits for. Nothing when it panics or no thread can be had.
pub async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name("elsewhere".to_owned()).spawn(move || {
        // Whoever waited may have gone.
        let _ = done.send(work());
    });
    thread.ok()?;
    result.await.ok()
}

/// Lets go of this on a thread of its own: what is large takes its time.
pub fn drop_elsewhere<T: Send + 'static>(large: T) {
    // Where no thread can be had, it is let go here.
    let _ = std::thread::Builder::new().name("background".to_owned()).spawn(move || drop(large));
}

fn begin<T: Send + 'static>(
    work: Arc<impl Fn() -> T + Send + Sync + 'static>,
    done: mpsc::Sender<Option<T>>,
    before: impl FnOnce() + Send + 'static,
) -> Option<()> {
    let thread = std::thread::Builder::new().name("background".to_owned()).spawn(move || {
        before();
        let ended = catch_unwind(AssertUnwindSafe(|| work())).ok();
        // Whoever waited may have gone.
        let _ = done.try_send(ended);
    });
    thread.ok().map(|_| ())
}

/// Has the calling thread leave the processor to every other one. Refused, its work is only less polite.
pub fn give_way() {
    if cfg!(target_os = "linux") {
        let idle = ThreadSchedulePolicy::Normal(Policy::Idle);
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(work)
    }

    #[test]
    fn a_panic_is_nothing_and_hangs_nobody() {
        assert_eq!(run(in_background(|| 7)), Some(7));
        assert_eq!(run(in_background(|| -> u8 { std::panic::panic_any("meant") })), None);
        assert_eq!(run(elsewhere(|| 7)), Some(7));
        assert_eq!(run(elsewhere(|| -> u8 { std::panic::panic_any("meant") })), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn it_runs_in_time_that_nobody_wants() {
        let policy = || {
            let lines = std::fs::read_to_string("/proc/thread-self/sched").unwrap_or_default();
            lines.lines().find_map(|line| line.strip_prefix("policy")?.split(':').nth(1)?.trim().parse().ok())
        };
        const SCHED_IDLE: u32 = 5;
        if policy().is_some() {
            assert_eq!(run(in_background(policy)), Some(Some(SCHED_IDLE)));
        }
    }
}
