//! What operators are built from. Columns are places in the rows that an operator takes; durations and times
//! are in milliseconds, event times since 1970-01-01T00:00:00Z.

use vencejo_expr::Type;

/// How a window table function cuts event time. All lengths are greater than zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Windowing {
    /// `TUMBLE`: windows of one size, side by side.
    Tumble {
        /// Length of a window.
        size: i64,
        /// Where windows begin, apart from multiples of the size.
        offset: i64,
    },
    /// `HOP`: a window of `size` begins every `slide`; `size` is a multiple of it.
    Hop {
        /// Length of a window.
        size: i64,
        /// Distance between the starts of windows.
        slide: i64,
        /// Where windows begin, apart from multiples of the slide.
        offset: i64,
    },
    /// `CUMULATE`: windows that begin together and end every `step` until `size`, a multiple of it.
    Cumulate {
        /// Length of the longest window.
        size: i64,
        /// What each window is longer than the one before.
        step: i64,
        /// Where windows begin, apart from multiples of the size.
        offset: i64,
    },
    /// `SESSION`: a window ends when no row of its key came for `gap`.
    Session {
        /// Least distance between two sessions.
        gap: i64,
    },
}

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AggregateFunction {
    /// `COUNT(*)`.
    CountRows,
    /// `COUNT(x)`: rows in which x is not NULL.
    Count,
    /// `SUM(x)`: BIGINT for integers (NULL where it overflows), DOUBLE for doubles, DECIMAL for decimals.
    Sum,
    /// `AVG(x)`: of integers a BIGINT, truncated towards zero as in Flink; of doubles a DOUBLE; of decimals a
    /// DECIMAL of their scale, rounded half away from zero.
    Avg,
    /// `MIN(x)`.
    Min,
    /// `MAX(x)`.
    Max,
    /// `STDDEV_POP(x)`, DOUBLE.
    StddevPop,
    /// `STDDEV_SAMP(x)`, DOUBLE; NULL of fewer than two values.
    StddevSamp,
    /// `VAR_POP(x)`, DOUBLE.
    VarPop,
    /// `VAR_SAMP(x)`, DOUBLE; NULL of fewer than two values.
    VarSamp,
    /// `FIRST_VALUE(x)`: the value of least event time that is not NULL; of equal times the first to come.
    FirstValue,
    /// `LAST_VALUE(x)`: the value of greatest event time that is not NULL; of equal times the last to come.
    LastValue,
    /// `APPROX_COUNT_DISTINCT(x)`: exact up to a named bound, a sketch above it. BIGINT.
    ApproxCountDistinct,
    /// `APPROX_PERCENTILE(x, fraction)`: DOUBLE.
    ApproxPercentile {
        /// 0 to 1.
        fraction: f64,
    },
    /// `APPROX_TOP_K(x, k)`: a JSON array of `{"value": ..., "count": ...}`, as STRING.
    ApproxTopK {
        /// How many values.
        k: u16,
    },
    /// `EWMA(x, half_life)`: mean of x weighted by 2^(-age / half life), age by event time. DOUBLE.
    Ewma {
        /// The half life.
        half_life: i64,
    },
}

/// One aggregate of a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AggregateCall {
    /// The function.
    pub function: AggregateFunction,
    /// The argument with its type; nothing for `COUNT(*)`.
    pub argument: Option<(usize, Type)>,
    /// `DISTINCT`: each value counts once.
    pub distinct: bool,
    /// `FILTER (WHERE ...)`: a BOOLEAN column; the row counts where it is true.
    pub filter: Option<usize>,
}

/// What the rows of a group have in common besides their key.
#[derive(Clone, Debug, PartialEq)]
pub enum Grouping {
    /// Nothing: one group per key, current after every row.
    Running {
        /// The group is forgotten when no row came for this long, by engine time.
        ttl: Option<i64>,
    },
    /// A window of their event time. A session's key is the group's key.
    Window {
        /// How time is cut.
        windowing: Windowing,
        /// How long behind its end a window takes rows that are late; a late row that a closed window
        /// takes gives that window's row again.
        lateness: i64,
        /// How long behind the watermark the groups of closed windows can be merged with those of other
        /// partitions ([`crate::Merged::add_closed`]); 0: not at all. Sessions cannot.
        retention: i64,
    },
    /// The window that they bring along: a windowed input grouped by its window.
    Given {
        /// Column with the window's start.
        start: usize,
        /// Column with the window's end.
        end: usize,
    },
}

/// `GROUP BY`. Rows that come out: the key's columns; unless `Running`, window_start, window_end and
/// window_time (the end less 1 ms), all TIMESTAMP(3); the aggregates. A windowed group's row comes out once,
/// when the watermark reaches window_time.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregation {
    /// Key columns with their types; none makes one group.
    pub key: Vec<(usize, Type)>,
    /// The column of event time, where the input has one.
    pub time: Option<usize>,
    /// What makes a group.
    pub grouping: Grouping,
    /// The aggregates.
    pub calls: Vec<AggregateCall>,
    /// Groups that are held at once, at most `VIEW_KEYS_MAX`; rows of further keys are refused.
    pub keys_max: usize,
}

/// A window table function without `GROUP BY`. Rows that come out: the input's columns, then window_start,
/// window_end and window_time; one per window that the row is in. Sessions are given out when they end.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// How time is cut.
    pub windowing: Windowing,
    /// The column of event time.
    pub time: usize,
    /// `PARTITION BY` of a session, with types.
    pub key: Vec<(usize, Type)>,
    /// Types of the input's columns.
    pub input: Vec<Type>,
}

/// How far back an `OVER` looks; the current row is always in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// `ROWS BETWEEN n PRECEDING AND CURRENT ROW`; nothing for `UNBOUNDED PRECEDING`.
    Rows(Option<u64>),
    /// `RANGE BETWEEN INTERVAL ... PRECEDING AND CURRENT ROW`; nothing for `UNBOUNDED PRECEDING`. Rows of
    /// one event time are all in each other's range.
    Range(Option<i64>),
}

/// `OVER`. Rows that come out: the input's columns, then the aggregates; one per input row, in order of event
/// time, when the watermark reaches it (at once where the stream's watermark has no delay).
#[derive(Clone, Debug, PartialEq)]
pub struct OverAggregation {
    /// `PARTITION BY` with types.
    pub key: Vec<(usize, Type)>,
    /// `ORDER BY`: the column of event time.
    pub time: usize,
    /// The frame.
    pub frame: Frame,
    /// The aggregates.
    pub calls: Vec<AggregateCall>,
    /// Types of the input's columns.
    pub input: Vec<Type>,
}

/// Which rows without a partner a join gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// None.
    Inner,
    /// Those of the left, with NULLs in place of the right.
    Left,
    /// Those of the right, with NULLs in place of the left.
    Right,
    /// Both.
    Full,
    /// The left's rows that have a partner, once, alone.
    Semi,
    /// The left's rows that have none, alone.
    Anti,
}

/// One side of a join.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinSide {
    /// The columns that equal those of the other side, with types. A NULL equals nothing.
    pub key: Vec<(usize, Type)>,
    /// Types of the side's columns.
    pub input: Vec<Type>,
}

/// A join of two streams in which each row meets those of the other side near its own time: left time >=
/// right time + `lower` and left time <= right time + `upper`. Rows that come out: the left's columns, then
/// the right's. A pair comes out at once, a row without a partner when the watermark shows that none comes.
#[derive(Clone, Debug, PartialEq)]
pub struct IntervalJoin {
    /// All kinds but semi and anti.
    pub kind: JoinKind,
    /// The left side.
    pub left: JoinSide,
    /// The right side.
    pub right: JoinSide,
    /// Its column of event time.
    pub left_time: usize,
    /// Its column of event time.
    pub right_time: usize,
    /// May be negative.
    pub lower: i64,
    /// At least `lower`.
    pub upper: i64,
}

/// A join of two windowed inputs, window by window. Rows that come out: the left's columns, then the right's
/// (not for semi and anti), when the watermark reaches the window's end.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowJoin {
    /// The kind.
    pub kind: JoinKind,
    /// The left side.
    pub left: JoinSide,
    /// The right side.
    pub right: JoinSide,
    /// Its window_start and window_end.
    pub left_window: (usize, usize),
    /// Its window_start and window_end.
    pub right_window: (usize, usize),
}

/// A column to order by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderBy {
    /// The column.
    pub column: usize,
    /// Its type.
    pub column_type: Type,
    /// Greatest first.
    pub descending: bool,
    /// Whether NULL comes first; as in Flink NULL is the least value unless said otherwise.
    pub nulls_first: bool,
}

/// `ROW_NUMBER() OVER (PARTITION BY window_start, window_end, ... ORDER BY ...) <= n`. Rows that come out:
/// the input's columns, then the number (BIGINT, from 1), when the watermark reaches the window's end. Rows
/// that order alike keep the order in which they came.
#[derive(Clone, Debug, PartialEq)]
pub struct TopN {
    /// window_start and window_end.
    pub window: (usize, usize),
    /// `PARTITION BY` besides the window, with types.
    pub key: Vec<(usize, Type)>,
    /// `ORDER BY`.
    pub order: Vec<OrderBy>,
    /// At least 1.
    pub n: u64,
    /// Types of the input's columns.
    pub input: Vec<Type>,
}

/// What is kept of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Keep {
    /// The key's columns, without those of the window.
    pub key: Vec<(usize, Type)>,
    /// window_end, of windowed rows: the row of the latest window is the key's row.
    pub window_end: Option<usize>,
    /// How long behind the watermark rows of older windows can be queried, in milliseconds.
    pub retention: i64,
}
