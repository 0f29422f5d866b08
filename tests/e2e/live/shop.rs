//! A small app with one stream, and its events.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use vencejo_client::protocol::message::Ingest;
use vencejo_client::protocol::schema::Schema;
use vencejo_client::{Ack, Client, RowWriter};

use crate::support::{Engine, stream, vencejo};

/// One stream; a view that is local, one that is in parts, windows that are local and windows in parts.
pub const SQL: &str = "
CREATE TABLE sales (shop STRING NOT NULL, product STRING, pieces INT, price DOUBLE, at TIMESTAMP(3) NOT NULL,
    WATERMARK FOR at AS at) PARTITIONED BY (shop);
CREATE MATERIALIZED VIEW shops AS
    SELECT shop, COUNT(*) AS sold, SUM(pieces) AS pieces, MAX(at) AS latest FROM sales GROUP BY shop;
CREATE MATERIALIZED VIEW products AS
    SELECT product, COUNT(*) AS sold, COUNT(DISTINCT shop) AS shops, AVG(pieces) AS mean, MIN(shop) AS first_shop,
           FIRST_VALUE(pieces) AS first_pieces, APPROX_TOP_K(pieces, 3) AS top, APPROX_PERCENTILE(price, 0.5) AS median,
           ROUND(STDDEV_POP(pieces), 9) AS spread
    FROM sales GROUP BY product HAVING COUNT(*) > 2;
CREATE MATERIALIZED VIEW minutes WITH ('retention' = '10 min') AS
    SELECT shop, window_start, window_end, COUNT(*) AS sold
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' MINUTE)) GROUP BY shop, window_start, window_end;
CREATE MATERIALIZED VIEW product_minutes AS
    SELECT product, window_start, window_end, COUNT(*) AS sold
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' MINUTE)) GROUP BY product, window_start, window_end;
INSERT INTO dear SELECT shop, price FROM sales WHERE price > 90;
";

/// An app folder called shop.
pub struct App(TempDir);

impl App {
    /// With this app.sql.
    pub fn new(sql: &str) -> Self {
        let app = Self(TempDir::new().unwrap());
        std::fs::create_dir(app.path()).unwrap();
        app.write(sql);
        app
    }

    /// The folder.
    pub fn path(&self) -> PathBuf {
        self.0.path().join("shop")
    }

    /// Puts another app.sql there.
    pub fn write(&self, sql: &str) {
        std::fs::write(self.path().join("app.sql"), sql).unwrap();
    }
}

/// One event of `sales`.
#[derive(Clone, Debug)]
pub struct Sale {
    pub shop: String,
    pub product: Option<String>,
    pub pieces: Option<i64>,
    pub price: Option<f64>,
    pub at: i64,
}

/// So many sales, a second apart, the same every time.
pub fn sales(count: i64) -> Vec<Sale> {
    let sale = |number: i64| Sale {
        shop: format!("shop {}", number * 7 % 13),
        product: (number % 11 != 3).then(|| format!("product {}", number * number % 5)),
        pieces: (number % 17 != 5).then_some(number % 9),
        // Quarters, whose sums are exact in any order.
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        price: (number % 13 != 7).then_some((number * 31 % 400) as f64 / 4.0),
        at: number * 1_000,
    };
    (0..count).map(sale).collect()
}

/// The row of a sale.
pub fn row(schema: &Schema, sale: &Sale) -> Vec<u8> {
    let at = |name: &str| schema.position(name).unwrap();
    let mut writer = RowWriter::new(schema.columns().len());
    writer.set_str(at("shop"), &sale.shop);
    writer.set_i64(at("at"), sale.at);
    if let Some(product) = &sale.product {
        writer.set_str(at("product"), product);
    }
    if let Some(pieces) = sale.pieces {
        writer.set_i64(at("pieces"), pieces);
    }
    if let Some(price) = sale.price {
        writer.set_f64(at("price"), price);
    }
    let mut bytes = Vec::new();
    writer.finish(schema, &mut bytes).unwrap();
    bytes
}

/// Hands sales over, all accepted.
pub async fn ingest(client: &Client, sales: &[Sale]) {
    let (id, schema) = stream(&client.welcome(), "sales");
    let ack = send(client, id, &schema, sales).await;
    assert_eq!(ack.accepted(), sales.len() as u64, "{ack:?}");
}

/// Hands sales over under a stream's id.
pub async fn send(client: &Client, id: u16, schema: &Schema, sales: &[Sale]) -> Ack {
    let mut rows = Vec::new();
    sales.iter().for_each(|sale| Ingest::push_row(&mut rows, &row(schema, sale)));
    client.ingest(id, sales.len(), &rows, None).await.unwrap()
}

/// Sales as JSON lines.
pub fn json_lines(sales: &[Sale]) -> String {
    let line = |sale: &Sale| {
        let at = format!(
            "1970-01-01T{:02}:{:02}:{:02}.000",
            sale.at / 3_600_000,
            sale.at / 60_000 % 60,
            sale.at / 1_000 % 60
        );
        let Sale { shop, product, pieces, price, .. } = sale;
        json!({"shop": shop, "product": product, "pieces": pieces, "price": price, "at": at}).to_string()
            + "\n"
    };
    sales.iter().map(line).collect()
}

/// What `vencejo run` gives of an output for these sales, sorted.
pub fn run(app: &Path, sales: &[Sale], output: &str) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("sales.jsonl");
    std::fs::write(&file, json_lines(sales)).unwrap();
    let mut command = vencejo();
    let input = format!("sales={}", file.display());
    let ran = command.arg("run").arg(app).args(["--input", &input]).output().unwrap();
    assert!(ran.status.success(), "{}", crate::support::stderr(&ran));
    let lines = crate::support::json_lines(&ran.stdout);
    let mut rows: Vec<String> =
        lines.iter().filter(|line| line["output"] == output).map(|line| line["row"].to_string()).collect();
    rows.sort();
    rows
}

/// Runs `vencejo query`.
pub fn query(engine: &Engine, sql: &str) -> Output {
    let mut command: Command = vencejo();
    command.args(["query", "--connect", &engine.connect(), sql]).output().unwrap()
}

/// The rows of a query that has an answer.
pub fn rows(engine: &Engine, sql: &str) -> Vec<Value> {
    let output = query(engine, sql);
    assert!(output.status.success(), "{sql}: {}", crate::support::stderr(&output));
    crate::support::json_lines(&output.stdout)
}
