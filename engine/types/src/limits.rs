//! Every maximum of the engine that is not the wire format's (those are in the protocol crate).

pub use vencejo_protocol::limits::{
    COLUMNS_MAX, DECIMAL_PRECISION_MAX, DECLARATIONS_MAX, NAME_BYTES_MAX, PARTITIONS_MAX, ROW_BYTES_MAX,
};

/// Requests that wait in a partition's fast lane.
pub const FAST_LANE_REQUESTS_MAX: usize = 4_096;
/// Batches that wait in a partition's normal lane.
pub const NORMAL_LANE_REQUESTS_MAX: usize = 1_024;
/// Turns (a fast-lane request, or a slice of a batch) that a partition takes before it lets the other
/// tasks of its thread run.
pub const DRAIN_TURNS_MAX: usize = 64;
/// Rows of a batch that a partition applies before it looks at the fast lane again.
pub const BATCH_SLICE_ROWS_MAX: usize = 32;
/// Decisions that wait together and have what they look up fetched at once.
pub const DECISIONS_AHEAD_MAX: usize = 8;
/// Requests of one connection that have no reply yet; past it the connection is not read.
pub const SESSION_REQUESTS_MAX: usize = 8_192;
/// Bytes of replies that wait to be sent on one stream; past it the connection is not read.
pub const SESSION_REPLY_BYTES_MAX: usize = 4 << 20;
/// Between two ticks that tell partitions the time and the streams' watermarks, in milliseconds.
pub const TICK_MILLIS: u64 = 100;
/// Keys that one view holds in one partition; further keys are counted and not kept.
pub const VIEW_KEYS_MAX: usize = 1 << 24;
/// Effects for which a partition keeps memory from one transition to the next.
pub const EFFECTS_KEPT_MAX: usize = 1 << 14;
/// Bytes of effects for which a partition keeps memory from one transition to the next.
pub const EFFECT_BYTES_KEPT_MAX: usize = 1 << 20;
/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 4_096;
/// Longest app.sql, in bytes.
pub const APP_SQL_BYTES_MAX: usize = 1 << 20;
/// Largest model file, in bytes.
pub const MODEL_FILE_BYTES_MAX: usize = 256 << 20;
/// Rows that one query answers, and that its LIMIT may ask for.
pub const QUERY_ROWS_MAX: usize = 10_000;
/// Bytes of rows that one query gathers.
pub const QUERY_BYTES_MAX: usize = 16 << 20;
/// Groups that one query merges, where partitions hold parts of them.
pub const QUERY_GROUPS_MAX: usize = 1 << 18;
/// Bytes of the groups that one query merges.
pub const QUERY_GROUPS_BYTES_MAX: usize = 256 << 20;
/// Rows of a table that a query looks at before the partition goes on with other requests.
pub const QUERY_SLICE_ROWS_MAX: usize = 256;
/// Longest text of a query, in bytes.
pub const QUERY_TEXT_BYTES_MAX: usize = 32 << 10;
/// Most expressions of a query's ORDER BY.
pub const QUERY_ORDER_MAX: usize = 64;
/// Versions of one model that a partition holds; for a further one the oldest without a role goes.
pub const MODEL_VERSIONS_MAX: usize = 8;
/// Changes of who answers that can be rolled back, of one model.
pub const MODEL_HISTORY_MAX: usize = 8;
/// Most predictions that a version runs beside as a shadow, in one partition.
pub const SHADOW_ROWS_MAX: u64 = 1_000_000;
/// How often a request to all partitions tries a full lane again, a millisecond apart.
pub const BROADCAST_TRIES_MAX: usize = 5_000;
/// Most numbers that deploys give to the streams of one engine, and to its decisions: a number is never used
/// for another. A restart begins anew.
pub const DECLARATION_NUMBERS_MAX: usize = 1 << 14;
/// Deepest nesting of an SQL expression or subquery.
pub const SQL_DEPTH_MAX: usize = 64;
/// Registers of one expression program.
pub const REGISTERS_MAX: usize = 4_096;
/// Instructions of one expression program.
pub const PROGRAM_INSTRUCTIONS_MAX: usize = 32_768;
/// Distinct expressions of one statement.
pub const EXPRESSION_NODES_MAX: usize = 16_384;
/// Most operations on the longest path through one expression, its subqueries included.
pub const EXPRESSION_DEPTH_MAX: usize = 256;
/// Most values of an IN list.
pub const IN_LIST_MAX: usize = 1_024;
/// Longest string that an expression builds, in bytes; a longer one is NULL.
pub const EXPRESSION_STRING_BYTES_MAX: usize = 64 << 10;
/// Most operations of one program that build strings; with the longest string it bounds the arena.
pub const STRING_OPERATIONS_MAX: usize = 256;
/// Longest pattern of LIKE, and longest set of characters of TRIM and TRANSLATE, in bytes: what they cost
/// grows with the product of both arguments.
pub const CHARACTER_PATTERN_BYTES_MAX: usize = 1_024;
/// Longest regular expression, in bytes.
pub const REGEX_PATTERN_BYTES_MAX: usize = 4_096;
/// Most bytes that one compiled regular expression takes, and its cache of states.
pub const REGEX_BYTES_MAX: usize = 256 << 10;
/// Most calls with a regular expression in one statement: with their size it bounds what planning takes.
pub const REGEXES_MAX: usize = 32;
/// Most groups of a regular expression, the whole counted as one.
pub const REGEX_GROUPS_MAX: usize = 32;
/// Deepest nesting of a JSON text that JSON_VALUE reads.
pub const JSON_DEPTH_MAX: usize = 64;
/// Most steps of a JSON path.
pub const JSON_PATH_STEPS_MAX: usize = 64;
/// Most points of a polygon or line in SQL.
pub const GEOMETRY_POINTS_MAX: usize = 10_000;
/// Most look-up tables of one app.
pub const LOOKUP_TABLES_MAX: usize = 64;
/// Most rows of a look-up table.
pub const LOOKUP_ROWS_MAX: usize = 1 << 20;
/// Largest file of a look-up table, in bytes.
pub const LOOKUP_FILE_BYTES_MAX: usize = 64 << 20;
/// Longest delay of a watermark, in milliseconds: 366 days.
pub const WATERMARK_DELAY_MILLIS_MAX: i64 = 366 * 24 * 3_600_000;
/// Most errors that one app.sql reports; further ones are not looked for.
pub const DIAGNOSTICS_MAX: usize = 100;
/// Most options in one WITH.
pub const OPTIONS_MAX: usize = 64;
/// Most streams that feed one view, each SELECT of a UNION ALL counted.
pub const VIEW_FEEDS_MAX: usize = 64;
/// Most look-ups in one FROM.
pub const LOOKUPS_MAX: usize = 64;
/// Most windows (or the slices that windows share) that one operator holds open at once.
pub const WINDOWS_OPEN_MAX: usize = 65_536;
/// Most windows that one row may lie in: a HOP's size in slides.
pub const WINDOWS_PER_ROW_MAX: i64 = 16_384;
/// Greatest event time that is kept in a window, in milliseconds from 1970 either way: 285,000 years.
pub const EVENT_TIME_MILLIS_MAX: i64 = 1 << 53;
/// Most sessions of one key that are open at once.
pub const SESSIONS_PER_KEY_MAX: usize = 1_024;
/// Rows that one operator keeps at once, of all its keys and windows.
pub const ROWS_KEPT_MAX: usize = 1 << 24;
/// Rows of one key that one side of a join, or one OVER, keeps at once.
pub const ROWS_PER_KEY_MAX: usize = 1 << 20;
/// Most distinct values that COUNT(DISTINCT) keeps in one group; more are estimated (HyperLogLog).
pub const COUNT_DISTINCT_EXACT_MAX: usize = 16_384;
/// Most distinct values that APPROX_COUNT_DISTINCT keeps in one group; more are estimated (HyperLogLog).
pub const APPROX_DISTINCT_EXACT_MAX: usize = 1_024;
/// Most distinct values that SUM(DISTINCT) and the like keep in one group; with more the result is NULL.
pub const DISTINCT_VALUES_MAX: usize = 65_536;
/// Most buckets of one APPROX_PERCENTILE.
pub const PERCENTILE_BUCKETS_MAX: usize = 2_048;
/// Fewest values that APPROX_TOP_K counts at once; it counts 8 k.
pub const TOP_K_COUNTERS_MIN: usize = 256;
/// Most values that APPROX_TOP_K counts at once.
pub const TOP_K_COUNTERS_MAX: usize = 4_096;
/// Most pages of one container of state; an image that has more is none.
pub const STATE_PAGES_MAX: usize = 1 << 24;
/// Most operators of one app's queries.
pub const FLOW_NODES_MAX: usize = 4_096;
/// Longest window, gap, half life and frame of an OVER, in milliseconds: 3,660 days.
pub const WINDOW_MILLIS_MAX: i64 = 3_660 * 24 * 3_600_000;
/// Longest time that a view keeps what is old, in milliseconds: 3,660 days.
pub const RETENTION_MILLIS_MAX: i64 = 3_660 * 24 * 3_600_000;
/// How long behind the watermark a view's rows can be queried unless its option says otherwise: a day.
pub const RETENTION_MILLIS_DEFAULT: i64 = 24 * 3_600_000;
/// Most values of an APPROX_TOP_K.
pub const TOP_K_MAX: u16 = 512;
/// Most rows of each window that a ROW_NUMBER may keep.
pub const RANK_MAX: u64 = 100_000;
/// Most different OVERs of one SELECT.
pub const OVERS_MAX: usize = 16;
/// Most rows before the current one that an OVER may look at.
pub const OVER_ROWS_MAX: u64 = 1_000_000;
/// Most parts (variables, groups, absences) of one row pattern.
pub const PATTERN_PARTS_MAX: usize = 1_024;
/// Greatest bound of a quantifier.
pub const PATTERN_REPEATS_MAX: u32 = 4_096;
/// Most different rows that the expressions of one pattern look at, besides the current one.
pub const PATTERN_REFERENCES_MAX: usize = 256;
/// Most different aggregates in one pattern.
pub const PATTERN_AGGREGATES_MAX: usize = 64;
/// Deepest nesting of a row pattern.
pub const PATTERN_DEPTH_MAX: usize = 64;
/// Most states of a row pattern's automaton, each repetition counted as often as it may come.
pub const PATTERN_STATES_MAX: usize = 4_096;
/// Most transitions of a row pattern's automaton.
pub const PATTERN_TRANSITIONS_MAX: usize = 1 << 16;
/// Keys of one set of rules that have open runs, rows to look back on, or a count of matches; rows of
/// further keys begin no match.
pub const RULE_KEYS_MAX: usize = 1 << 24;
/// Open runs of one rule for one key; for a further one the oldest goes.
pub const RULE_RUNS_PER_KEY_MAX: usize = 1_024;
/// Open runs of one rule for all keys; for a further one the oldest of its key goes, or else itself.
pub const RULE_RUNS_MAX: usize = 1 << 22;
/// Ways in which one run may still match; a run with more goes.
pub const RULE_THREADS_PER_RUN_MAX: usize = 64;
/// Rows of one key that the open runs of a set of rules keep; past it the oldest run goes.
pub const RULE_ROWS_PER_KEY_MAX: usize = 1 << 16;
/// Words of 8 bytes that the rows in open runs of one rule take, each row counted as often as runs do not
/// share it; a run that would take more goes.
pub const RULE_PATH_WORDS_MAX: usize = 1 << 26;
/// Words of one column's table of rules that may begin, at most; a column that would need more rules nothing
/// out.
pub const RULE_TABLE_WORDS_MAX: usize = 1 << 22;
/// Most rows that PREV goes back.
pub const RULE_STEPS_MAX: u32 = 1_024;
/// Greatest offset of FIRST and LAST.
pub const RULE_OFFSET_MAX: u32 = 255;
/// Alerts that a partition keeps.
pub const ALERTS_KEPT_MAX: usize = 16_384;
/// Bytes of alerts that a partition keeps.
pub const ALERT_BYTES_KEPT_MAX: usize = 64 << 20;
/// Keys of one rule that are silent after an alert.
pub const COOLDOWN_KEYS_MAX: usize = 1 << 20;
/// Longest silence after an alert, in milliseconds: 366 days.
pub const COOLDOWN_MILLIS_MAX: i64 = 366 * 24 * 3_600_000;
/// Longest deadline that a decision may declare or ask for, in microseconds.
pub const DEADLINE_MICROS_MAX: u32 = 60_000_000;
/// Length of a segment of the journal.
pub const JOURNAL_SEGMENT_BYTES: u64 = 16 << 20;
/// Bytes of records that wait to be written; past it telemetry is refused as overload.
pub const JOURNAL_QUEUE_BYTES_MAX: usize = 8 << 20;
/// Bytes of records that may wait besides, of emergencies, decisions and time.
pub const JOURNAL_QUEUE_URGENT_BYTES: usize = 1 << 20;
/// Bytes that the dead letters of an engine take; a further one is logged and not kept.
pub const DEAD_LETTERS_BYTES_MAX: u64 = 64 << 20;
/// Producers whose numbering a partition remembers; past it the half that was quiet longest is forgotten.
pub const PRODUCERS_MAX: usize = 1 << 14;

const _: () =
    assert!(DECLARATION_NUMBERS_MAX <= u16::MAX as usize && DECLARATIONS_MAX <= DECLARATION_NUMBERS_MAX);
const _: () = assert!(QUERY_ROWS_MAX < usize::MAX / 2);
const _: () = assert!(PROGRAM_INSTRUCTIONS_MAX < u16::MAX as usize);
const _: () = assert!(REGISTERS_MAX <= PROGRAM_INSTRUCTIONS_MAX);
const _: () = assert!(EXPRESSION_NODES_MAX < u32::MAX as usize);
const _: () = assert!(KEY_BYTES_MAX < ROW_BYTES_MAX);
const _: () = assert!(VIEW_KEYS_MAX < u32::MAX as usize);
const _: () = assert!(ROWS_KEPT_MAX < u32::MAX as usize);
const _: () = assert!(PATTERN_STATES_MAX < u16::MAX as usize);
const _: () = assert!(RULE_KEYS_MAX < u32::MAX as usize);
const _: () = assert!(RULE_PATH_WORDS_MAX < u32::MAX as usize);
const _: () = assert!(RULE_STEPS_MAX as usize * 2 < RULE_ROWS_PER_KEY_MAX);
const _: () = assert!(TOP_K_COUNTERS_MIN <= TOP_K_COUNTERS_MAX);
