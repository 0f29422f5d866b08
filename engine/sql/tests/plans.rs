//! What statements become: one shape each.
#![allow(clippy::panic, reason = "a test may fail loudly")]

mod apps;

use bumpalo::Bump;
use vencejo_core::plan::flow::{Calc, Operator, TableSource};
use vencejo_core::plan::{App, Function};
use vencejo_expr::{Env, Program, Value};
use vencejo_sql::plan;
use vencejo_types::ModelId;
use vencejo_types::schema::{Column, ColumnType};

fn app(text: &str) -> App {
    let mut load = |path: &str| match path {
        "m/ab.json" => Ok(apps::model(&["a", "b"])),
        // Five features without names; early stopping found a round before the last one best.
        "m/best.ubj" => Ok(include_bytes!("../../model/testdata/formats/xgboost-best.ubj").to_vec()),
        "m/other.json" => Ok([apps::model(&["a", "b"]), b"\n".to_vec()].concat()),
        _ => Err("not found".to_string()),
    };
    plan("test", text, &mut load).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|error| error.render("app.sql", text)).collect::<String>())
    })
}

/// Columns by input, and the arguments of calls.
struct Table<'a>(&'a [&'a [Value<'a>]], Vec<(u16, String)>);

impl<'a> Env<'a> for Table<'a> {
    fn load(&self, input: u16, column: u16) -> Value<'a> {
        self.0[usize::from(input)][usize::from(column)]
    }

    fn call(&mut self, function: u16, arguments: &[Value<'a>]) -> Value<'a> {
        self.1.push((function, format!("{arguments:?}")));
        Value::Double(4.0)
    }
}

fn run(program: &Program, inputs: &[&[Value<'_>]]) -> String {
    let arena = Bump::new();
    let mut table = Table(inputs, Vec::new());
    let results = format!("{:?}", program.run(&mut table, &arena));
    table.1.iter().fold(results, |text, (function, arguments)| format!("{text} {function}{arguments}"))
}

const STREAM: &str = "CREATE TABLE s (k STRING NOT NULL, a INT, b DOUBLE, f BOOLEAN) PARTITIONED BY (k);\n";

#[test]
fn keywords_in_any_case_and_quoted_names() {
    let app = app("-- a comment
        create table \"select\" (`from` string not null, \"Größe\" int, größe integer null, date date, timestamp TimeStamp,
            v varchar(20) comment 'text', p double precision, watermark for timestamp as timestamp)
        comment 'a table' partitioned by (`from`) with ('connector' = 'kafka', 'scan.startup.mode' = 'latest');
        /* another */ Create Decision `case` On \"select\" With ('deadline' = '500us') As
        Select \"Größe\", größe as \"no rm al\", date, p as fl From \"select\" As t Where t.`from` <> 'x';");
    let columns: Vec<Column> = app.streams[0].schema.columns().to_vec();
    let expected = [
        Column::required("from", ColumnType::String),
        Column::nullable("Größe", ColumnType::Int),
        Column::nullable("größe", ColumnType::Int),
        Column::nullable("date", ColumnType::Date),
        Column::nullable("timestamp", ColumnType::Timestamp),
        Column::nullable("v", ColumnType::String),
        Column::nullable("p", ColumnType::Double),
    ];
    assert_eq!(columns, expected);
    assert_eq!(app.streams[0].watermark.map(|watermark| watermark.delay_millis), Some(0));
    let decision = &app.decisions[0];
    assert_eq!((decision.name.as_str(), decision.deadline_micros), ("case", 500));
    let names: Vec<&str> = decision.answer.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["Größe", "no rm al", "date", "fl"]);
    assert_eq!((decision.condition, decision.code), (Some(4), None));
}

#[test]
fn computed_columns_are_read_like_others() {
    let app = app("CREATE LOOKUP sizes (k STRING, size INT) AS VALUES ('a', 3);
        CREATE TABLE t (twice AS 2 * a, k STRING NOT NULL, a INT, size AS LOOKUP(sizes.size, k)) PARTITIONED BY (k);
        CREATE DECISION d ON t WITH ('deadline' = '1 ms') AS
        SELECT *, t.twice + size AS more FROM t WHERE twice > 4 FALLBACK SELECT size AS more;");
    let names = |columns: &[Column]| columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(app.streams[0].schema.columns()), ["k", "a"], "an event does not carry them");
    let decision = &app.decisions[0];
    assert_eq!(names(decision.answer.columns()), ["twice", "k", "a", "size", "more"]);
    let row = [Value::Str("a"), Value::Int(5)];
    assert_eq!(run(&decision.program, &[&row]), "[Int(10), Str(\"a\"), Int(5), Int(3), Int(13), Bool(true)]");
    assert_eq!(run(&decision.fallback, &[&row]), "[Null, Null, Null, Null, Int(3)]");
}

#[test]
fn watermark_delays() {
    for (interval, millis) in [
        ("'5' SECOND", 5_000),
        ("'0.250' SECOND", 250),
        ("'1.5' SECOND", 1_500),
        ("'2' MINUTE", 120_000),
        ("'3' HOUR", 10_800_000),
        ("'366' DAY", 31_622_400_000),
        ("'0' SECOND", 0),
    ] {
        let text = format!(
            "CREATE TABLE t (ts TIMESTAMP(3) NOT NULL, WATERMARK FOR ts AS ts - INTERVAL {interval});"
        );
        assert_eq!(app(&text).streams[0].watermark.map(|w| w.delay_millis), Some(millis), "{interval}");
    }
}

#[test]
fn a_view_counts_with_conditions_per_branch() {
    let app = app(&format!(
        "{STREAM}CREATE TABLE o (x INT, k STRING) PARTITIONED BY (k);
        CREATE MATERIALIZED VIEW v AS
        SELECT u.key AS k, COUNT(*) AS n, COUNT(amount) AS amounts, count(amount + 1) AS more
        FROM (SELECT k AS key, a AS amount FROM s WHERE f UNION ALL SELECT o.k, x FROM o) AS u
        WHERE amount > 3 OR amount IS NULL
        GROUP BY key;
        CREATE MATERIALIZED VIEW w AS SELECT k, COUNT(*) AS n FROM s GROUP BY s.k;"
    ));
    let table = &app.flow.tables[0];
    let expected = [
        Column::nullable("k", ColumnType::String),
        Column::required("n", ColumnType::BigInt),
        Column::required("amounts", ColumnType::BigInt),
        Column::required("more", ColumnType::BigInt),
    ];
    assert_eq!(table.schema.columns(), expected);
    let TableSource::Running { node, .. } = table.source else { panic!("{table:?}") };
    let calc = |stream: usize, edge: usize| -> &Calc {
        let edge = app.flow.inputs[stream][edge];
        assert!(app.flow.nodes[edge.node].outputs.iter().any(|to| to.node == node) || stream == 0);
        match &app.flow.nodes[edge.node].operator {
            Operator::Calc(calc) => calc,
            other => panic!("{other:?}"),
        }
    };
    let (k, null) = (Value::Str("k"), Value::Null);
    let first = |a, f| run(&calc(0, 0).program, &[&[k, a, null, f]]);
    assert_eq!(first(Value::Int(5), Value::Bool(true)), "[Bool(true), Str(\"k\"), Int(5), Int(6)]");
    assert_eq!(first(Value::Int(5), Value::Bool(false)), "[Bool(false), Str(\"k\"), Int(5), Int(6)]");
    assert_eq!(first(null, Value::Bool(true)), "[Bool(true), Str(\"k\"), Null, Null]");
    let second = |x| run(&calc(1, 0).program, &[&[x, k]]);
    assert_eq!(second(Value::Int(3)), "[Bool(false), Str(\"k\"), Int(3), Int(4)]");
    let plain = calc(0, 1);
    assert_eq!((plain.filtered, plain.program.outputs()), (false, 1));
    assert!(!app.flow.tables[1].schema.columns()[0].nullable);
}

#[test]
fn conditions_of_all_levels_count_and_types_widen_for_the_fallback() {
    let app = app(&format!(
        "{STREAM}CREATE MATERIALIZED VIEW v AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;
        CREATE DECISION d ON s WITH ('deadline' = '2 s') AS
        SELECT x.*, n + 1 AS more, CASE WHEN f THEN 'floored' WHEN a = 1 THEN x.k ELSE 'skipped' END AS code, NULL AS z
        FROM (SELECT k, a, f FROM s WHERE a > 1) AS x LEFT JOIN v ON x.k = v.k
        WHERE n > 2
        FALLBACK SELECT 0.5 AS a, DATE '1970-01-02' AS z;"
    ));
    let decision = &app.decisions[0];
    let types: Vec<String> =
        decision.answer.columns().iter().map(|c| format!("{} {}", c.name, c.column_type)).collect();
    assert_eq!(types, ["k STRING", "a DOUBLE", "f BOOLEAN", "more BIGINT", "z DATE"]);
    assert_eq!((decision.condition, decision.code, &decision.required[..]), (Some(5), Some(6), &[1, 4][..]));
    let row = [Value::Str("k"), Value::Int(2), Value::Null, Value::Bool(true)];
    let found = run(&decision.program, &[&row, &[Value::Str("k"), Value::Int(3)]]);
    assert_eq!(found, "[Str(\"k\"), Double(2.0), Bool(true), Int(4), Null, Bool(true), Str(\"floored\")]");
    let missing = run(&decision.program, &[&row, &[Value::Null, Value::Null]]);
    assert_eq!(missing, "[Str(\"k\"), Double(2.0), Bool(true), Null, Null, Null, Str(\"floored\")]");
    assert_eq!(run(&decision.fallback, &[&row]), "[Null, Double(0.5), Null, Null, Int(1)]");
}

#[test]
fn predict_takes_its_inputs_by_name_and_runs_where_it_is_needed() {
    let app = app(&format!(
        "{STREAM}CREATE MODEL m INPUT (a INT, b BOOLEAN) OUTPUT (p DOUBLE) WITH ('path' = 'm/ab.json');
        CREATE MODEL again INPUT (a DOUBLE, b DOUBLE) OUTPUT (q DOUBLE) WITH ('version' = '7', 'path' = 'm/ab.json');
        CREATE DECISION d ON s WITH ('deadline' = '1 ms') AS
        SELECT CASE WHEN k = 'on' THEN p END AS once, CASE WHEN k = 'on' THEN p * 2 END AS twice, PREDICT(again) AS q,
               MODEL_VERSION(m) AS version
        FROM (SELECT *, PREDICT(m) AS p FROM (SELECT k, f AS b, a FROM s));"
    ));
    let label = &app.models[0].champion.label;
    assert_eq!(*label, format!("{:016x}", app.models[0].champion.content));
    assert_eq!(
        (app.models[1].champion.label.as_str(), &app.models[1].inputs[..]),
        ("7", &["a".into(), "b".into()][..])
    );
    assert_eq!(app.models[0].output, Column::nullable("p", ColumnType::Double));
    let decision = &app.decisions[0];
    assert_eq!(
        decision.functions,
        [Function::Predict(ModelId(0)), Function::Predict(ModelId(1)), Function::ModelVersion(ModelId(0))]
    );
    let run = |k| {
        let row = [Value::Str(k), Value::Int(3), Value::Null, Value::Bool(true)];
        run(&decision.program, &[&row])
    };
    // The fake function answers 4.0 to all, so that MODEL_VERSION, a STRING, is NULL.
    assert!(run("on").starts_with("[Double(4.0), Double(8.0), Double(4.0), Null]"), "{}", run("on"));
    assert_eq!(run("on").matches("0[Double(3.0), Double(1.0)]").count(), 1, "{}", run("on"));
    assert_eq!(run("off").matches("0[Double(3.0), Double(1.0)]").count(), 0, "{}", run("off"));
    assert!(run("off").starts_with("[Null, Null, Double(4.0)"));
}

#[test]
fn the_best_iteration_is_taken_where_it_is_asked_for() {
    let input = "INPUT (a DOUBLE, b DOUBLE, c DOUBLE, d DOUBLE, e DOUBLE) OUTPUT (p DOUBLE)";
    let app = app(&format!(
        "CREATE MODEL whole {input} WITH ('path' = 'm/best.ubj');
        CREATE MODEL off {input} WITH ('path' = 'm/best.ubj', 'best_iteration' = 'false');
        CREATE MODEL best {input} WITH ('path' = 'm/best.ubj', 'best_iteration' = 'true');"
    ));
    let [whole, off, best] = &app.models[..] else { panic!("three models") };
    let [whole, off, best] = [whole, off, best].map(|slot| &slot.champion);
    assert_eq!((&whole.model, &whole.label), (&off.model, &off.label));
    assert_eq!(best.model, whole.model.clone().with_best_iteration());
    assert!(best.model.tree_count() < whole.model.tree_count());
    assert_ne!(best.label, whole.label);
}

#[test]
fn a_challenger_and_what_decides_between_the_two() {
    let app = app(&format!(
        "{STREAM}CREATE MODEL m INPUT (a INT, b DOUBLE) OUTPUT (p DOUBLE)
        WITH ('path' = 'm/ab.json', 'version' = 'one', 'challenger_path' = 'm/other.json', 'challenger_weight' = '35');
        CREATE MODEL n INPUT (a INT, b DOUBLE) OUTPUT (p DOUBLE)
        WITH ('challenger_version' = 'two', 'challenger_path' = 'm/ab.json', 'path' = 'm/ab.json');
        CREATE DECISION d ON s WITH ('deadline' = '1 ms', 'split_by' = 'a') AS
        SELECT MODEL_VARIANT(m) AS variant, model_version(m) AS version FROM s;
        CREATE DECISION e ON s WITH ('deadline' = '1 ms') AS SELECT PREDICT(n) AS p FROM s;"
    ));
    let challenger = |model: usize| {
        let (version, weight) = app.models[model].challenger.as_ref().expect("it is declared");
        (version.label.clone(), version.content, weight.percent())
    };
    let champion = &app.models[0].champion;
    let (label, content, weight) = challenger(0);
    assert_eq!((champion.label.as_str(), label, weight), ("one", format!("{content:016x}"), 35));
    assert_ne!(champion.content, content);
    assert_eq!(challenger(1), ("two".to_owned(), champion.content, 20));
    let (split, keyed) = (&app.decisions[0], &app.decisions[1]);
    assert_eq!((&split.split_by[..], &keyed.split_by[..]), (&[1][..], &[0][..]), "else the stream's key");
    assert_eq!(split.functions, [Function::ModelVariant(ModelId(0)), Function::ModelVersion(ModelId(0))]);
}

#[test]
fn names_of_streams_models_and_decisions_do_not_collide() {
    let app = app("CREATE TABLE a (k STRING, a DOUBLE, b DOUBLE) PARTITIONED BY (k);
        CREATE MODEL a INPUT (a DOUBLE, b DOUBLE) OUTPUT (a DOUBLE) WITH ('path' = 'm/ab.json');
        CREATE DECISION a ON a WITH ('deadline' = '60 s') AS SELECT PREDICT(a) AS a, b FROM a AS a;");
    assert_eq!(app.decisions[0].deadline_micros, 60_000_000);
}

#[test]
fn the_same_queries_give_the_same_plan() {
    // Expressions are told apart by address, which must not show: garbage in between moves them.
    let text = format!(
        "{STREAM}SELECT k, SUM(a) + MAX(a) AS x, COUNT(*) * COUNT(DISTINCT a) AS y, UPPER(k) AS z FROM s
         GROUP BY k, UPPER(k) HAVING MIN(b) > 1;
         CREATE TABLE w (k STRING, ts TIMESTAMP(3), a INT, WATERMARK FOR ts AS ts) PARTITIONED BY (k);
         SELECT k, SUM(a) OVER (PARTITION BY k ORDER BY ts) AS x, MAX(a) OVER (ORDER BY ts) AS y,
         COUNT(a) OVER (PARTITION BY a ORDER BY ts ROWS 3 PRECEDING) AS z FROM w;"
    );
    let mut garbage = Vec::new();
    let mut planned = |n: usize| {
        garbage.extend((0..n * 100).map(|size| vec![0_u8; size % 700]));
        vencejo_sql::explain(&app(&text))
    };
    let first = planned(0);
    for n in 1..20 {
        assert_eq!(planned(n), first);
    }
}

#[test]
fn the_same_text_gives_the_same_plan() {
    let text = apps::ads();
    let planned = || {
        let mut load = |_: &str| Ok(apps::model(&apps::ADS_INPUTS));
        format!("{:?}", plan("ads", &text, &mut load).expect("the app plans"))
    };
    assert_eq!(planned(), planned());
}
