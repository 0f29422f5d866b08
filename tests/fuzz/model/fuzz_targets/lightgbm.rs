//! LightGBM. The corpus holds files without their first bytes, which every input gets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vencejo_fuzz_model::exercise(b"tree\n", input));
