//! What a client that says hello is told of the app.

use vencejo_core::plan::App;
use vencejo_protocol::limits::FRAME_BYTES_MAX;
use vencejo_protocol::message::{DecisionInfo, MessageError, StreamInfo, VERSION, Welcome};

/// Whether a client can be told of an app: it fits a frame, and its names are names.
///
/// # Errors
/// Names the field that breaks the layout.
pub fn check_app(app: &App, partitions: u32) -> Result<(), MessageError> {
    welcome(app, partitions).check()
}

/// What the engine tells every client that says hello.
pub(crate) fn welcome(app: &App, partitions: u32) -> Welcome {
    let id = |index: usize| u16::try_from(index).expect("DECLARATION_NUMBERS_MAX fits 16 bits");
    Welcome {
        version: VERSION,
        frame_bytes_max: u32::try_from(FRAME_BYTES_MAX).expect("FRAME_BYTES_MAX fits 32 bits"),
        partitions,
        app: app.name.clone(),
        engine: concat!("vencejo/", env!("CARGO_PKG_VERSION")).to_owned(),
        streams: (app.streams.iter().enumerate().filter(|(_, stream)| !stream.is_retired()))
            .map(|(index, stream)| StreamInfo {
                id: id(index),
                name: stream.name.clone(),
                schema: stream.schema.as_ref().clone(),
            })
            .collect(),
        decisions: (app.decisions.iter().enumerate().filter(|(_, decision)| !decision.is_retired()))
            .map(|(index, decision)| DecisionInfo {
                id: id(index),
                stream: decision.stream.0,
                deadline_micros: decision.deadline_micros,
                name: decision.name.clone(),
                answer: decision.answer.as_ref().clone(),
            })
            .collect(),
    }
}
