//! `vencejo decide`: OpenRTB bid requests in, one JSON decision per impression out, in input order.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufWriter, Stdout, Write as _, stdout};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use vencejo_client::{Client, ClientError, Decided, Pending, RowWriter};
use vencejo_gateway::openrtb::{Adapter, Impression, REQUEST_BYTES_MAX, Refusal, RequestError};
use vencejo_runtime::Clock;

use crate::answer::{DecisionTarget, answer_into};
use crate::connect::{ConnectArgs, block_on};
use crate::console::note;
use crate::failure::Failure;
use crate::lines::{Line, Lines};

/// Requests under way at once.
const WINDOW: usize = 256;
/// Parsed lines that wait to be sent.
const PARSED_LINES_MAX: usize = 64;

/// Decides OpenRTB 2.x bid requests, one per line.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo decide --openrtb requests.jsonl.gz\n  \
    tail -f requests.jsonl | vencejo decide --connect 127.0.0.1:7443 --openrtb -\n\n\
    Each impression gives one JSON object on standard output, in input order; an impression that cannot\n\
    be decided has the code \"refused\" and says why. Lines that are no bid requests are reported on\n\
    standard error with their number and do not stop the run.")]
pub struct DecideArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// One bid request per line, plain or gzip; - reads standard input.
    #[arg(long, value_name = "FILE")]
    openrtb: PathBuf,
    /// The decision to ask for.
    #[arg(long, value_name = "NAME", default_value = "floor")]
    decision: String,
    /// How long the engine may take for each, such as 500us or 10ms. Generous unless given: a file is no
    /// auction, and its decisions should not depend on how busy the machine is.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_deadline)]
    deadline: Duration,
    /// The time of the requests, as 2026-01-31T20:15:00Z; now if not given.
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
    /// Print the closing summary as JSON, too.
    #[arg(long)]
    json: bool,
}

fn parse_deadline(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no time; write 500us, 10ms or 1s");
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let number: u64 = digits.trim().parse().map_err(|_| wrong())?;
    let duration = match &text[digits.len()..] {
        "us" => Duration::from_micros(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        _ => return Err(wrong()),
    };
    let most = Duration::from_micros(u64::from(vencejo_types::limits::DEADLINE_MICROS_MAX));
    if duration.is_zero() || duration > most {
        return Err(format!("a deadline lies between 1us and {}s", most.as_secs()));
    }
    Ok(duration)
}

/// What a line of the input is.
enum Parsed {
    Impressions(Vec<Result<Impression, Refusal>>),
    Invalid { line: u64, error: RequestError },
    Unreadable { line: u64, error: std::io::Error },
}

/// An impression whose line of output is due.
enum Due {
    Asked { request_id: String, imp_id: String, pending: Pending },
    Refused { request_id: String, imp_id: String, name: String, text: String },
}

/// Counts for the closing summary.
#[derive(Default)]
struct Summary {
    requests: u64,
    impressions: u64,
    invalid_lines: u64,
    codes: BTreeMap<String, u64>,
}

/// Runs the command.
///
/// # Errors
/// When the input cannot be read, the engine not be reached or kept, or nothing in the input is a bid
/// request.
pub fn run(args: &DecideArgs) -> Result<(), Failure> {
    let path = args.openrtb.display();
    let lines = Lines::open(&args.openrtb, REQUEST_BYTES_MAX + 1)
        .map_err(|error| Failure::runtime(format!("{path} cannot be read: {error}")))?;
    let clock = Clock::start();
    let now_millis =
        args.at.map_or_else(|| clock.tick(clock.now()).millis(), jiff::Timestamp::as_millisecond);
    let summary = block_on(async {
        let client = args.connect.client().await?;
        let target = DecisionTarget::find(&client.welcome(), &args.decision)?;
        let (sender, parsed) = mpsc::channel(PARSED_LINES_MAX);
        std::thread::spawn(move || parse_lines(lines, now_millis, &sender));
        let deadline = args.deadline;
        let mut run = Run {
            client,
            target,
            deadline,
            writer: RowWriter::default(),
            due: VecDeque::new(),
            out: BufWriter::new(stdout()),
            summary: Summary::default(),
            failed: None,
        };
        let done = run.all(parsed).await;
        run.client.close();
        if let Some(failed) = done.err().or(run.failed) {
            run.summary.print(args.json);
            return Err(failed);
        }
        Ok(run.summary)
    })?;
    summary.print(args.json);
    if summary.requests == 0 {
        let text = match summary.invalid_lines {
            0 => format!("{path} is empty; nothing was decided"),
            lines => {
                format!("none of the {lines} lines of {path} is a usable bid request; nothing was decided")
            }
        };
        return Err(Failure::runtime(text));
    }
    Ok(())
}

/// Reads and parses on a thread of its own, so that answers are printed while the input is slow.
fn parse_lines(mut lines: Lines, now_millis: i64, parsed: &mpsc::Sender<Parsed>) {
    let mut adapter = Adapter::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        let item = match lines.next_line(&mut bytes) {
            Ok(None) => return,
            Err(error) => Parsed::Unreadable { line, error },
            Ok(Some(Line::TooLong { bytes })) => {
                Parsed::Invalid { line, error: RequestError::TooLarge { bytes } }
            }
            Ok(Some(Line::Whole)) if bytes.trim_ascii().is_empty() => continue,
            Ok(Some(Line::Whole)) => match adapter.impressions(&mut bytes, now_millis) {
                Ok(impressions) => Parsed::Impressions(impressions),
                Err(error) => Parsed::Invalid { line, error },
            },
        };
        let last = matches!(item, Parsed::Unreadable { .. });
        // The receiver is gone when the run has failed.
        if parsed.blocking_send(item).is_err() || last {
            return;
        }
    }
}

struct Run {
    client: Client,
    target: DecisionTarget,
    deadline: Duration,
    writer: RowWriter,
    due: VecDeque<Due>,
    out: BufWriter<Stdout>,
    summary: Summary,
    /// The input could not be read to its end.
    failed: Option<Failure>,
}

impl Run {
    async fn all(&mut self, mut parsed: mpsc::Receiver<Parsed>) -> Result<(), Failure> {
        let mut open = true;
        while open || !self.due.is_empty() {
            if self.due.is_empty() {
                // Nothing is under way: what is known so far belongs on the screen.
                self.out.flush().map_err(|error| Failure::output(&error))?;
            }
            tokio::select! {
                item = parsed.recv(), if open && self.due.len() < WINDOW => match item {
                    Some(item) => self.take(item).await?,
                    None => open = false,
                },
                answer = next_answer(self.due.front_mut()), if !self.due.is_empty() => {
                    let due = self.due.pop_front().expect("an answer belongs to the first that is due");
                    self.print(due, answer)?;
                }
            }
        }
        self.out.flush().map_err(|error| Failure::output(&error))
    }

    async fn take(&mut self, parsed: Parsed) -> Result<(), Failure> {
        match parsed {
            Parsed::Unreadable { line, error } => {
                let text = format!("the input cannot be read behind line {}: {error}", line - 1);
                self.failed = Some(Failure::runtime(text));
            }
            Parsed::Invalid { line, error } => {
                self.summary.invalid_lines += 1;
                note(format_args!("line {line}: {error}"));
            }
            Parsed::Impressions(impressions) => {
                self.summary.requests += 1;
                for impression in impressions {
                    self.summary.impressions += 1;
                    let due = self.ask(impression).await?;
                    self.due.push_back(due);
                }
            }
        }
        Ok(())
    }

    async fn ask(&mut self, impression: Result<Impression, Refusal>) -> Result<Due, Failure> {
        let impression = match impression {
            Ok(impression) => impression,
            Err(refusal) => {
                let (name, text) = (refusal.reason.name().to_owned(), refusal.reason.to_string());
                let Refusal { request_id, imp_id, .. } = refusal;
                return Ok(Due::Refused { request_id, imp_id, name, text });
            }
        };
        let row = self.target.encode(&impression, &mut self.writer)?;
        let pending = self.client.send_decide(self.target.decision.id, &row, self.deadline).await?;
        let Impression { request_id, imp_id, .. } = impression;
        Ok(Due::Asked { request_id, imp_id, pending })
    }

    fn print(&mut self, due: Due, answer: Result<Decided, ClientError>) -> Result<(), Failure> {
        let mut object = Map::new();
        let mut identify = |request_id: String, imp_id: String, code: &str| {
            object.insert("request_id".to_owned(), Value::String(request_id));
            object.insert("imp_id".to_owned(), Value::String(imp_id));
            object.insert("code".to_owned(), code.into());
        };
        let code = match (due, answer) {
            (Due::Refused { request_id, imp_id, name, text }, _) => {
                identify(request_id, imp_id, "refused");
                object.insert("reason".to_owned(), name.clone().into());
                object.insert("text".to_owned(), text.into());
                format!("refused ({name})")
            }
            (Due::Asked { request_id, imp_id, .. }, Ok(decided)) => {
                identify(request_id, imp_id, decided.code.name());
                answer_into(&mut object, &self.target.decision.answer, &decided.row);
                object.insert("server_us".to_owned(), (f64::from(decided.server_nanos) / 1e3).into());
                decided.code.name().to_owned()
            }
            (Due::Asked { request_id, imp_id, .. }, Err(ClientError::Refused(error))) => {
                let name = vencejo_protocol::error::ErrorCode::from_number(error.code);
                let name = name.map_or("unknown", vencejo_protocol::error::ErrorCode::name);
                identify(request_id, imp_id, "refused");
                object.insert("reason".to_owned(), name.into());
                object.insert("text".to_owned(), error.text.into());
                format!("refused ({name})")
            }
            (Due::Asked { request_id, imp_id, .. }, Err(error)) => {
                let text = format!("stopped at request '{request_id}', imp '{imp_id}': {error}");
                return Err(Failure::runtime(text));
            }
        };
        *self.summary.codes.entry(code).or_default() += 1;
        writeln!(self.out, "{}", Value::Object(object)).map_err(|error| Failure::output(&error))
    }
}

/// The answer to the impression that is due first; one that was refused here has none.
async fn next_answer(due: Option<&mut Due>) -> Result<Decided, ClientError> {
    match due {
        Some(Due::Asked { pending, .. }) => pending.answer().await,
        _ => Err(ClientError::TimedOut),
    }
}

impl Summary {
    fn print(&self, json: bool) {
        let Self { requests, impressions, invalid_lines, codes } = self;
        if json {
            note(json!({"requests": requests, "impressions": impressions, "invalid_lines": invalid_lines,
                        "codes": codes}));
            return;
        }
        let codes: Vec<_> = codes.iter().map(|(code, count)| format!("{count} {code}")).collect();
        let codes = if codes.is_empty() { "none decided".to_owned() } else { codes.join(", ") };
        note(format_args!(
            "{requests} requests, {impressions} impressions: {codes}; {invalid_lines} invalid lines"
        ));
    }
}
