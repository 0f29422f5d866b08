//! WITH of `CREATE TABLE`.

use vencejo_core::plan::{Ack, Lane, StreamOptions};
use vencejo_types::limits::{RETENTION_MILLIS_MAX, WINDOW_MILLIS_MAX};

use super::options::{duration, one_of, setting};
use crate::Diagnostic;
use crate::ast::Setting;
use crate::diagnostic::{Report, Reported};
use crate::suggest::did_you_mean;
use crate::tokens::Name;

/// The engine's own.
const OPTIONS: [&str; 6] =
    ["retention", "ack", "lane", "idle_timeout", "allowed_lateness", "scan.watermark.idle-timeout"];

/// Options of Flink's connectors, which say where Flink reads the table from: not needed here. A dot ends
/// a prefix.
const CONNECTOR_OPTIONS: [&str; 24] = [
    "connector",
    "format",
    "topic",
    "topic-pattern",
    "path",
    "url",
    "hostname",
    "port",
    "username",
    "password",
    "table-name",
    "database-name",
    "scan.",
    "properties.",
    "value.",
    "key.",
    "json.",
    "csv.",
    "avro.",
    "debezium-json.",
    "sink.",
    "lookup.",
    "source.",
    "fields.",
];

/// The options, and after how long without an event the stream is idle.
pub(crate) fn stream_settings(
    settings: &[Setting],
    stream: &Name,
    report: &mut Report,
) -> Result<(StreamOptions, Option<i64>), Reported> {
    let known = unknown(settings, stream, report);
    let mut time = |key: &str, most: i64| {
        setting(settings, key).map(|setting| duration(setting, most, report)).transpose()
    };
    let retention = time("retention", RETENTION_MILLIS_MAX);
    let lateness = time("allowed_lateness", WINDOW_MILLIS_MAX);
    let idle = time("idle_timeout", WINDOW_MILLIS_MAX);
    let flinks = time("scan.watermark.idle-timeout", WINDOW_MILLIS_MAX);
    let ack = one_of(settings, "ack", &[("memory", Ack::Memory), ("journaled", Ack::Journaled)], report);
    let lane = one_of(settings, "lane", &[("fast", Lane::Fast), ("normal", Lane::Normal)], report);
    known?;
    let options = StreamOptions {
        retention_millis: retention?,
        ack: ack?,
        lane: lane?,
        allowed_lateness_millis: lateness?,
    };
    Ok((options, idle?.or(flinks?).filter(|millis| *millis > 0)))
}

/// Refuses options that are neither ours nor a connector's; of a connector's says that they are ignored.
fn unknown(settings: &[Setting], stream: &Name, report: &mut Report) -> Result<(), Reported> {
    let connector = |key: &str| {
        CONNECTOR_OPTIONS
            .iter()
            .any(|&option| if option.ends_with('.') { key.starts_with(option) } else { key == option })
    };
    let mut result = Ok(());
    let mut ignored: Vec<&Setting> = Vec::new();
    for setting in settings.iter().filter(|setting| !OPTIONS.contains(&setting.key.text.as_str())) {
        let key = &setting.key;
        if connector(&key.text) {
            ignored.push(setting);
            continue;
        }
        let message = format!("unknown option '{}'", key.text);
        let hint = did_you_mean(&key.text, OPTIONS.into_iter().chain(CONNECTOR_OPTIONS));
        result = Err(report.push(Diagnostic::new(key.place, message).with_hint_if(hint)));
    }
    if let Some(first) = ignored.first() {
        let names: Vec<String> = ignored.iter().map(|setting| format!("'{}'", setting.key.text)).collect();
        let message = format!(
            "stream '{}' ignores the options of Flink's connectors: {}",
            stream.text,
            names.join(", ")
        );
        let hint = "events come from clients, or from files with vencejo run --input";
        report.warn(Diagnostic::new(first.key.place, message).with_hint(hint));
    }
    result
}
