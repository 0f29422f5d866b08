//! Hashes of strings.

use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use xxhash_rust::xxh3::xxh3_64;

use super::table::{body, integer, text};
use super::text::Builder;
use super::{CallError, Function, Invocation, Prepared};
use crate::value::{Type, Value};

/// A row for a hash of hexadecimal digits.
macro_rules! digest {
    ($name:literal, $hash:ty, $example:literal) => {
        body(
            $name,
            &[text("string")],
            Type::String,
            |c| hex(c, &<$hash>::digest(c.text(0).as_bytes())),
            "The hash in small hexadecimal digits.",
            $example,
        )
    };
}

pub(super) static FUNCTIONS: &[Function] = &[
    body(
        "HASH64",
        &[text("string")],
        Type::BigInt,
        |c| Value::Int(xxh3_64(c.text(0).as_bytes()).cast_signed()),
        "XXH3-64 with seed 0 of the UTF-8, as a signed number: for sampling and bucketing, at hand in every language.",
        "HASH64('abc') => BIGINT 8696274497037089104",
    ),
    digest!("MD5", Md5, "MD5('abc') => STRING '900150983cd24fb0d6963f7d28e17f72'"),
    digest!("SHA1", Sha1, "SHA1('abc') => STRING 'a9993e364706816aba3e25717850c26c9cd0d89d'"),
    digest!("SHA224", Sha224, "SUBSTR(SHA224('abc'), 1, 8) => STRING '23097d22'"),
    digest!("SHA256", Sha256, "SUBSTR(SHA256('abc'), 1, 8) => STRING 'ba7816bf'"),
    digest!("SHA384", Sha384, "SUBSTR(SHA384('abc'), 1, 8) => STRING 'cb00753f'"),
    digest!("SHA512", Sha512, "SUBSTR(SHA512('abc'), 1, 8) => STRING 'ddaf35a1'"),
    body(
        "SHA2",
        &[text("string"), integer("bits").constant()],
        Type::String,
        |c| {
            let bytes = c.text(0).as_bytes();
            match c.int(1) {
                224 => hex(c, &Sha224::digest(bytes)),
                256 => hex(c, &Sha256::digest(bytes)),
                384 => hex(c, &Sha384::digest(bytes)),
                _ => hex(c, &Sha512::digest(bytes)),
            }
        },
        "SHA-2 of 224, 256, 384 or 512 bits.",
        "SHA2('abc', 256) = SHA256('abc') => BOOLEAN TRUE",
    )
    .prepared(|known| match known.int(1) {
        Some(224 | 256 | 384 | 512) => Ok(Prepared::Nothing),
        _ => Err(CallError::new(1, "SHA2 has 224, 256, 384 or 512 bits")),
    }),
];

fn hex<'a>(c: &Invocation<'_, 'a>, hash: &[u8]) -> Value<'a> {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = Builder::new(c.arena, 2 * hash.len());
    for byte in hash {
        text.push_char(DIGITS[usize::from(byte >> 4)]);
        text.push_char(DIGITS[usize::from(byte & 15)]);
    }
    text.finish()
}
