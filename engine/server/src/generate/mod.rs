//! `vencejo gen`: synthetic input for the apps, reproducible from a seed.

pub mod ads;

use std::io::{BufWriter, Write as _, stdout};

use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use vencejo_client::RowWriter;

use crate::answer::DecisionTarget;
use crate::failure::Failure;
use crate::text_row;

/// Makes synthetic data, the same for the same seed.
#[derive(Args, Debug)]
pub struct GenArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Ad impressions with the CPM they earned, as CSV on standard output.
    #[command(after_help = "Example:\n  vencejo gen ads --rows 200000 --seed 7 > ads.csv")]
    Ads {
        /// Number of rows.
        #[arg(long, value_name = "N")]
        rows: usize,
        /// The seed.
        #[arg(long, value_name = "S", default_value_t = 1)]
        seed: u64,
        /// Print one JSON object per row instead of CSV.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: &GenArgs) -> Result<(), Failure> {
    let What::Ads { rows, seed, json } = args.what;
    write_ads(rows, seed, json).map_err(|error| Failure::output(&error))
}

fn write_ads(rows: usize, seed: u64, json: bool) -> std::io::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    if !json {
        writeln!(out, "{}", ads::CSV_HEADER)?;
    }
    let mut line = Vec::new();
    for row in ads::ads_rows(seed).take(rows) {
        line.clear();
        row.write_csv(&mut line)?;
        if json {
            line = csv_line_as_json(ads::CSV_HEADER, &String::from_utf8_lossy(&line)).into_bytes();
        }
        out.write_all(&line)?;
    }
    out.flush()
}

/// Requests of the generated traffic, encoded for the decision's stream.
///
/// # Errors
/// When the stream asks for columns that the generator does not make.
pub fn request_rows(target: &DecisionTarget, rows: usize, seed: u64) -> Result<Vec<Vec<u8>>, Failure> {
    let mut writer = RowWriter::default();
    let mut line = Vec::new();
    let header = ads::CSV_HEADER;
    let encode = |row: ads::AdsRow| {
        line.clear();
        row.write_csv(&mut line).map_err(Failure::runtime)?;
        let text = String::from_utf8_lossy(&line);
        let fields = header.split(',').zip(text.trim_end().split(','));
        text_row::encode(&target.requests, fields, &mut writer).map_err(Failure::runtime)
    };
    ads::ads_rows(seed).take(rows).map(encode).collect()
}

/// A line of unquoted CSV as a JSON object: empty is null, what reads as a number is one.
fn csv_line_as_json(header: &str, line: &str) -> String {
    let fields = line.trim_end().split(',').map(|field| match field {
        "" => Value::Null,
        field => match field.parse::<f64>() {
            Ok(_) => serde_json::from_str(field).unwrap_or_else(|_| field.into()),
            Err(_) => field.into(),
        },
    });
    let object: Map<_, _> = header.split(',').map(str::to_owned).zip(fields).collect();
    format!("{}\n", Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_ids_as_text_and_numbers_as_numbers() {
        let json = csv_line_as_json("id,n,x,none", "00ff,7,0.50,\n");
        assert_eq!(json, "{\"id\":\"00ff\",\"n\":7,\"x\":0.5,\"none\":null}\n");
    }
}
