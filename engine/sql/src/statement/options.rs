//! Options in WITH that several statements have.

use crate::Diagnostic;
use crate::ast::Setting;
use crate::diagnostic::{Report, Reported};

/// Units of a duration, as Flink writes them, with their milliseconds.
const UNITS: [(&[&str], i64); 6] = [
    (&["ms", "milli", "millis"], 1),
    (&["s", "sec", "second", "seconds"], 1_000),
    (&["m", "min", "minute", "minutes"], 60_000),
    (&["h", "hour", "hours"], 3_600_000),
    (&["d", "day", "days"], 86_400_000),
    (&["w", "week", "weeks"], 7 * 86_400_000),
];

/// The setting of this key.
pub(crate) fn setting<'s>(settings: &'s [Setting], key: &str) -> Option<&'s Setting> {
    settings.iter().find(|setting| setting.key.text == key)
}

/// A duration such as `30 s`, in milliseconds, from 0 to `most`.
pub(crate) fn duration(setting: &Setting, most: i64, report: &mut Report) -> Result<i64, Reported> {
    let text = setting.value.text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let millis = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str())).map(|&(_, millis)| millis);
    let Some(millis) = millis.filter(|_| digits > 0) else {
        let hint = "write a whole number and ms, s, min, h or d, such as '30 s'";
        let error = Diagnostic::new(setting.value.place, format!("'{text}' is not a duration"));
        return Err(report.push(error.with_hint(hint)));
    };
    let total = number.parse::<i64>().ok().and_then(|number| number.checked_mul(millis));
    total.filter(|total| *total <= most).ok_or_else(|| {
        let message = format!("'{}' is at most {} days", setting.key.text, most / 86_400_000);
        report.error(setting.value.place, message)
    })
}

/// The value of an option that has a few.
pub(crate) fn one_of<T: Copy>(
    settings: &[Setting],
    key: &str,
    values: &[(&str, T)],
    report: &mut Report,
) -> Result<Option<T>, Reported> {
    let Some(setting) = setting(settings, key) else { return Ok(None) };
    let found = values.iter().find(|(name, _)| *name == setting.value.text);
    if let Some((_, value)) = found {
        return Ok(Some(*value));
    }
    let names: Vec<String> = values.iter().map(|(name, _)| format!("'{name}'")).collect();
    let message = format!("'{key}' is {}, not '{}'", names.join(" or "), setting.value.text);
    Err(report.error(setting.value.place, message))
}
