//! MATCH_RECOGNIZE from its text to its rows: tables of events, rules and what comes out, written by hand
//! from the standard, Flink's documentation and the head of engine/rules/src/spec.rs, through the core that
//! runs apps.
//!
//! A case is a comment that says what it is about, then lines that begin with a word:
//!
//! | line | is |
//! |---|---|
//! | `match ...` | the clause behind `PARTITION BY k ORDER BY ts`, as a query over stream `t` |
//! | `rule (options) ...` | the same as `CREATE RULE r WITH (options)` |
//! | `sql ...` | statements |
//! | `in ...` | events; see below |
//! | `out ...` | rows with `;` between them, each behind the number of the event that brought it, or `@end` |
//! | `late n` | rows that came too late |
//!
//! Of the events `a` is the key of what follows (`~` for NULL), `1.5B:7` a row at 1.5 s with e = 'B' and
//! x = 7, `2` one whose e and x are NULL; `w5` tells the watermark, `t5` engine time; `d` before them all
//! chooses stream `d`. `$ABC` stands for `DEFINE A AS e = 'A', B AS e = 'B', C AS e = 'C'`. Times are
//! seconds. A line that begins with a space goes on. An alert has the numbers of its events in brackets
//! behind its row.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

mod properties;
mod run;

use vencejo_sql::plan;

use run::Run;

#[derive(Default)]
struct Case {
    about: String,
    sql: String,
    events: String,
    rows: String,
    late: u64,
}

impl Case {
    fn line(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let clause =
            |rest: &str| format!("SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts {rest});\n");
        match word {
            "match" => self.sql.push_str(&clause(&expanded(rest))),
            "rule" => {
                let (options, rest) = rest.split_once(") ").unwrap_or_else(|| panic!("{line}"));
                self.sql.push_str(&format!("CREATE RULE r WITH {options}) AS {}", clause(&expanded(rest))));
            }
            "sql" => self.sql.push_str(&format!("{}\n", expanded(rest))),
            "in" => self.events = rest.to_string(),
            "out" => self.rows = rest.to_string(),
            "late" => self.late = rest.parse().unwrap(),
            _ => panic!("{line}"),
        }
    }
}

/// With `$ABC` written out.
fn expanded(text: &str) -> String {
    let Some((before, rest)) = text.split_once('$') else { return text.to_string() };
    let letters: String = rest.chars().take_while(char::is_ascii_uppercase).collect();
    let each = letters.chars().map(|letter| format!("{letter} AS e = '{letter}'"));
    let define = format!("DEFINE {}", each.collect::<Vec<_>>().join(", "));
    format!("{before}{define}{}", &rest[letters.len()..])
}

/// What is wrong with a case; nothing where it is right.
fn fault(case: &Case) -> Option<String> {
    let mut run = match Run::new(&case.sql) {
        Ok(run) => run,
        Err(errors) => return Some(format!("# {}\n{errors}", case.about)),
    };
    run.all(&case.events);
    let expected: Vec<&str> = case.rows.split(';').map(str::trim).filter(|row| !row.is_empty()).collect();
    let late: u64 = run.state.nodes().map(|node| node.late).sum();
    if run.rows == expected && late == case.late {
        return None;
    }
    Some(format!(
        "# {}\nexpected {}\nfound    {}, late {late}\n",
        case.about,
        expected.join("; "),
        run.rows.join("; ")
    ))
}

/// Runs a table; how many cases it has.
fn check(table: &str) -> usize {
    let mut cases: Vec<Case> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        match (line.strip_prefix(' '), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(&format!(" {}", rest.trim())),
            _ => lines.push(line.to_string()),
        }
    }
    for line in lines {
        if let Some(about) = line.strip_prefix("# ") {
            cases.push(Case { about: about.to_string(), ..Case::default() });
        } else {
            cases.last_mut().unwrap_or_else(|| panic!("{line}")).line(&line);
        }
    }
    let wrong: Vec<String> = cases.iter().filter_map(fault).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    cases.len()
}

macro_rules! tables {
    ($($name:ident $least:literal;)*) => {$(
        #[test]
        fn $name() {
            let count = check(include_str!(concat!("../../testdata/match/", stringify!($name), ".txt")));
            assert!(count >= $least, "{count} cases");
        }
    )*};
}

tables! {
    patterns 30;
    expressions 30;
    skips 12;
    time 20;
    absence 12;
    alerts 8;
    queries 8;
}

/// Declared for every statement of the table.
const TICKER: &str = "
CREATE TABLE Ticker (symbol STRING NOT NULL, rowtime TIMESTAMP(3) NOT NULL, price BIGINT, tax BIGINT,
    WATERMARK FOR rowtime AS rowtime - INTERVAL '1' SECOND) PARTITIONED BY (symbol);
CREATE LOOKUP limits_t (symbol STRING, price_max BIGINT, PRIMARY KEY (symbol) NOT ENFORCED) AS VALUES ('ACME', 7);
CREATE VIEW Drops AS SELECT * FROM Ticker MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY rowtime
    MEASURES MATCH_ROWTIME() AS rt PATTERN (A B) DEFINE B AS B.price < A.price);
";

#[test]
fn every_shape_of_statement_is_read() {
    let table = include_str!("../../testdata/match/statements.txt");
    let without_comments: Vec<&str> = table.lines().filter(|line| !line.starts_with('#')).collect();
    let text = without_comments.join("\n");
    let statements: Vec<&str> = text.split("\n\n").map(str::trim).filter(|text| !text.is_empty()).collect();
    assert!(statements.len() > 45, "{}", statements.len());
    let mut wrong = String::new();
    for statement in statements {
        let text = format!("{TICKER}{statement}");
        if let Err(errors) = plan("shapes", &text, &mut |_| Err("no file".to_string())) {
            errors.iter().for_each(|error| wrong.push_str(&error.render("statement", &text)));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
