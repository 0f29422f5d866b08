//! One measurement: a run of `vencejo bench`, and what its JSON says.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Points of a distribution, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// 99 % are at or below this.
    pub p99: f64,
    /// 99.9 % are.
    pub p999: f64,
    /// 99.99 % are.
    pub p9999: f64,
    /// The longest.
    pub max: f64,
}

/// Mean bytes of the frames, headers included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameBytes {
    /// Of a request.
    pub request: u64,
    /// Of a reply.
    pub reply: u64,
}

/// What one run found.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// From due to answered.
    pub client: Latency,
    /// The same: shares of the answers, and the latency within which they came.
    pub curve: Vec<(f64, f64)>,
    /// At the server, where it tells.
    pub server: Option<Latency>,
    /// Answers in a second.
    pub achieved: f64,
    /// Requests without an answer.
    pub errors: u64,
    /// How long the frames were.
    pub frame_bytes: FrameBytes,
}

impl Sample {
    /// The latencies at the server.
    ///
    /// # Errors
    /// When the server does not tell.
    pub fn at_server(&self) -> Result<Latency, String> {
        self.server.ok_or_else(|| "vencejo bench tells no latency at the server".to_owned())
    }
}

/// Runs `vencejo bench` with these arguments. A run in which requests had no answer is one, too.
///
/// # Errors
/// When it cannot be run, or has nothing to tell.
pub fn measure(program: &Path, arguments: &[String]) -> Result<Sample, String> {
    parse(&report(program, arguments)?)
        .map_err(|field| format!("vencejo bench {} prints no usable '{field}'", arguments.join(" ")))
}

/// The JSON object that `vencejo bench` prints with these arguments.
///
/// # Errors
/// When it cannot be run, or prints none.
pub fn report(program: &Path, arguments: &[String]) -> Result<Value, String> {
    let ran = Command::new(program)
        .arg("bench")
        .args(arguments)
        .arg("--json")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
    serde_json::from_slice(&ran.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&ran.stderr);
        format!("vencejo bench {} failed: {}", arguments.join(" "), said.trim())
    })
}

/// Reads a report; the error is the field that is missing.
fn parse(report: &Value) -> Result<Sample, &'static str> {
    let bytes = &report["frame_bytes"];
    let point = |point: &Value| Some((point[0].as_f64()?, point[1].as_f64()?));
    let curve = report["client_curve_us"].as_array().ok_or("client_curve_us")?;
    Ok(Sample {
        client: latency(&report["client_us"]).ok_or("client_us")?,
        curve: curve.iter().map(point).collect::<Option<_>>().ok_or("client_curve_us")?,
        server: latency(&report["server_us"]),
        achieved: report["achieved"].as_f64().ok_or("achieved")?,
        errors: report["errors"].as_u64().ok_or("errors")?,
        frame_bytes: FrameBytes {
            request: bytes["request"].as_u64().ok_or("frame_bytes")?,
            reply: bytes["reply"].as_u64().ok_or("frame_bytes")?,
        },
    })
}

fn latency(spread: &Value) -> Option<Latency> {
    let at = |name: &str| spread[name].as_f64();
    Some(Latency {
        p50: at("p50")?,
        p99: at("p99")?,
        p999: at("p999")?,
        p9999: at("p9999")?,
        max: at("max")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPREAD: &str = r#"{"p50":50.5,"p90":60,"p99":80.0,"p999":90,"p9999":91,"max":99}"#;

    fn parsed(text: &str) -> Result<Sample, &'static str> {
        parse(&serde_json::from_str(&text.replace("SPREAD", SPREAD)).expect("JSON"))
    }

    #[test]
    fn a_report_is_read() {
        let sample = parsed(
            r#"{"bench":"decide","achieved":4999.9,"errors":2,"client_us":SPREAD,"server_us":null,
            "client_curve_us":[[0.5,50.5],[1.0,99.0]],"frame_bytes":{"request":312,"reply":106}}"#,
        );
        let client = Latency { p50: 50.5, p99: 80.0, p999: 90.0, p9999: 91.0, max: 99.0 };
        let expected = Sample {
            client,
            curve: vec![(0.5, 50.5), (1.0, 99.0)],
            server: None,
            achieved: 4_999.9,
            errors: 2,
            frame_bytes: FrameBytes { request: 312, reply: 106 },
        };
        assert_eq!(parsed(r#"{"client_us":SPREAD,"client_curve_us":[]}"#), Err("achieved"));
        assert!(sample.as_ref().is_ok_and(|sample| sample.at_server().is_err()));
        assert_eq!(sample, Ok(expected));
    }

    #[test]
    fn a_report_without_answers_is_no_sample() {
        for (text, field) in [
            (r"{}", "client_curve_us"),
            (r#"{"client_us":null,"client_curve_us":[]}"#, "client_us"),
            (r#"{"client_us":SPREAD,"client_curve_us":[[1]]}"#, "client_curve_us"),
            (r#"{"client_us":SPREAD,"client_curve_us":[],"achieved":1.0}"#, "errors"),
        ] {
            assert_eq!(parsed(text), Err(field), "{text}");
        }
    }
}
