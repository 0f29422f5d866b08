//! `vencejo app deploy`, used under load and misused.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use vencejo_client::protocol::error::ErrorCode;
use vencejo_client::{Client, Config, DecisionCode};

use super::shop::{self, App, SQL, row, rows, sales};
use crate::support::{Engine, block_on, stderr, stream, vencejo};

const DECISION: &str = "
CREATE DECISION judge ON sales WITH ('deadline' = '10 s') AS
    SELECT s.shop, h.sold AS sold FROM sales AS s LEFT JOIN shops AS h ON h.shop = s.shop
    FALLBACK SELECT -1 AS sold;
";
/// A second stream, to be dropped.
const REFUNDS: &str = "
CREATE TABLE refunds (shop STRING NOT NULL, pieces INT, at TIMESTAMP(3) NOT NULL) PARTITIONED BY (shop);
CREATE MATERIALIZED VIEW refunded AS SELECT shop, COUNT(*) AS refunds FROM refunds GROUP BY shop;
";

fn deploy(engine: &Engine, app: &Path, arguments: &[&str]) -> Output {
    let mut command = vencejo();
    command.args(["app", "deploy", "--connect", &engine.connect()]).args(arguments).arg(app).output().unwrap()
}

/// Deploys an app, and gives the answer.
fn deployed(engine: &Engine, app: &App) -> Value {
    let output = deploy(engine, &app.path(), &["--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fails(output: &Output, code: i32, expected: &str) {
    let error = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains(expected), "{error}");
    assert!(output.stdout.is_empty());
}

#[test]
fn unchanged_views_keep_their_state_and_changed_ones_begin_anew() {
    let app = App::new(SQL);
    let engine = Engine::start_app(&app.path(), &["--partitions", "4"]);
    block_on(async { shop::ingest(&engine.client().await, &sales(200)).await });
    let before = rows(&engine, "SELECT * FROM shops ORDER BY shop");
    app.write(&format!(
        "-- A new view in front, another HAVING, one query less.\n{}{}",
        SQL.replace("HAVING COUNT(*) > 2", "HAVING COUNT(*) > 3")
            .replace("INSERT INTO dear", "INSERT INTO dearest"),
        "CREATE MATERIALIZED VIEW best AS SELECT shop, MAX(price) AS best FROM sales GROUP BY shop;"
    ));
    let answer = deployed(&engine, &app);
    assert_eq!(answer["streams"], json!({"kept": ["sales"], "changed": [], "new": [], "removed": []}));
    let views = &answer["views"];
    assert_eq!(views["kept"], json!(["shops", "minutes", "product_minutes"]), "{views}");
    assert_eq!((&views["changed"], &views["removed"]), (&json!(["products"]), &json!(["dear"])));
    assert_eq!(rows(&engine, "SELECT * FROM shops ORDER BY shop"), before);
    assert!(rows(&engine, "SELECT * FROM best").is_empty());
    // The aggregation is the same, and only what is read of it has changed.
    block_on(async { shop::ingest(&engine.client().await, &sales(200)).await });
    assert_eq!(rows(&engine, "SELECT * FROM best").len(), 13);
    let sold = rows(&engine, "SELECT sold FROM shops WHERE shop = 'shop 7'");
    assert_eq!(sold, [json!({"sold": 32})]);
}

/// Sends sales and asks for decisions until told to stop; how many of each were answered.
async fn load(client: Client, stop: Arc<AtomicBool>) -> (u64, u64) {
    let welcome = client.welcome();
    let (id, schema) = stream(&welcome, "sales");
    let decision = welcome.decisions.iter().find(|decision| decision.name == "judge").unwrap().id;
    let (mut taken, mut decided) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let batch = sales(40);
        let ack = shop::send(&client, id, &schema, &batch).await;
        assert_eq!(ack.accepted(), 40, "{ack:?}");
        taken += 40;
        let mut waiting = Vec::new();
        for sale in &batch[..10] {
            waiting.push(client.send_decide(decision, &row(&schema, sale), Duration::ZERO).await.unwrap());
        }
        for mut pending in waiting {
            let answer = pending.answer().await.unwrap();
            assert!(matches!(answer.code, DecisionCode::Floored | DecisionCode::Fallback), "{answer:?}");
            decided += 1;
        }
    }
    (taken, decided)
}

#[test]
fn deploys_under_load_lose_nothing() {
    let versions = [
        format!("{SQL}{DECISION}{REFUNDS}"),
        format!("{REFUNDS}{SQL}{DECISION}"),
        format!("{SQL}{DECISION}"),
    ];
    let app = App::new(&versions[0]);
    let engine = Engine::start_app(&app.path(), &["--partitions", "4", "--threads", "2"]);
    let stop = Arc::new(AtomicBool::new(false));
    let loads: Vec<_> = (0..3)
        .map(|_| {
            let (address, stop) = (engine.address, Arc::clone(&stop));
            std::thread::spawn(move || {
                block_on(async {
                    load(Client::connect(address, Config::default()).await.unwrap(), stop).await
                })
            })
        })
        .collect();
    let mut longest = 0;
    for round in 0..6 {
        app.write(&versions[(round + 1) % versions.len()]);
        let answer = deployed(&engine, &app);
        assert!(answer["streams"]["kept"].as_array().unwrap().contains(&json!("sales")), "{answer}");
        assert_eq!(answer["decisions"]["kept"], json!(["judge"]));
        longest = longest.max(answer["swap_micros_max"].as_u64().unwrap());
    }
    stop.store(true, Ordering::Relaxed);
    let (mut taken, mut decided) = (0, 0);
    for load in loads {
        let (more_taken, more_decided) = load.join().unwrap();
        (taken, decided) = (taken + more_taken, decided + more_decided);
    }
    eprintln!("{taken} events, {decided} decisions; longest pause of a partition {longest} us");
    let sold: i64 =
        rows(&engine, "SELECT sold FROM shops").iter().map(|row| row["sold"].as_i64().unwrap()).sum();
    assert_eq!(u64::try_from(sold).unwrap(), taken + decided, "every event is in the state, once");
}

#[test]
fn a_large_state_goes_over_as_it_is() {
    if std::env::var_os("VENCEJO_SLOW").is_none() {
        eprintln!("skipped: half a million keys take a minute without optimisation; VENCEJO_SLOW=1 runs it");
        return;
    }
    let app = App::new(SQL);
    let engine = Engine::start_app(&app.path(), &["--partitions", "2"]);
    block_on(async {
        let client = engine.client().await;
        for thousand in 0..500 {
            let key = |number| format!("{thousand} {number}");
            let batch: Vec<_> =
                (0..1_000).map(|number| shop::Sale { shop: key(number), ..sales(1).remove(0) }).collect();
            shop::ingest(&client, &batch).await;
        }
    });
    // One view stays, the other goes with as many keys.
    app.write(&SQL.replace("MAX(at) AS latest FROM", "MIN(at) AS latest FROM"));
    eprintln!("{}", deployed(&engine, &app));
    app.write(SQL);
    eprintln!("{}", deployed(&engine, &app));
    assert!(rows(&engine, "SELECT * FROM shops").is_empty());
}

#[test]
fn a_stream_that_is_dropped_while_it_is_fed_is_refused_by_name() {
    let app = App::new(&format!("{SQL}{REFUNDS}"));
    let engine = Engine::start_app(&app.path(), &["--partitions", "2"]);
    block_on(async {
        let client = engine.client().await;
        let (refunds, schema) = stream(&client.welcome(), "refunds");
        let mut bytes = Vec::new();
        for sale in sales(30) {
            let sale = shop::Sale { product: None, price: None, ..sale };
            let mut writer = vencejo_client::RowWriter::new(schema.columns().len());
            writer.set_str(0, &sale.shop);
            writer.set_i64(2, sale.at);
            let mut row = Vec::new();
            writer.finish(&schema, &mut row).unwrap();
            vencejo_client::protocol::message::Ingest::push_row(&mut bytes, &row);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let feeding = async {
            loop {
                match client.ingest(refunds, 30, &bytes, None).await {
                    Ok(ack) => {
                        // Parts that were under way when a partition went over have the same code.
                        let codes = ack.entries.iter().filter_map(|entry| entry.refused);
                        assert!(codes.into_iter().all(|code| code == ErrorCode::AppChanged), "{ack:?}");
                    }
                    Err(error) => return error,
                }
            }
        };
        app.write(SQL);
        let replacing = {
            let (connect, path, stop) = (engine.connect(), app.path(), Arc::clone(&stop));
            std::thread::spawn(move || {
                let output =
                    vencejo().args(["app", "deploy", "--connect", &connect]).arg(path).output().unwrap();
                stop.store(true, Ordering::Relaxed);
                output
            })
        };
        let error = feeding.await;
        assert_eq!(error.code(), Some(ErrorCode::AppChanged), "{error}");
        assert!(error.to_string().contains("connect again"), "{error}");
        assert!(replacing.join().unwrap().status.success());
        // The connection goes on, and another welcome has other streams.
        shop::ingest(&client, &sales(10)).await;
        let fresh = engine.client().await.welcome();
        assert!(fresh.streams.iter().all(|stream| stream.name != "refunds"));
        assert_eq!(stream(&fresh, "sales").0, stream(&client.welcome(), "sales").0);
    });
}

#[test]
fn a_broken_app_changes_nothing() {
    let app = App::new(SQL);
    let engine = Engine::start_app(&app.path(), &[]);
    block_on(async { shop::ingest(&engine.client().await, &sales(20)).await });
    app.write(&SQL.replace("COUNT(*)", "CONT(*)").replace("MAX(at)", "MAX(ad)"));
    let refused = deploy(&engine, &app.path(), &[]);
    let validated = vencejo().args(["app", "validate"]).arg(app.path()).output().unwrap();
    assert_eq!(validated.status.code(), Some(78));
    assert_eq!(stderr(&refused), stderr(&validated));
    fails(&refused, 78, "did you mean 'at'?");
    fails(&deploy(&engine, Path::new("no/such/folder"), &[]), 78, "no/such/folder");
    assert_eq!(rows(&engine, "SELECT sold FROM shops WHERE shop = 'shop 7'"), [json!({"sold": 2})]);
}

#[test]
fn the_engine_checks_what_a_client_has_not() {
    let engine = Engine::start();
    let archive = |sql: &str| {
        let head = format!(
            "{}\n",
            json!({"name": "ads", "origin": "x.sql", "base": null, "files": [["app.sql", sql.len()]]})
        );
        let body = [head.as_bytes(), sql.as_bytes()].concat();
        let hash = vencejo_client::protocol::row::key_hash(&body);
        [format!("vencejo-app 1 {hash:016x}\n").into_bytes(), body].concat()
    };
    block_on(async {
        let client = engine.client().await;
        let ask = async |app: &str, bytes: Vec<u8>| {
            let arguments = json!({"app": app}).to_string();
            client.control("app.deploy", &arguments, &[("app", bytes.into())], Duration::from_secs(60)).await
        };
        let invalid = ask("ads", archive("CREATE TABLE t (x INTT);")).await.unwrap();
        let invalid: Value = serde_json::from_str(&invalid).unwrap();
        let text = invalid["invalid"].as_str().unwrap();
        assert!(text.starts_with("x.sql:1:19: unknown type INTT"), "{text}");
        for (app, bytes, expected) in [
            ("ads", b"vencejo-app 1 nonsense".to_vec(), "one blob"),
            ("ads", archive("CREATE TABLE t (x INT);")[..60].to_vec(), "one blob"),
            ("adds", archive("CREATE TABLE t (x INT);"), "deploy with --as ads"),
        ] {
            let error = ask(app, bytes).await.unwrap_err();
            assert_eq!(error.code(), Some(ErrorCode::ControlRefused));
            assert!(error.to_string().contains(expected), "{error}");
        }
        let none = client.control("app.deploy", r#"{"app":"ads"}"#, &[], Duration::from_secs(60)).await;
        assert_eq!(none.unwrap_err().code(), Some(ErrorCode::ControlRefused));
    });
}

#[test]
fn of_two_deploys_at_once_one_is_refused_or_both_are_whole() {
    let app = App::new(SQL);
    let other = App::new(&format!("{SQL}{REFUNDS}"));
    let engine = Engine::start_app(&app.path(), &["--partitions", "2"]);
    for _ in 0..3 {
        let both = [app.path(), other.path()].map(|path| {
            let connect = engine.connect();
            std::thread::spawn(move || {
                vencejo().args(["app", "deploy", "--connect", &connect]).arg(path).output().unwrap()
            })
        });
        let outputs = both.map(|one| one.join().unwrap());
        assert!(outputs.iter().any(|output| output.status.success()));
        for refused in outputs.iter().filter(|output| !output.status.success()) {
            fails(refused, 1, "another deploy is under way");
        }
        let answers = rows(&engine, "SELECT * FROM shops");
        assert!(answers.is_empty());
    }
}

#[test]
fn another_app_is_not_replaced_by_mistake() {
    let app = App::new(SQL);
    let engine = Engine::start_app(&app.path(), &[]);
    fails(&deploy(&engine, Path::new("apps/ads"), &[]), 1, "serves app 'shop', not 'ads'");
    let output = deploy(&engine, Path::new("apps/ads"), &["--as", "shop"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("app shop deployed") && text.contains("removed sales"), "{text}");
    assert_eq!(rows(&engine, "SELECT * FROM placement_stats"), Vec::<Value>::new());
    let gone = vencejo().args(["app", "deploy", "--connect", "127.0.0.1:1", "apps/ads"]).output().unwrap();
    fails(&gone, 1, "cannot connect");
}

#[test]
fn a_deployed_app_is_served_after_a_restart_until_the_folder_changes() {
    let first = App::new(SQL);
    let second = App::new(&format!("{SQL}{REFUNDS}"));
    let serves_refunds = |engine: &Engine| {
        let welcome = block_on(async { engine.client().await.welcome() });
        welcome.streams.iter().any(|stream| stream.name == "refunds")
    };
    let stop = |mut engine: Engine| {
        engine.signal(rustix::process::Signal::TERM);
        let (status, error) = engine.wait();
        assert!(status.success());
        (engine.into_data(), error)
    };
    let engine = Engine::start_app(&first.path(), &[]);
    assert_eq!(deployed(&engine, &second)["remembered"], true);
    assert!(serves_refunds(&engine));
    let (data, _) = stop(engine);
    let engine = Engine::start_app_in(&first.path(), data, "127.0.0.1:0");
    assert!(serves_refunds(&engine));
    let (data, error) = stop(engine);
    assert!(error.contains("serving the app deployed from"), "{error}");
    first.write(&format!("{SQL}-- changed\n"));
    let engine = Engine::start_app_in(&first.path(), data, "127.0.0.1:0");
    assert!(!serves_refunds(&engine));
    let (data, error) = stop(engine);
    assert!(error.contains("has changed since"), "{error}");
    // What was damaged is not served, and not passed over either.
    std::fs::write(data.path().join("deployed-app"), "vencejo-app 1 0000000000000000\n{}\n").unwrap();
    let mut serve = vencejo();
    serve.args(["serve", "--quic", "127.0.0.1:0", "--app"]).arg(first.path()).arg("--data").arg(data.path());
    fails(&serve.output().unwrap(), 78, "it is damaged");
}
