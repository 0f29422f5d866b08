//! A row of the clickstream, as CSV and as JSON.

use std::io::{self, Write};

use serde_json::json;

use super::catalog::CATEGORIES;
use crate::text_time::write_timestamp;

/// First line of the CSV form, without a line end.
pub const CSV_HEADER: &str = "user_id,session_id,event_type,ts,page_url,product_id,category,device_type,\
user_agent,ip,referrer,custom_properties";

/// What a visitor did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopRow {
    /// `u0000001` in text.
    pub user: u64,
    /// Unique within a seed, in order of beginning. `s000000001` in text.
    pub session: u64,
    /// `page_view`, `click`, `purchase` or `search`.
    pub event_type: &'static str,
    /// Unix time in milliseconds, UTC. At most 2 s below that of any row before.
    pub ts_millis: i64,
    pub page_url: String,
    /// `P0001` in text.
    pub product: Option<u32>,
    /// Index into the categories.
    pub category: Option<usize>,
    /// `mobile`, `tablet` or `desktop`.
    pub device_type: &'static str,
    pub user_agent: &'static str,
    pub ip: [u8; 4],
    pub referrer: Option<&'static str>,
    /// A JSON object.
    pub custom_properties: Option<String>,
}

impl ShopRow {
    /// Writes the row as one line of CSV, line end included.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        for (place, field) in self.fields().into_iter().enumerate() {
            if place > 0 {
                out.write_all(b",")?;
            }
            match field {
                Some(field) if field.contains([',', '"']) => {
                    write!(out, "\"{}\"", field.replace('"', "\"\""))?;
                }
                Some(field) => out.write_all(field.as_bytes())?,
                None => {}
            }
        }
        out.write_all(b"\n")
    }

    /// Writes the row as one JSON object and a line end; what has no value is null.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let fields = CSV_HEADER.split(',').zip(self.fields());
        let object: serde_json::Map<_, _> =
            fields.map(|(name, value)| (name.to_owned(), json!(value))).collect();
        writeln!(out, "{}", serde_json::Value::Object(object))
    }

    /// The columns' texts, in the header's order.
    fn fields(&self) -> [Option<String>; 12] {
        let mut ts = Vec::new();
        write_timestamp(self.ts_millis, &mut ts);
        let [a, b, c, d] = self.ip;
        [
            Some(user_id(self.user)),
            Some(format!("s{:09}", self.session)),
            Some(self.event_type.to_owned()),
            Some(String::from_utf8_lossy(&ts).into_owned()),
            Some(self.page_url.clone()),
            self.product.map(product_id),
            self.category.map(|category| CATEGORIES[category].to_owned()),
            Some(self.device_type.to_owned()),
            Some(self.user_agent.to_owned()),
            Some(format!("{a}.{b}.{c}.{d}")),
            self.referrer.map(str::to_owned),
            self.custom_properties.clone(),
        ]
    }
}

/// A user in text.
pub fn user_id(user: u64) -> String {
    format!("u{user:07}")
}

/// A product in text.
pub fn product_id(product: u32) -> String {
    format!("P{:04}", product + 1)
}
