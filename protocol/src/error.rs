//! Error codes: stable numbers, one meaning each, never reused.
//!
//! SPEC.md, section "Errors", says for each what its receiver does.

use std::fmt;

/// The application error code of a connection that ends without an error. Otherwise a connection is
/// closed with the number of the error that ended it.
pub const CLOSE_NORMAL: u32 = 0;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// What an error frame says. 1xx: the peer broke the protocol. 2xx: this request cannot be
        /// served as it is. 3xx: try again later. 5xx: the engine failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum ErrorCode { $($(#[$doc])* $variant = $number),* }

        impl ErrorCode {
            /// Every code, in numeric order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code's name in documents and logs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The code with this number, if version 1 defines it.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

error_codes! {
    /// A frame's bytes do not follow the layout of its type; a stream ends within a frame; a second hello.
    MalformedFrame = 100, "malformed_frame";
    /// A frame announces more than `FRAME_BYTES_MAX` bytes.
    FrameTooLarge = 101, "frame_too_large";
    /// The frame type is not one of version 1, or not one a client sends.
    UnknownFrameType = 102, "unknown_frame_type";
    /// A frame came before the welcome that is not the connection's hello.
    HelloRequired = 103, "hello_required";
    /// No protocol version is common to both.
    UnsupportedVersion = 104, "unsupported_version";
    /// The hello names an app that is not served here.
    UnknownApp = 105, "unknown_app";
    /// A stream that the hello expects has another fingerprint, or is not there.
    SchemaMismatch = 106, "schema_mismatch";
    /// A frame was begun and not finished in time.
    FrameTimeout = 107, "frame_timeout";
    /// The stream id is not one of the welcome.
    UnknownStream = 200, "unknown_stream";
    /// The decision id is not one of the welcome.
    UnknownDecision = 201, "unknown_decision";
    /// A row does not fit its schema.
    RowInvalid = 202, "row_invalid";
    /// A batch is empty, too long, or its rows do not fill it.
    BatchInvalid = 203, "batch_invalid";
    /// The acknowledgement level asked for is not offered, or not known.
    AckLevelUnavailable = 204, "ack_level_unavailable";
    /// The command is not one that this engine has.
    UnknownCommand = 205, "unknown_command";
    /// The command is not carried out; the text says why.
    ControlRefused = 206, "control_refused";
    /// This peer may not do that.
    Forbidden = 207, "forbidden";
    /// Rows of this producer before these are missing.
    SequenceGap = 208, "sequence_gap";
    /// A later life of this producer has handed over rows since.
    ProducerFenced = 209, "producer_fenced";
    /// The app was replaced since the welcome, and the stream or decision is not in it any more.
    AppChanged = 210, "app_changed";
    /// The partition's lane is full; the frame carries a retry hint.
    Overloaded = 300, "overloaded";
    /// The engine is stopping; connect again.
    ShuttingDown = 301, "shutting_down";
    /// The engine's disk is full, and this must be kept there.
    DiskFull = 302, "disk_full";
    /// The engine failed on this request, which had no effect; it is logged there.
    Internal = 500, "internal";
    /// The state of the request's key lies in a damaged page of a snapshot.
    StateDamaged = 501, "state_damaged";
}

impl ErrorCode {
    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The code with this number; for a number that this version does not know, the code that stands for
    /// its hundred, so that a later engine's new codes are met with the right reaction.
    pub const fn nearest(number: u16) -> Self {
        match Self::from_number(number) {
            Some(code) => code,
            None => match number / 100 {
                1 => Self::MalformedFrame,
                2 => Self::RowInvalid,
                3 => Self::Overloaded,
                _ => Self::Internal,
            },
        }
    }

    /// Whether the sender of this error closes the connection behind it: its frames can no longer be
    /// trusted, or it may not be here.
    pub const fn closes(self) -> bool {
        matches!(
            self,
            Self::MalformedFrame
                | Self::FrameTooLarge
                | Self::HelloRequired
                | Self::UnsupportedVersion
                | Self::UnknownApp
                | Self::SchemaMismatch
                | Self::FrameTimeout
                | Self::ShuttingDown
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_ascend() {
        for &code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number()), Some(code), "{code}");
            assert_eq!(ErrorCode::nearest(code.number()), code, "{code}");
        }
        assert!(ErrorCode::ALL.is_sorted_by_key(|code| code.number()));
    }

    #[test]
    fn no_error_is_taken_for_a_normal_end() {
        assert_eq!(CLOSE_NORMAL, 0);
        assert_eq!(ErrorCode::from_number(0), None);
    }

    #[test]
    fn a_later_code_is_met_by_its_hundred() {
        for (number, expected) in [
            (199, ErrorCode::MalformedFrame),
            (299, ErrorCode::RowInvalid),
            (399, ErrorCode::Overloaded),
            (599, ErrorCode::Internal),
            (0, ErrorCode::Internal),
            (400, ErrorCode::Internal),
            (u16::MAX, ErrorCode::Internal),
        ] {
            assert_eq!(ErrorCode::nearest(number), expected, "{number}");
        }
    }

    #[test]
    fn a_refused_request_does_not_end_the_connection() {
        for &code in ErrorCode::ALL {
            let protocol_broken = code.number() < 200 && code != ErrorCode::UnknownFrameType;
            assert_eq!(code.closes(), protocol_broken || code == ErrorCode::ShuttingDown, "{code}");
        }
    }
}
