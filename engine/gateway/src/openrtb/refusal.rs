//! What the adapter answers instead of impressions: [`RequestError`] for a line that is no bid request,
//! [`Refusal`] for one impression of a request whose others are fine.

use std::fmt;

use simd_json::ErrorType;

use super::{BID_FLOOR_MAX, DEPTH_MAX, ID_BYTES_MAX, IMPS_MAX, REQUEST_BYTES_MAX};

/// Why a line is not a bid request. None of its impressions can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// Nothing but white space.
    Empty,
    /// More than [`REQUEST_BYTES_MAX`] bytes; it was not parsed.
    TooLarge {
        /// Length of the line.
        bytes: usize,
    },
    /// Not one JSON value in UTF-8.
    NotJson {
        /// Byte at which the parser gave up, counted from 0; `None` where it does not tell.
        position: Option<usize>,
        /// What is wrong there, in words.
        fault: &'static str,
    },
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// JSON, but not an object.
    NotAnObject {
        /// JSON type of the line.
        found: &'static str,
    },
    /// No field `imp`, or null.
    ImpMissing,
    /// `imp` is not an array.
    ImpNotAnArray {
        /// JSON type of `imp`.
        found: &'static str,
    },
    /// `imp` is an empty array.
    ImpEmpty,
    /// More than [`IMPS_MAX`] impressions.
    TooManyImps {
        /// Length of `imp`.
        count: usize,
    },
    /// The request's id has more than [`ID_BYTES_MAX`] bytes. Cut, it could not be matched with its answer.
    IdTooLong {
        /// Length of the id.
        bytes: usize,
    },
}

impl RequestError {
    /// Names what the parser found in `line` after its first `mark_bytes` bytes. Where it is not UTF-8, the
    /// parser has not altered it yet.
    pub(super) fn of_parser(error: &simd_json::Error, line: &[u8], mark_bytes: usize) -> RequestError {
        let index = error.character().map(|_| mark_bytes + error.index());
        let (position, fault) = match error.error() {
            ErrorType::DepthLimitExceeded => return RequestError::TooDeep,
            // The parser checks this before it looks at positions.
            ErrorType::InvalidUtf8 => {
                (str::from_utf8(line).err().map(|error| error.valid_up_to()), "not UTF-8")
            }
            ErrorType::Syntax | ErrorType::Eof if index.is_some() => (index, "it breaks off"),
            ErrorType::Syntax | ErrorType::UnterminatedString => {
                (None, "a string is not closed or holds a control character")
            }
            // Inside a string the parser does not say where.
            ErrorType::InvalidEscape
            | ErrorType::InvalidUnicodeEscape
            | ErrorType::InvalidUnicodeCodepoint => (None, "a string holds a wrong escape"),
            ErrorType::InvalidNumber | ErrorType::InvalidExponent | ErrorType::Overflow => {
                (index, "a number is malformed or beyond 64 bits")
            }
            _ => (index, "unexpected character"),
        };
        RequestError::NotJson { position, fault }
    }

    /// A stable name for counters and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            RequestError::Empty => "request_empty",
            RequestError::TooLarge { .. } => "request_too_large",
            RequestError::NotJson { .. } => "request_not_json",
            RequestError::TooDeep => "request_too_deep",
            RequestError::NotAnObject { .. } => "request_not_an_object",
            RequestError::ImpMissing => "request_imp_missing",
            RequestError::ImpNotAnArray { .. } => "request_imp_not_an_array",
            RequestError::ImpEmpty => "request_imp_empty",
            RequestError::TooManyImps { .. } => "request_too_many_imps",
            RequestError::IdTooLong { .. } => "request_id_too_long",
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::Empty => {
                f.write_str("the line is empty: send one bid request, a JSON object, per line")
            }
            RequestError::TooLarge { bytes } => write!(
                f,
                "the bid request has {bytes} bytes, the limit is {REQUEST_BYTES_MAX}: send its impressions in several requests"
            ),
            RequestError::NotJson { position: Some(position), fault } => {
                write!(
                    f,
                    "the line is not valid JSON at byte {position} ({fault}): send one whole JSON object per line"
                )
            }
            RequestError::NotJson { position: None, fault } => {
                write!(f, "the line is not valid JSON ({fault}): send one whole JSON object per line")
            }
            RequestError::TooDeep => write!(
                f,
                "the bid request is nested more than {DEPTH_MAX} levels deep: flatten its extensions, usually an ext that repeats itself"
            ),
            RequestError::NotAnObject { found } => {
                write!(
                    f,
                    "the line is {found}, not a JSON object: send one bid request per line, not in an array"
                )
            }
            RequestError::ImpMissing => {
                f.write_str("the bid request has no imp: add an array with at least one impression")
            }
            RequestError::ImpNotAnArray { found } => {
                write!(f, "the bid request's imp is {found}, not an array: put the impression into an array")
            }
            RequestError::ImpEmpty => {
                f.write_str("the bid request's imp array is empty: add at least one impression")
            }
            RequestError::TooManyImps { count } => write!(
                f,
                "the bid request has {count} impressions, the limit is {IMPS_MAX}: send them in several requests"
            ),
            RequestError::IdTooLong { bytes } => write!(
                f,
                "the bid request's id has {bytes} bytes, the limit is {ID_BYTES_MAX}: send a shorter id, such as a UUID"
            ),
        }
    }
}

impl std::error::Error for RequestError {}

/// One impression that cannot be decided; the others of its request can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The request's id, as [`Impression::request_id`](super::Impression::request_id).
    pub request_id: String,
    /// The impression's id, or its place in the request, counted from 1, if it has none or one too long.
    pub imp_id: String,
    /// Why.
    pub reason: RefusalReason,
}

/// Why an impression cannot be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// The element of `imp` is not an object.
    NotAnObject {
        /// Its JSON type.
        found: &'static str,
    },
    /// The id has more than [`ID_BYTES_MAX`] bytes. Cut, it could not be matched with its answer.
    IdTooLong {
        /// Length of the id.
        bytes: usize,
    },
    /// An earlier impression of the request has the same id: two answers under one id could not be told
    /// apart.
    IdRepeated,
    /// `bidfloor` is there and is not a number. Taking it for "no floor" would sell below the publisher's
    /// floor.
    BidFloorUnreadable {
        /// What is there instead.
        found: String,
    },
    /// `bidfloor` is above [`BID_FLOOR_MAX`], so it is not meant as a CPM.
    BidFloorTooHigh {
        /// What is there.
        found: String,
    },
    /// There is a bid floor and `bidfloorcur` is not three letters. Taking it for USD would misread the
    /// floor.
    BidFloorCurrencyUnreadable {
        /// What is there instead.
        found: String,
    },
}

impl RefusalReason {
    /// A stable name for answers, counters and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            RefusalReason::NotAnObject { .. } => "imp_not_an_object",
            RefusalReason::IdTooLong { .. } => "imp_id_too_long",
            RefusalReason::IdRepeated => "imp_id_repeated",
            RefusalReason::BidFloorUnreadable { .. } => "bid_floor_unreadable",
            RefusalReason::BidFloorTooHigh { .. } => "bid_floor_too_high",
            RefusalReason::BidFloorCurrencyUnreadable { .. } => "bid_floor_currency_unreadable",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "impression {:?} of request {:?}: {}", self.imp_id, self.request_id, self.reason)
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RefusalReason::NotAnObject { found } => {
                write!(f, "the imp is {found}, not an object: send an object per impression")
            }
            RefusalReason::IdTooLong { bytes } => {
                write!(
                    f,
                    "its id has {bytes} bytes, the limit is {ID_BYTES_MAX}: send a shorter id, such as its number"
                )
            }
            RefusalReason::IdRepeated => f.write_str(
                "an earlier impression has the same id: give each impression of a request its own id",
            ),
            RefusalReason::BidFloorUnreadable { found } => {
                write!(
                    f,
                    "its bidfloor is {found}, not a number: send the CPM as a JSON number, or leave it out"
                )
            }
            RefusalReason::BidFloorTooHigh { found } => {
                write!(
                    f,
                    "its bidfloor is {found}, the limit is {BID_FLOOR_MAX}: send the CPM in units of its currency"
                )
            }
            RefusalReason::BidFloorCurrencyUnreadable { found } => write!(
                f,
                "its bidfloorcur is {found}, not a currency: send the three letters of ISO 4217, such as EUR, or leave it out for USD"
            ),
        }
    }
}
