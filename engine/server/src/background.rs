//! Long work beside an engine that answers.

use tokio::sync::oneshot;

/// How much less such work matters, as `nice` counts: about a third beside an engine that is busy. At the
/// lowest priority, 19, a machine that others keep busy never comes to it.
const NICE: i32 = 5;

/// Runs this on a thread of its own, which on Linux gets less of the processor than the engine's: decisions
/// hardly wait for it. Nothing when it panics or no thread can be had.
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
