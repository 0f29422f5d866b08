//! Commands asked of a running engine.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use vencejo_client::ClientError;
use vencejo_protocol::error::ErrorCode;

use crate::connect::{ConnectArgs, block_on};
use crate::failure::Failure;

/// How long a command may take beside what it waits for itself.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Asks the engine; its answer, read.
///
/// # Errors
/// When it is not there or refuses: then with its own words alone.
pub fn ask(
    connect: &ConnectArgs,
    command: &str,
    arguments: &Value,
    blobs: &[(&str, Bytes)],
    timeout: Duration,
) -> Result<Value, Failure> {
    read(&ask_text(connect, command, arguments, blobs, timeout)?)
}

/// Asks the engine; its answer as JSON text.
///
/// # Errors
/// As [`ask`].
pub fn ask_text(
    connect: &ConnectArgs,
    command: &str,
    arguments: &Value,
    blobs: &[(&str, Bytes)],
    timeout: Duration,
) -> Result<String, Failure> {
    block_on(async {
        let client = connect.client().await?;
        let answer = client.control(command, &arguments.to_string(), blobs, timeout).await;
        client.close();
        answer.map_err(|error| explain(command, error))
    })
}

/// Reads an answer.
///
/// # Errors
/// When it is not what this version expects.
pub fn read<'a, T: Deserialize<'a>>(answer: &'a str) -> Result<T, Failure> {
    serde_json::from_str(answer)
        .map_err(|error| Failure::runtime(format!("the engine's answer cannot be read: {error}")))
}

fn explain(command: &str, error: ClientError) -> Failure {
    match (error.code(), error) {
        (Some(ErrorCode::ControlRefused | ErrorCode::Forbidden), ClientError::Refused(frame)) => {
            Failure::runtime(frame.text)
        }
        (Some(ErrorCode::UnknownCommand | ErrorCode::UnknownFrameType), _) => {
            Failure::runtime(format!("this engine is of another version: it does not know '{command}'"))
        }
        (_, ClientError::TimedOut) => {
            Failure::runtime("the engine did not answer in time; it may have carried the command out")
        }
        (_, error) => Failure::runtime(error),
    }
}
