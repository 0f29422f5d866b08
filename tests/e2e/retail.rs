//! A year of a shop's order lines through `vencejo run`, against pandas.
//!
//! The data (UCI Online Retail, CC BY 4.0, 541,909 rows) is not part of this repository. The test looks for
//! it where VENCEJO_RETAIL_CSV says, or at ../shared/data/online_retail/online_retail.csv.gz, and for a
//! Python with pandas as VENCEJO_PYTHON, or python3; without them it says so and checks nothing.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::support::{root, stderr, vencejo};

#[test]
fn a_year_of_order_lines_sums_up_as_pandas_says() {
    let data = std::env::var_os("VENCEJO_RETAIL_CSV")
        .map_or_else(|| root().join("../shared/data/online_retail/online_retail.csv.gz"), PathBuf::from);
    let python = std::env::var_os("VENCEJO_PYTHON").unwrap_or_else(|| "python3".into());
    let pandas = Command::new(&python).args(["-c", "import pandas"]).output();
    if !data.is_file() || !pandas.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no data at {}, or no pandas for {}", data.display(), python.display());
        return;
    }
    let out = TempDir::new().unwrap();
    let input = format!("purchases={}", data.display());
    let ran = vencejo()
        .args(["run", "tests/retail", "--strict", "--input", &input, "--output"])
        .arg(out.path())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", stderr(&ran));
    let mut check = Command::new(&python);
    let checked =
        check.arg(root().join("tests/retail/check.py")).arg(&data).arg(out.path()).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{said}{}", stderr(&checked));
    eprintln!("{}{said}", stderr(&ran));
}
