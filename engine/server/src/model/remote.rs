//! Commands about models, asked of a running engine.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use vencejo_client::ClientError;
use vencejo_protocol::error::ErrorCode;

use crate::connect::{ConnectArgs, block_on};
use crate::failure::Failure;

/// How long a command may take beside what it waits for itself.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Asks the engine.
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
    let answer = block_on(async {
        let client = connect.client().await?;
        let answer = client.control(command, &arguments.to_string(), blobs, timeout).await;
        client.close();
        answer.map_err(|error| explain(command, error))
    })?;
    serde_json::from_str(&answer)
        .map_err(|error| Failure::runtime(format!("the engine's answer is not JSON: {error}")))
}

fn explain(command: &str, error: ClientError) -> Failure {
    match (error.code(), error) {
        (Some(ErrorCode::ControlRefused | ErrorCode::Forbidden), ClientError::Refused(frame)) => {
            Failure::runtime(frame.text)
        }
        (Some(ErrorCode::UnknownCommand | ErrorCode::UnknownFrameType), _) => {
            Failure::runtime(format!("this engine is of another version: it does not know '{command}'"))
        }
        (_, ClientError::TimedOut) => Failure::runtime(
            "the engine did not answer in time; it may have carried the command out: see 'vencejo model list'",
        ),
        (_, error) => Failure::runtime(error),
    }
}

/// "version 'a'", or "version 'a', and 'b' 20 % of the decisions", as commands answer it.
pub fn arrangement(value: &Value) -> String {
    let text = |field: &str| value[field].as_str().unwrap_or("?").to_owned();
    match value["weight"].as_u64() {
        None => format!("version '{}'", text("champion")),
        Some(weight) => {
            format!(
                "version '{}', and '{}' {weight} % of the decisions",
                text("champion"),
                text("challenger")
            )
        }
    }
}
