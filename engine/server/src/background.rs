//! Long work beside an engine that answers.

use tokio::sync::oneshot;

/// Priority of such work, as `nice` counts: the lowest.
const NICE: i32 = 19;

/// Runs this on a thread of its own, which on Linux gets the processor when nobody else wants it: decisions
/// do not wait for it. Nothing when it panics or no thread can be had.
pub async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name("background".to_owned()).spawn(move || {
        if cfg!(target_os = "linux") {
            // Elsewhere this is about the whole process. Refused, the work is only less polite.
            let _ = rustix::process::nice(NICE);
        }
        // Whoever waited may have gone.
        let _ = done.send(work());
    });
    thread.ok()?;
    result.await.ok()
}
