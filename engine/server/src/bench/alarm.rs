//! A timer that is good to tens of microseconds, where the runtime's is good to a millisecond.

use std::fs::File;
use std::io;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;

/// The system's timer, which is read like a pipe; where there is none to have, the runtime's is used.
pub(super) struct Alarm(Option<Receiver>);

impl Alarm {
    /// Within a runtime.
    pub(super) fn new() -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).ok();
        Self(timer.and_then(|timer| Receiver::from_file_unchecked(File::from(timer)).ok()))
    }

    pub(super) async fn sleep(&self, time: Duration) {
        let rung = match &self.0 {
            Some(timer) => ring(timer, time).await,
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        if rung.is_err() {
            tokio::time::sleep(time).await;
        }
    }
}

async fn ring(timer: &Receiver, time: Duration) -> io::Result<()> {
    let never = Timespec { tv_sec: 0, tv_nsec: 0 };
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    if time == never {
        return Ok(()); // it would be turned off
    }
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: never, it_value: time })?;
    loop {
        timer.readable().await?;
        match timer.try_read(&mut [0; 8]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read.map(drop),
        }
    }
}
