//! `vencejo query`, used and misused.

use serde_json::json;

use super::shop::{self, App, SQL, query, rows, sales};
use crate::support::{Engine, block_on, json_lines, stderr, vencejo};

/// An engine in four partitions that has taken these sales.
fn engine(app: &App, count: i64, partitions: &str) -> Engine {
    let engine = Engine::start_app(&app.path(), &["--partitions", partitions]);
    block_on(async {
        let client = engine.client().await;
        shop::ingest(&client, &sales(count)).await;
        client.close();
    });
    engine
}

#[test]
fn what_partitions_hold_is_what_one_alone_holds() {
    let app = App::new(SQL);
    let engine = engine(&app, 500, "4");
    for view in ["shops", "products"] {
        let expected = shop::run(&app.path(), &sales(500), view);
        let mut found: Vec<String> =
            rows(&engine, &format!("SELECT * FROM {view}")).iter().map(ToString::to_string).collect();
        found.sort();
        assert!(!found.is_empty());
        assert_eq!(found, expected, "{view}");
    }
}

#[test]
fn queries_have_answers() {
    let app = App::new(SQL);
    let engine = engine(&app, 500, "4");
    let check = |sql: &str, expected: serde_json::Value| {
        assert_eq!(serde_json::Value::from(rows(&engine, sql)), expected, "{sql}");
    };
    check("SELECT shop, sold FROM shops WHERE shop = 'shop 7'", json!([{"shop": "shop 7", "sold": 39}]));
    check("SELECT sold FROM shops WHERE 'shop 3' = shop AND sold > 40;", json!([]));
    check("SELECT sold FROM shops WHERE shop = 'nobody'", json!([]));
    check("SELECT product FROM products WHERE product = 'product 0'", json!([{"product": "product 0"}]));
    check("SELECT product FROM products WHERE product = 'product 2'", json!([]));
    check(
        "SELECT s.shop, s.sold * 2 AS twice, UPPER(shop) FROM shops AS s WHERE sold >= 39 ORDER BY shop DESC LIMIT 2",
        json!([{"shop": "shop 9", "twice": 78, "EXPR$2": "SHOP 9"}, {"shop": "shop 8", "twice": 78, "EXPR$2": "SHOP 8"}]),
    );
    check(
        "SELECT product, sold FROM products ORDER BY product NULLS LAST, 2",
        json!([{"product": "product 0", "sold": 91}, {"product": "product 1", "sold": 182},
               {"product": "product 4", "sold": 181}, {"product": null, "sold": 46}]),
    );
    check("SELECT product FROM products ORDER BY 1 LIMIT 1", json!([{"product": null}]));
    check("SELECT product FROM products WHERE product IS NULL LIMIT 5", json!([{"product": null}]));
    check("SELECT shop FROM shops LIMIT 0", json!([]));
    let latest = json!([{"latest": "1970-01-01T00:08:12.000"}]);
    check("SELECT latest FROM shops WHERE shop = 'shop 12'", latest);
    assert_eq!(rows(&engine, "SELECT shop FROM shops LIMIT 4").len(), 4);
}

#[test]
fn kept_windows_are_read_with_their_history() {
    let app = App::new(SQL);
    let engine = engine(&app, 500, "4");
    // The stream's watermark goes to every partition with the next tick.
    let sql = "SELECT window_start, sold FROM minutes WHERE shop = 'shop 1' ORDER BY window_start";
    let mut found = Vec::new();
    for _ in 0..500 {
        found = rows(&engine, sql);
        if found.len() == 8 {
            break;
        }
    }
    let expected: Vec<_> = shop::run(&app.path(), &sales(500), "minutes")
        .iter()
        .map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap())
        .filter(|row| row["shop"] == "shop 1" && row["window_start"].as_str().unwrap() < "1970-01-01T00:08")
        .map(|row| json!({"window_start": row["window_start"], "sold": row["sold"]}))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(rows(&engine, "SELECT * FROM minutes").len(), 8 * 13);
}

/// Windows over what streams are not partitioned by.
const PARTS: &str = "
CREATE MATERIALIZED VIEW five AS
    SELECT product AS what, window_start AS since, window_end, COUNT(*) AS sold, COUNT(DISTINCT shop) AS shops,
           AVG(pieces) AS mean, MAX(price) AS dearest, LAST_VALUE(pieces) AS latest
    FROM TABLE(HOP(TABLE sales, DESCRIPTOR(at), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE))
    WHERE pieces IS NOT NULL GROUP BY product, window_start, window_end HAVING COUNT(*) > 3;
CREATE MATERIALIZED VIEW so_far AS
    SELECT window_start, window_end, SUM(pieces) AS pieces
    FROM TABLE(CUMULATE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' MINUTE, INTERVAL '4' MINUTE))
    GROUP BY window_start, window_end;
CREATE MATERIALIZED VIEW visits AS
    SELECT product, window_start, window_end, COUNT(*) AS sold
    FROM TABLE(SESSION(TABLE sales PARTITION BY product, DESCRIPTOR(at), INTERVAL '5' SECOND))
    GROUP BY product, window_start, window_end;
";

#[test]
fn windows_in_parts_are_merged() {
    let app = App::new(&format!("{SQL}{PARTS}"));
    let engine = engine(&app, 500, "4");
    for (view, end) in [("product_minutes", "window_end"), ("five", "window_end"), ("so_far", "window_end")] {
        let mut expected = shop::run(&app.path(), &sales(500), view);
        // At 499 s the others are open.
        expected.retain(|row| {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            row[end].as_str().unwrap() <= "1970-01-01T00:08:00.000"
        });
        // The stream's watermark goes to every partition with the next tick.
        let mut found = Vec::new();
        for _ in 0..500 {
            found = rows(&engine, &format!("SELECT * FROM {view}")).iter().map(ToString::to_string).collect();
            if found.len() == expected.len() {
                break;
            }
        }
        found.sort();
        assert!(!expected.is_empty());
        assert_eq!(found, expected, "{view}");
    }
    let one =
        "SELECT since, sold FROM five WHERE what = 'product 1' AND since >= TIMESTAMP '1970-01-01 00:02:00'
               ORDER BY since DESC LIMIT 1";
    assert_eq!(rows(&engine, one), [json!({"since": "1970-01-01T00:03:00.000", "sold": 103})]);
    let refused = query(&engine, "SELECT * FROM visits");
    assert!(
        stderr(&refused).contains("view 'visits' is in parts that cannot be merged"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn windows_in_parts_are_whole_in_one_partition() {
    let app = App::new(SQL);
    let engine = engine(&app, 200, "1");
    let found =
        rows(&engine, "SELECT product, sold FROM product_minutes WHERE product = 'product 1' LIMIT 1");
    assert_eq!(found[0]["product"], "product 1");
}

#[test]
fn wrong_queries_are_explained() {
    let app = App::new(SQL);
    let engine = engine(&app, 10, "2");
    let check = |sql: &str, expected: &[&str]| {
        let output = query(&engine, sql);
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{sql}: {error}");
        assert!(output.stdout.is_empty());
        for part in expected {
            assert!(error.contains(part), "{sql}: {error}");
        }
    };
    check("", &["there is no query"]);
    check("SELECT", &["query:1:7", "the statement ends"]);
    check("DROP TABLE shops", &["expected SELECT"]);
    check("SELECT * FROM shop", &["query:1:15: unknown view 'shop'", "did you mean 'shops'?"]);
    check("SELECT * FROM sales", &["'sales' is a stream", "vencejo tap sales"]);
    check("SELECT * FROM dear", &["'dear' keeps no rows"]);
    check("SELECT pices FROM shops", &["query:1:8: unknown column 'pices'", "did you mean 'pieces'?"]);
    check("SELECT shop FROM shops WHERE pieces", &["WHERE takes a BOOLEAN"]);
    check("SELECT shop FROM shops WHERE shop = 1", &["query:1:"]);
    check("SELECT COUNT(*) FROM shops", &["COUNT cannot stand", "materialized view"]);
    check("SELECT shop FROM shops GROUP BY shop", &["GROUP BY cannot stand"]);
    check("SELECT DISTINCT shop FROM shops", &["SELECT DISTINCT cannot stand"]);
    check("SELECT a.shop FROM shops a JOIN products ON a.shop = product", &["JOIN cannot stand"]);
    check("SELECT * FROM (SELECT shop FROM shops)", &["one view, by its name"]);
    check("SELECT shop FROM shops LIMIT 10001", &["LIMIT takes a whole number from 0 to 10000"]);
    check("SELECT shop FROM shops LIMIT -1", &["LIMIT takes"]);
    check("SELECT shop FROM shops ORDER BY 7", &["the answer has no column 7"]);
    check("SELECT shop FROM shops LIMIT 1 OFFSET 1", &["expected WHERE, ORDER BY, LIMIT or the end"]);
    check("SELECT shop FROM shops; SELECT shop FROM shops", &["more than one query"]);
    check("SELECT NULL FROM shops", &["always NULL"]);
    check("SELECT nope, nada FROM shops WHERE nix = 1", &["'nope'", "'nada'", "'nix'"]);
    check(&format!("SELECT shop FROM shops WHERE {}TRUE", "NOT ".repeat(9_000)), &["bytes; at most"]);
}

#[test]
fn an_answer_that_is_too_large_says_so() {
    let app = App::new(SQL);
    let engine = Engine::start_app(&app.path(), &["--partitions", "2"]);
    let many: Vec<_> = (0..10_001)
        .map(|number| shop::Sale { shop: format!("{number:06}{}", "x".repeat(100)), ..sales(1).remove(0) })
        .collect();
    block_on(async {
        let client = engine.client().await;
        for batch in many.chunks(1_000) {
            shop::ingest(&client, batch).await;
        }
    });
    for (sql, expected) in [
        ("SELECT shop FROM shops", "the answer has more than 10000 rows; add WHERE or LIMIT"),
        ("SELECT shop FROM shops ORDER BY sold", "the answer has more than 10000 rows; add WHERE or LIMIT"),
        ("SELECT * FROM shops LIMIT 10000", "as text, of at most"),
    ] {
        let output = query(&engine, sql);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    let last = rows(&engine, "SELECT SUBSTRING(shop FROM 1 FOR 6) AS n FROM shops ORDER BY n DESC LIMIT 2");
    assert_eq!(last, [json!({"n": "010000"}), json!({"n": "009999"})]);
}

#[test]
fn without_an_engine_a_query_fails() {
    let output = vencejo().args(["query", "--connect", "127.0.0.1:1", "SELECT 1 FROM x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot connect to 127.0.0.1:1"), "{}", stderr(&output));
    assert!(json_lines(&output.stdout).is_empty());
}
