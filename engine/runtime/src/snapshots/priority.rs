//! How much of the processor the thread that takes snapshots asks for.

use thread_priority::unix::{NormalThreadSchedulePolicy as Policy, ThreadSchedulePolicy};
use thread_priority::unix::{set_thread_priority_and_policy, thread_native_id};
use thread_priority::{ThreadPriority, unix};

/// Leaves the processor to every other thread: decisions do not wait for a snapshot.
pub(super) fn give_way() {
    set(ThreadPriority::Min, Policy::Idle);
}

/// Takes part like other threads: pages that were saved before they changed wait in memory.
pub(super) fn take_part() {
    set(ThreadPriority::Min, Policy::Other);
}

fn set(priority: ThreadPriority, policy: unix::NormalThreadSchedulePolicy) {
    if cfg!(target_os = "linux") {
        // Refused, the thread is only less polite.
        let policy = ThreadSchedulePolicy::Normal(policy);
        let _ = set_thread_priority_and_policy(thread_native_id(), priority, policy);
    }
}
