//! Processor time, as the operating system counts it.

/// What this thread has used so far, in nanoseconds; 0 where the system does not tell. It is time of the
/// processor and no clock: it stands still while the thread waits. Costs a system call.
pub fn thread_nanos() -> u64 {
    #[cfg(unix)]
    {
        use rustix::time::{ClockId, clock_gettime};
        let used = clock_gettime(ClockId::ThreadCPUTime);
        let nanos = used.tv_sec.saturating_mul(1_000_000_000).saturating_add(used.tv_nsec);
        u64::try_from(nanos).unwrap_or(0)
    }
    #[cfg(not(unix))]
    0
}
