//! One measurement: a run of `vencejo bench`, and what its JSON says.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// How much to send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Requests in a second.
    pub rate: u32,
    /// Length of a measurement, without its warm-up.
    pub seconds: f64,
    /// Connections.
    pub connections: u32,
}

/// Median and 99th percentile of a latency, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// 99 % are at or below this.
    pub p99: f64,
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// From due to answered.
    pub client: Latency,
    /// At the server, where it tells.
    pub server: Option<Latency>,
    /// Answers in a second.
    pub achieved: f64,
    /// Requests without an answer.
    pub errors: u64,
    /// How late requests were sent, 99th percentile, in microseconds: what the bench itself did not manage.
    pub late_p99: f64,
    /// How long the frames were.
    pub frame_bytes: FrameBytes,
}

/// Measures the decisions of the engine at this address.
pub fn measure_decide(program: &Path, address: &str, load: Load) -> Result<Sample, String> {
    let sample = measure(program, "decide", &["--connect".to_owned(), address.to_owned()], load)?;
    if sample.server.is_none() {
        return Err("vencejo bench decide tells no latency at the server".to_owned());
    }
    Ok(sample)
}

/// Measures the bare transport with frames of these lengths.
pub fn measure_echo(program: &Path, frame_bytes: FrameBytes, load: Load) -> Result<Sample, String> {
    let FrameBytes { request, reply } = frame_bytes;
    let sizes = [("--request-bytes", request), ("--reply-bytes", reply)];
    let sizes: Vec<String> =
        sizes.iter().flat_map(|(option, bytes)| [(*option).to_owned(), bytes.to_string()]).collect();
    measure(program, "echo", &sizes, load)
}

fn measure(program: &Path, bench: &str, arguments: &[String], load: Load) -> Result<Sample, String> {
    let Load { rate, seconds, connections } = load;
    let ran = Command::new(program)
        .args(["bench", bench, "--json"])
        .args(["--rate", &rate.to_string(), "--seconds", &seconds.to_string()])
        .args(["--connections", &connections.to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
    if !ran.status.success() {
        return Err(format!("vencejo bench {bench} failed; it says why above"));
    }
    parse(&ran.stdout).map_err(|field| format!("vencejo bench {bench} prints no usable '{field}'"))
}

/// Reads a report; the error is the field that is missing.
fn parse(output: &[u8]) -> Result<Sample, &'static str> {
    let report: Value = serde_json::from_slice(output).map_err(|_| "report")?;
    let bytes = &report["frame_bytes"];
    Ok(Sample {
        client: latency(&report["client_us"]).ok_or("client_us")?,
        server: latency(&report["server_us"]),
        achieved: report["achieved"].as_f64().ok_or("achieved")?,
        errors: report["errors"].as_u64().ok_or("errors")?,
        late_p99: report["pacing_us"]["p99"].as_f64().ok_or("pacing_us")?,
        frame_bytes: FrameBytes {
            request: bytes["request"].as_u64().ok_or("frame_bytes")?,
            reply: bytes["reply"].as_u64().ok_or("frame_bytes")?,
        },
    })
}

fn latency(spread: &Value) -> Option<Latency> {
    Some(Latency { p50: spread["p50"].as_f64()?, p99: spread["p99"].as_f64()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let output = br#"{"bench":"decide","achieved":4999.9,"errors":2,
            "client_us":{"p50":50.5,"p90":60,"p99":80.0},"server_us":{"p50":4.0,"p99":9.5},"pacing_us":{"p99":1.5},
            "frame_bytes":{"request":312,"reply":106}}"#;
        let expected = Sample {
            client: Latency { p50: 50.5, p99: 80.0 },
            server: Some(Latency { p50: 4.0, p99: 9.5 }),
            achieved: 4_999.9,
            errors: 2,
            late_p99: 1.5,
            frame_bytes: FrameBytes { request: 312, reply: 106 },
        };
        assert_eq!(parse(output), Ok(expected));
    }

    #[test]
    fn a_report_without_answers_is_no_sample() {
        for (output, field) in [
            (r#"{"client_us":null}"#, "client_us"),
            (r#"{"client_us":{"p50":1,"p99":2},"achieved":1.0}"#, "errors"),
            (r#"{"client_us":{"p50":1,"p99":2},"achieved":1.0,"errors":0}"#, "pacing_us"),
            ("vencejo: no", "report"),
            ("", "report"),
        ] {
            assert_eq!(parse(output.as_bytes()), Err(field), "{output}");
        }
    }
}
