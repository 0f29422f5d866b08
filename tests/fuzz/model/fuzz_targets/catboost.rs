//! CatBoost as JSON. The corpus holds files without their first bytes, which every input gets.
#![no_main]

use vencejo_fuzz_model::{PROPORTIONAL, exercise};

libfuzzer_sys::fuzz_target!(|input: &[u8]| exercise(b"{\"features_info\"", input, PROPORTIONAL));
