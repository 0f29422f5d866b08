//! What can go wrong between a caller and an engine.

use std::fmt;
use std::net::SocketAddr;

use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::message::ErrorFrame;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// No connection to the engine could be made.
    Connect {
        /// Where it was tried.
        address: SocketAddr,
        /// What went wrong.
        reason: String,
    },
    /// The connection ended before the answer came: whether the request had an effect is unknown.
    Lost {
        /// What went wrong.
        reason: String,
    },
    /// The engine answered with an error frame: the request had no effect.
    Refused(ErrorFrame),
    /// The engine sent something that is not `vencejo/1`.
    Protocol {
        /// What was wrong with it.
        reason: String,
    },
    /// No answer came in the time that the configuration allows.
    TimedOut,
    /// The request breaks a limit of the protocol and was not sent.
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The most that is allowed.
        max: usize,
    },
}

impl ClientError {
    /// The engine's error code, where it sent one that this version knows.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(error) => ErrorCode::from_number(error.code),
            _ => None,
        }
    }

    pub(crate) fn lost(reason: impl fmt::Display) -> Self {
        Self::Lost { reason: reason.to_string() }
    }

    pub(crate) fn protocol(reason: impl fmt::Display) -> Self {
        Self::Protocol { reason: reason.to_string() }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { address, reason } => write!(f, "cannot connect to {address}: {reason}"),
            Self::Lost { reason } => write!(f, "the connection was lost before the answer came: {reason}"),
            Self::Refused(error) => {
                let name = ErrorCode::from_number(error.code).map_or("unknown code", ErrorCode::name);
                write!(f, "refused with {name} ({}): {}", error.code, error.text)
            }
            Self::Protocol { reason } => write!(f, "the engine's answer is not vencejo/1: {reason}"),
            Self::TimedOut => write!(f, "no answer came in time"),
            Self::TooLarge { what, max } => write!(f, "{what} is over the protocol's limit of {max}"),
        }
    }
}

impl std::error::Error for ClientError {}
