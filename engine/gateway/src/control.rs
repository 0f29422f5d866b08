//! Administration: commands of other rooms, run beside the stream that asked for them.
//!
//! The gateway gathers what a command needs, sees who asks, and brings the answer back. Which commands
//! there are it does not know: [`Control`] does.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_local;
use tokio_util::sync::CancellationToken;
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::message::Controlled;

use crate::dispatch::Refusal;
use crate::limits::{CONTROLS_MAX, TAPS_MAX};
use crate::outbound::Outbound;
use crate::upload::{Blobs, Uploads};

/// Why a command is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlRefusal {
    /// `unknown_command`, `control_refused`, `overloaded`, `shutting_down` or `internal`.
    pub code: ErrorCode,
    /// One sentence: what, where, what to do.
    pub text: String,
}

impl ControlRefusal {
    /// The command cannot be carried out as it is.
    pub fn refused(text: impl Into<String>) -> Self {
        Self { code: ErrorCode::ControlRefused, text: text.into() }
    }
}

/// A command under way; its answer is JSON text.
pub type Command = Pin<Box<dyn Future<Output = Result<String, ControlRefusal>>>>;

/// Knows the commands.
pub trait Control: Send + Sync {
    /// Begins a command, on the endpoint's thread: what takes long belongs on another. When the engine
    /// stops, the command is dropped where it waits.
    fn run(&self, command: &str, arguments: &str, blobs: Blobs) -> Command;
}

/// What the streams of an endpoint share of it.
pub(crate) struct Administration {
    pub(crate) control: Arc<dyn Control>,
    pub(crate) uploads: Arc<Uploads>,
    under_way: Arc<Semaphore>,
    taps: Arc<Semaphore>,
}

impl Administration {
    pub(crate) fn new(control: Arc<dyn Control>) -> Self {
        Self {
            control,
            uploads: Arc::default(),
            under_way: Arc::new(Semaphore::new(CONTROLS_MAX)),
            taps: Arc::new(Semaphore::new(TAPS_MAX)),
        }
    }

    /// A place among the commands under way.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.under_way).try_acquire_owned().map_err(|_| {
            let text = format!("{CONTROLS_MAX} commands are under way; try again when one has ended");
            Refusal::new(ErrorCode::Overloaded, text)
        })
    }
}

impl Administration {
    /// A place among the subscriptions.
    pub(crate) fn admit_tap(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.taps).try_acquire_owned().map_err(|_| {
            let text = format!("{TAPS_MAX} subscriptions are open; try again when one has ended");
            Refusal::new(ErrorCode::Overloaded, text)
        })
    }
}

/// Has a command run to its end, or the engine's, and then answers the request. The outbound has counted it.
pub(crate) fn answer(
    command: Command,
    request: u64,
    outbound: Arc<Outbound>,
    permit: OwnedSemaphorePermit,
    stopping: CancellationToken,
) {
    spawn_local(async move {
        // A task of its own, so that a panic in it is an answer, too.
        let mut running = spawn_local(command);
        let ended = tokio::select! {
            ended = &mut running => ended.unwrap_or_else(|_| Err(ControlRefusal {
                code: ErrorCode::Internal,
                text: "the engine failed on this command; its log says why".to_owned(),
            })),
            () = stopping.cancelled() => {
                running.abort();
                let text = "the engine is stopping; the command was cut short".to_owned();
                Err(ControlRefusal { code: ErrorCode::ShuttingDown, text })
            }
        };
        drop(permit);
        let ended = ended.and_then(|text| match text.len() {
            bytes if bytes > Controlled::TEXT_BYTES_MAX => {
                Err(ControlRefusal::refused(format!("the answer has {bytes} bytes; ask for less")))
            }
            _ => Ok(text),
        });
        outbound.reply(|out| match &ended {
            Ok(text) => Controlled { text }.write(request, out),
            Err(ControlRefusal { code, text }) => Refusal { request, ..Refusal::new(*code, text) }.write(out),
        });
    });
}
