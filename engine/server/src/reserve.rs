//! Memory that the system has handed out before an event needs it.
//!
//! A page that is touched for the first time stops its thread while the system clears it: with huge pages
//! 0.2 ms and more, on a virtual machine whose host has to find the memory first several milliseconds, in
//! which a partition answers nobody. An engine whose state grows meets one every two megabytes.
#![deny(clippy::undocumented_unsafe_blocks)]

use std::ffi::{c_int, c_long, c_void};
use std::io;
use std::ptr::NonNull;
use std::str::FromStr;

use rustix::mm::{Advice, madvise};

use crate::background::give_way;
use crate::console::note;
use crate::failure::Failure;
use crate::quantity::parse_size;

/// What is asked of the system at once: a huge page, as others of the process wait for what is under way.
const PIECE_BYTES: usize = 2 << 20;
/// The number of the allocator's first arena, from which it serves before all others.
const FIRST_ARENA: c_int = 1;
/// The number of the allocator's option that says when free pages go back to the system, in milliseconds.
const PURGE_DELAY: c_int = 15;
/// They do not.
const NEVER: c_long = -1;

// mimalloc.h of mimalloc 2: arenas and options.
#[allow(unsafe_code, reason = "the allocator has no safe interface for it")]
unsafe extern "C" {
    fn mi_arena_area(arena: c_int, bytes: *mut usize) -> *mut c_void;
    fn mi_reserve_os_memory_ex(
        bytes: usize,
        commit: bool,
        allow_large: bool,
        exclusive: bool,
        arena: *mut c_int,
    ) -> c_int;
    fn mi_option_set(option: c_int, value: c_long);
}

/// How much memory, as it is written: 500MB, 4GB.
#[derive(Clone, Copy, Debug)]
pub struct Reserve(usize);

impl FromStr for Reserve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = parse_size(text).filter(|bytes| *bytes > 0).and_then(|bytes| usize::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(|| "give a size as 500MB or 4GB".to_owned())
    }
}

impl Reserve {
    /// Has the allocator hold so much, and the system hand it out in time that no other thread wants. What is
    /// freed is kept from then on. To be called while the process has one thread.
    ///
    /// # Errors
    /// When the machine has no such memory, or no thread can be had.
    pub fn take(self) -> Result<(), Failure> {
        let asked = format!("--memory-reserve: {} MB", self.0 / 1_000_000);
        if let Some(available) = available_bytes().filter(|available| *available < self.0) {
            let available = available / 1_000_000;
            return Err(Failure::config(format!(
                "{asked} of memory, and this machine has {available} MB left"
            )));
        }
        let areas = areas(self.0).ok_or_else(|| {
            Failure::config(format!("{asked} of memory, and the system gives no such area"))
        })?;
        keep_what_is_freed();
        let populate = {
            let asked = asked.clone();
            move || {
                give_way();
                match areas.iter().try_for_each(Area::populate) {
                    Ok(()) => note(format_args!("{asked} of memory are at hand")),
                    // The engine serves all the same, as it would without the option.
                    Err(error) => note(format_args!("{asked} of memory could not all be had: {error}")),
                }
            }
        };
        let thread = std::thread::Builder::new().name("memory".to_owned()).spawn(populate);
        thread.map(drop).map_err(|error| Failure::runtime(format!("no thread for {asked}: {error}")))
    }
}

/// Addresses that are the allocator's as long as the process runs.
struct Area {
    start: NonNull<c_void>,
    bytes: usize,
}

#[allow(
    unsafe_code,
    reason = "the area is mapped until the process ends, and no byte of it is read or written"
)]
// SAFETY: what holds of it on one thread holds on every other.
unsafe impl Send for Area {}

impl Area {
    /// The area of an arena of the allocator's, where there is one with this number.
    #[allow(unsafe_code, reason = "the allocator has no safe interface for it")]
    fn of(arena: c_int) -> Option<Self> {
        let mut bytes = 0;
        // SAFETY: `bytes` outlives the call, which reads nothing else of ours.
        let start = unsafe { mi_arena_area(arena, &raw mut bytes) };
        Some(Self { start: NonNull::new(start)?, bytes })
    }

    /// A new one of the allocator's.
    #[allow(unsafe_code, reason = "the allocator has no safe interface for it")]
    fn reserved(bytes: usize) -> Option<Self> {
        let mut arena = 0;
        // SAFETY: `arena` outlives the call, which reads nothing else of ours.
        match unsafe { mi_reserve_os_memory_ex(bytes, true, true, false, &raw mut arena) } {
            0 => Self::of(arena),
            _ => None,
        }
    }

    /// Has the system hand out its pages.
    #[allow(unsafe_code, reason = "advice about addresses")]
    fn populate(&self) -> io::Result<()> {
        // SAFETY: the area is mapped, and this changes nothing that stands in it.
        let _ = unsafe { madvise(self.start.as_ptr(), self.bytes, Advice::LinuxHugepage) }; // slower without
        (0..self.bytes).step_by(PIECE_BYTES).try_for_each(|offset| {
            let bytes = PIECE_BYTES.min(self.bytes - offset);
            // SAFETY: as above; what the allocator writes meanwhile stays as it is (madvise(2)).
            Ok(unsafe { madvise(self.start.as_ptr().byte_add(offset), bytes, Advice::LinuxPopulateWrite) }?)
        })
    }
}

/// Areas of so many bytes in all, from which the allocator serves next.
fn areas(bytes: usize) -> Option<Vec<Area>> {
    let first = Area::of(FIRST_ARENA).map(|first| Area { bytes: first.bytes.min(bytes), ..first });
    let mut areas = Vec::from_iter(first);
    let further = bytes - areas.iter().map(|area| area.bytes).sum::<usize>();
    if further > 0 {
        areas.push(Area::reserved(further)?);
    }
    Some(areas)
}

#[allow(unsafe_code, reason = "the allocator has no safe interface for it")]
fn keep_what_is_freed() {
    // SAFETY: no other thread reads or sets an option meanwhile, as whoever takes a reserve sees to.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) };
}

/// What the machine can still hand out, or the container, where that is less.
fn available_bytes() -> Option<usize> {
    let machine = || {
        let info = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1_024)
    };
    let container = || {
        let figure = |name: &str| {
            let text = std::fs::read_to_string(format!("/sys/fs/cgroup/memory.{name}")).ok()?;
            text.trim().parse::<usize>().ok()
        };
        Some(figure("max")?.saturating_sub(figure("current")?))
    };
    [machine(), container()].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    /// Pages of the area that the system has handed out (proc_pid_pagemap(5): bit 63).
    fn present_pages(area: &Area) -> usize {
        let first = area.start.addr().get() / rustix::param::page_size();
        let mut entries = vec![0; area.bytes / rustix::param::page_size() * 8];
        let pages = File::open("/proc/self/pagemap").expect("a process may read its own");
        pages.read_exact_at(&mut entries, first as u64 * 8).expect("it has an entry for each page");
        let (entries, _) = entries.as_chunks();
        entries.iter().filter(|entry| u64::from_ne_bytes(**entry) >> 63 == 1).count()
    }

    #[test]
    fn what_is_reserved_is_at_hand() {
        const BYTES: usize = 64 << 20;
        let area = Area::reserved(BYTES).expect("the system gives an area");
        assert!(area.bytes >= BYTES);
        area.populate().expect("the system has the memory");
        let at_hand = present_pages(&area) * rustix::param::page_size();
        assert!(at_hand >= area.bytes / 2, "{at_hand}; other tests may have taken and given back some");
    }

    #[test]
    #[allow(unsafe_code, reason = "the allocator has no safe interface for it")]
    fn the_option_is_the_one_that_is_meant() {
        unsafe extern "C" {
            fn mi_option_get(option: c_int) -> c_long;
        }
        // SAFETY: no test sets an option.
        let millis = unsafe { mi_option_get(PURGE_DELAY) };
        assert_eq!(millis, 10, "its default is that of no option near it");
    }

    #[test]
    fn more_than_there_is_is_refused_in_one_sentence() {
        let failure = Reserve(usize::MAX).take().expect_err("no machine has so much");
        assert!(failure.text.contains("MB left"), "{}", failure.text);
        assert!("0GB".parse::<Reserve>().is_err() && "4 apples".parse::<Reserve>().is_err());
    }
}
