//! `vencejo run`: files in, JSON lines out; and input that is not what it should be.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{json_lines, run_with_input, stderr, vencejo};

const SQL: &str = "
CREATE TABLE clicks (
  user_id STRING NOT NULL, n BIGINT, x DOUBLE, ok BOOLEAN, day DATE, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (user_id);
CREATE MATERIALIZED VIEW per_minute AS
SELECT window_start, user_id, COUNT(*) AS clicks, SUM(n) AS n, MAX(x) AS x
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, user_id;
";

const JSON: &str = r#"{"user_id":"a","n":1,"x":0.1,"ok":true,"day":"2024-03-01","ts":"2024-03-01T00:00:10Z","other":[1,{"ts":2}]}
{"ts":1709251220000,"user_id":"b"}
{"user_id":"a","n":"2","x":1e300,"ok":null,"ts":"2024-03-01 00:00:50.5"}
{"user_id":"\u00e9\"","ts":"2024-03-01T01:02:00+01:00"}
"#;

const CSV: &str = "ts,user_id,n,unused,x,ok,day\n\
    2024-03-01T00:00:10Z,a,1,\"x,y\n\",0.1,true,2024-03-01\n\
    1709251220000,b,,,,,\n\
    2024-03-01 00:00:50.5,a, 2 ,\"\",1e300,,\n\
    2024-03-01T01:02:00+01:00,\"é\"\"\",,,,,\n";

const ROWS: &str = r#"{"output":"per_minute","row":{"window_start":"2024-03-01T00:00:00.000","user_id":"a","clicks":2,"n":3,"x":1e+300}}
{"output":"per_minute","row":{"window_start":"2024-03-01T00:00:00.000","user_id":"b","clicks":1,"n":null,"x":null}}
{"output":"per_minute","row":{"window_start":"2024-03-01T00:02:00.000","user_id":"é\"","clicks":1,"n":null,"x":null}}
"#;

/// A folder with an app and its inputs.
struct Case {
    folder: TempDir,
}

impl Case {
    fn new() -> Self {
        Self::with(SQL)
    }

    fn with(sql: &str) -> Self {
        let case = Self { folder: TempDir::new().unwrap() };
        case.file("app.sql", sql.as_bytes());
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Runs the app on files of the folder.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = vencejo();
        command.current_dir(self.folder.path()).args(["run", "."]).args(arguments).output().unwrap()
    }

    /// Runs the app on standard input.
    fn pipe(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = vencejo();
        command.current_dir(self.folder.path()).args(["run", ".", "--input", "clicks=-"]).args(arguments);
        run_with_input(&mut command, input)
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[track_caller]
fn expect(output: &Output, exit: i32, text: &str) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(exit), "{error}");
    assert!(error.contains(text), "no '{text}' in: {error}");
    assert!(!error.contains("panicked"), "{error}");
}

#[track_caller]
fn expect_rows(output: &Output, rows: &str) {
    assert_eq!(String::from_utf8_lossy(&output.stdout), rows, "{}", stderr(output));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

#[test]
fn every_format_gives_the_same_rows() {
    let case = Case::new();
    let crlf = CSV.replace('\n', "\r\n").replace("\r\n\",", "\n\",");
    let bom = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    for (name, bytes) in [
        ("a.jsonl", JSON.as_bytes().to_vec()),
        ("a.csv", CSV.as_bytes().to_vec()),
        ("a.jsonl.gz", gzip(JSON.as_bytes())),
        ("a.csv.gz", gzip(CSV.as_bytes())),
        ("json_without_a_name", JSON.as_bytes().to_vec()),
        ("csv_without_a_name", gzip(CSV.as_bytes())),
        ("crlf.csv", crlf.into_bytes()),
        ("crlf.jsonl", JSON.replace('\n', "\r\n").into_bytes()),
        ("bom.csv", bom(CSV)),
        ("bom.jsonl", bom(JSON)),
        ("blank.jsonl", format!("\n\n{}", JSON.replace('\n', "\n  \n")).into_bytes()),
        ("blank.csv", format!("\n{}\n\n", CSV.replace("\n1709", "\n\n1709")).into_bytes()),
        ("no_last_line_feed.csv", CSV.trim_end().as_bytes().to_vec()),
    ] {
        case.file(name, &bytes);
        let output = case.run(&["--input", &format!("clicks={name}")]);
        expect_rows(&output, ROWS);
        expect(&output, 0, "stream clicks: 4 events\noutput per_minute: 3 rows");
    }
    expect_rows(&case.pipe(&[], JSON.as_bytes()), ROWS);
    expect_rows(&case.pipe(&[], &gzip(CSV.as_bytes())), ROWS);
}

#[test]
fn an_app_may_be_a_single_file() {
    let case = Case::new();
    std::fs::rename(case.path("app.sql"), case.path("views.sql")).unwrap();
    case.file("a.jsonl", JSON.as_bytes());
    let mut command = vencejo();
    let output = command
        .current_dir(case.folder.path())
        .args(["run", "views.sql", "--input", "clicks=a.jsonl"])
        .output()
        .unwrap();
    expect_rows(&output, ROWS);
}

#[test]
fn rows_may_go_into_a_file_per_output() {
    let case = Case::new();
    case.file("a.jsonl", JSON.as_bytes());
    let output = case.run(&["--input", "clicks=a.jsonl", "--output", "out/rows", "--json"]);
    expect_rows(&output, "");
    assert_eq!(std::fs::read_to_string(case.path("out/rows/per_minute.jsonl")).unwrap(), ROWS);
    let summary: Value = serde_json::from_str(stderr(&output).trim()).unwrap();
    assert_eq!(summary["streams"]["clicks"]["events"], 4);
    assert_eq!(summary["streams"]["clicks"]["bytes"], JSON.len());
    assert_eq!(summary["outputs"]["per_minute"], 3);
    case.file("taken", b"");
    expect(&case.run(&["--input", "clicks=a.jsonl", "--output", "taken"]), 1, "taken cannot be written");
}

#[test]
fn bad_rows_are_told_with_their_line_and_the_rest_goes_on() {
    let case = Case::new();
    let mut input = b"{\"user_id\":\"a\",\"ts\":1}\nnot json\n{\"user_id\":\"a\",\"n\":\"x\"}\n[]\n".to_vec();
    input.extend(b"{\"n\":1}\n\xff\xfe\n{\"user_id\":\"a\",\"x\":\"");
    input.resize(input.len() + 5_000_000, b'x');
    input.extend(b"\"}\n{\"user_id\":\"a\"}\n{\"user_id\":\"b\",\"ts\":2}\n");
    let output = case.pipe(&[], &input);
    assert_eq!(json_lines(&output.stdout).len(), 2);
    for text in [
        "standard input line 2: is no JSON object\n",
        "standard input line 3: column 'n': 'x' is no BIGINT\n",
        "standard input line 4: is no JSON object; give one object per line\n",
        "standard input line 5: column 'user_id' is NULL but declared NOT NULL\n",
        "standard input line 6: is not valid UTF-8\n",
        "standard input line 7: has 5000022 bytes; at most 1048576 are read\n",
        "stream clicks: 3 events, 5 rows that could not be read, 1 rows refused\n",
        "1 rows without event time were dropped",
    ] {
        expect(&output, 0, text);
    }
    let strict = case.pipe(&["--strict"], &input);
    expect(&strict, 5, "vencejo: standard input line 2: is no JSON object\n");
    // What came before has been taken.
    expect(&strict, 5, "stream clicks: 1 events");
}

#[test]
fn many_bad_rows_do_not_flood_the_screen() {
    let case = Case::new();
    let output = case.pipe(&[], "p,q\n".repeat(5_000).as_bytes());
    expect(
        &output,
        5,
        "standard input: the first line names none of the stream's columns (user_id, n, x, ok, day, ts)",
    );
    let output =
        case.pipe(&[], format!("{{\"user_id\":\"a\",\"ts\":1}}\n{}", "x\n".repeat(5_000)).as_bytes());
    expect(&output, 0, "5000 rows that could not be read");
    expect(&output, 0, "standard input: further bad rows are counted only");
    assert!(stderr(&output).lines().count() < 20, "{}", stderr(&output));
    expect(&case.pipe(&[], "{\n".repeat(100).as_bytes()), 5, "none of the 100 rows of the input is usable");
}

#[test]
fn bad_csv_is_told_by_line() {
    let case = Case::new();
    let input = "user_id,n,ts\r\na,1\r\n\r\na,1,1,1\r\n\"a\n\",x,1\r\n,1,1\r\na,1,2024-02-30\r\nb,7,5\r\n";
    let output = case.pipe(&[], input.as_bytes());
    for text in [
        "standard input line 2: has 2 fields; the header has 3\n",
        "standard input line 4: has 4 fields; the header has 3\n",
        "standard input line 5: column 'n': 'x' is no BIGINT\n",
        "standard input line 7: column 'user_id' is NULL but declared NOT NULL\n",
        "standard input line 8: column 'ts': '2024-02-30' is no TIMESTAMP(3)\n",
        "stream clicks: 1 events, 4 rows that could not be read, 1 rows refused",
    ] {
        expect(&output, 0, text);
    }
    let unclosed = format!("user_id,ts\na,1\n\"b,2\n{}", "c,3\n".repeat(500_000));
    let output = case.pipe(&[], unclosed.as_bytes());
    expect(
        &output,
        0,
        "standard input line 3: is a record of over 1048576 bytes or 4096 fields; is a quote not closed?",
    );
}

#[test]
fn a_header_that_does_not_fit_is_explained() {
    let case = Case::new();
    for (header, expected) in [
        ("n,x", "the header lacks the column 'user_id', which is declared NOT NULL"),
        ("user_id,n,user_id", "the header names the column 'user_id' twice"),
        ("User_Id,N", "the first line names none of the stream's columns (user_id, n, x, ok, day, ts)"),
        ("user_id;n;ts", "its fields seem to be separated by semicolons: separate them by commas"),
        ("user_id\tn\tts", "its fields seem to be separated by tabs"),
        ("\u{0}\u{1}", "the first line names none of the stream's columns"),
    ] {
        case.file("a.csv", format!("{header}\n1,2,3\n").as_bytes());
        let output = case.run(&["--input", "clicks=a.csv"]);
        expect(&output, 5, "vencejo: a.csv: the ");
        expect(&output, 5, expected);
    }
}

#[test]
fn an_empty_input_is_no_failure() {
    let case = Case::new();
    for input in ["", "\n\n", "user_id,ts\n"] {
        expect(&case.pipe(&[], input.as_bytes()), 0, "stream clicks: 0 events\noutput per_minute: 0 rows");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let case = Case::new();
    case.file("a.jsonl", JSON.as_bytes());
    expect(
        &case.run(&["--input", "click=a.jsonl"]),
        1,
        "has no stream 'click'; it has: clicks; did you mean 'clicks'?",
    );
    expect(&case.run(&["--input", "clicks=b.jsonl"]), 1, "vencejo: b.jsonl cannot be read: ");
    expect(&case.run(&["--input", "clicks=."]), 1, "vencejo: . cannot be read: ");
    expect(
        &case.run(&["--input", "clicks=a.jsonl", "--decide", "floor"]),
        1,
        "has no decision 'floor'; it has: none",
    );
    expect(&case.run(&["--input", "clicks"]), 2, "write STREAM=FILE");
    expect(&case.run(&[]), 2, "--input");
    expect(&case.run(&["--input", "clicks=-", "--input", "clicks=-"]), 1, "only one of the inputs");
    let missing = vencejo().args(["run", "no/such/app", "--input", "a=b"]).output().unwrap();
    expect(&missing, 78, "the app folder no/such/app cannot be read");
    let wrong = Case::with("CREATE TABLE t (a INTT);");
    wrong.file("a.jsonl", b"");
    expect(&wrong.run(&["--input", "t=a.jsonl"]), 78, "unknown type INTT");
}

#[test]
fn a_gzip_file_that_is_cut_short_gives_its_rows_and_fails() {
    let case = Case::new();
    let rows: String =
        (0..50_000).map(|ts| format!("{{\"user_id\":\"u{}\",\"ts\":{ts}00}}\n", ts % 7)).collect();
    let bytes = gzip(rows.as_bytes());
    case.file("cut.jsonl.gz", &bytes[..bytes.len() / 2]);
    let output = case.run(&["--input", "clicks=cut.jsonl.gz"]);
    expect(&output, 1, "vencejo: cut.jsonl.gz cannot be read to its end: ");
    assert!(json_lines(&output.stdout).len() > 7, "{}", stderr(&output));
    case.file("bad.jsonl.gz", b"\x1f\x8bgarbage");
    expect(&case.run(&["--input", "clicks=bad.jsonl.gz"]), 1, "bad.jsonl.gz cannot be read to its end: ");
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let case = Case::with(
        "CREATE TABLE clicks (user_id STRING, ts TIMESTAMP(3)) PARTITIONED BY (user_id);
         SELECT user_id, ts FROM clicks;",
    );
    let rows = "{\"user_id\":\"a\",\"ts\":1}\n".repeat(200_000);
    case.file("a.jsonl", rows.as_bytes());
    let mut command = vencejo();
    command.current_dir(case.folder.path()).args(["run", ".", "--input", "clicks=a.jsonl"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(
        line,
        "{\"output\":\"query_1\",\"row\":{\"user_id\":\"a\",\"ts\":\"1970-01-01T00:00:00.001\"}}\n"
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(1), String::new()));
}

#[test]
fn rows_are_printed_while_the_input_is_slow() {
    let case = Case::new();
    let mut command = vencejo();
    command.current_dir(case.folder.path()).args(["run", ".", "--input", "clicks=-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"user_id\":\"a\",\"ts\":1}\n{\"user_id\":\"a\",\"ts\":65000}\n").unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("1970-01-01T00:00:00.000"), "{line}");
    drop(stdin);
    line.clear();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("1970-01-01T00:01:00.000"), "{line}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn late_rows_are_counted_by_view() {
    let case = Case::new();
    let input =
        "{\"user_id\":\"a\",\"ts\":1}\n{\"user_id\":\"a\",\"ts\":65000}\n{\"user_id\":\"a\",\"ts\":2}\n";
    let output = case.pipe(&[], input.as_bytes());
    assert_eq!(json_lines(&output.stdout).len(), 2);
    expect(&output, 0, "per_minute: 1 late rows");
}

#[test]
fn several_inputs_advance_together_by_event_time() {
    let case = Case::with(
        "CREATE TABLE a (k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) PARTITIONED BY (k);
         CREATE TABLE b (k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) PARTITIONED BY (k);
         CREATE TABLE names (k STRING) PARTITIONED BY (k);
         INSERT INTO merged
           SELECT 'a' AS s, k, ts FROM a UNION ALL SELECT 'b' AS s, k, ts FROM b
           UNION ALL SELECT 'n' AS s, k, CAST(NULL AS TIMESTAMP(3)) AS ts FROM names;",
    );
    let lines = |rows: &[(&str, i64)]| -> Vec<u8> {
        rows.iter().flat_map(|(k, ts)| format!("{{\"k\":\"{k}\",\"ts\":{ts}}}\n").into_bytes()).collect()
    };
    case.file("a.jsonl", &lines(&[("1", 10), ("2", 30), ("3", 5), ("4", 40)]));
    case.file("b.jsonl", &lines(&[("1", 20), ("2", 30), ("3", 35)]));
    case.file("more.jsonl", &lines(&[("5", 36)]));
    case.file("names.csv", b"k\nx\ny\n");
    let inputs = ["a=a.jsonl", "b=b.jsonl", "names=names.csv", "a=more.jsonl"];
    let output = case.run(&inputs.map(|input| ["--input", input]).concat());
    let order: Vec<String> = json_lines(&output.stdout)
        .iter()
        .map(|line| format!("{}{}", line["row"]["s"].as_str().unwrap(), line["row"]["k"].as_str().unwrap()))
        .collect();
    assert_eq!(order, ["nx", "ny", "a1", "b1", "a2", "a3", "b2", "b3", "a5", "a4"], "{}", stderr(&output));
}

#[test]
fn rows_of_a_decisions_stream_are_its_requests() {
    let requests = vencejo().args(["gen", "ads", "--rows", "300", "--seed", "3"]).output().unwrap().stdout;
    let mut command = vencejo();
    command.args(["run", "apps/ads", "--input", "bid_requests=-", "--decide", "floor"]);
    let output = run_with_input(&mut command, &requests);
    let lines = json_lines(&output.stdout);
    let floors: Vec<_> = lines.iter().filter(|line| line["output"] == "floor").collect();
    assert_eq!(floors.len(), 300, "{}", stderr(&output));
    assert!(floors.iter().any(|line| line["code"] == "floored"), "{:?}", floors.last());
    assert!(floors.iter().all(|line| line["row"].is_object()));
    expect(&output, 0, "output floor: 300 rows");
    // The same again, to the byte.
    assert_eq!(run_with_input(&mut command, &requests).stdout, output.stdout);
}

#[test]
fn an_app_is_validated_and_explained_without_running() {
    let case = Case::new();
    let app = |what: &str, path: &Path| vencejo().args(["app", what]).arg(path).output().unwrap();
    let valid = app("validate", case.folder.path());
    expect(&valid, 0, "");
    let text = String::from_utf8(valid.stdout).unwrap();
    assert!(
        text.starts_with("ok: app ") && text.contains("streams clicks") && text.contains("per_minute"),
        "{text}"
    );
    let explained = app("explain", case.folder.path());
    let text = String::from_utf8(explained.stdout).unwrap();
    for part in ["stream clicks", "per_minute", "tumble 1 min", "output per_minute"] {
        assert!(text.contains(part), "no '{part}' in: {text}");
    }
    let wrong = Case::with("CREATE TABLE t (a INTT, b STRINGG);\nSELECT c FROM u;");
    for what in ["validate", "explain"] {
        let output = app(what, wrong.folder.path());
        expect(&output, 78, "app.sql:1:19: unknown type INTT");
        expect(&output, 78, "app.sql:1:27: ");
        expect(&output, 78, "errors");
        assert!(output.stdout.is_empty());
    }
    expect(&app("validate", Path::new("no/such")), 78, "cannot be read");
}
