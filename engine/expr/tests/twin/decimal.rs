//! Decimals as strings of digits.

/// Digits of a double that is not negative, as people write it: the whole part and the fraction.
fn plain(magnitude: f64) -> (String, String) {
    let text = format!("{magnitude}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    (whole.to_string(), fraction.to_string())
}

/// ROUND on the written decimal, half away from zero.
pub fn round(x: f64, digits: i64) -> f64 {
    let (whole, fraction) = plain(x.abs());
    // Zeros in front and behind, so that the place to cut at is always inside.
    let text = format!("{}{whole}{fraction}{}", "0".repeat(420), "0".repeat(420));
    let point = 420 + whole.len();
    let cut = usize::try_from(i64::try_from(point).unwrap() + digits.clamp(-400, 400)).unwrap();
    let mut kept: Vec<u8> = text.as_bytes()[..cut].to_vec();
    if text.as_bytes()[cut] >= b'5' {
        let mut place = cut;
        loop {
            place -= 1;
            if kept[place] == b'9' {
                kept[place] = b'0';
            } else {
                kept[place] += 1;
                break;
            }
        }
    }
    while kept.len() < point {
        kept.push(b'0');
    }
    let decimal =
        format!("{}.{}0", str::from_utf8(&kept[..point]).unwrap(), str::from_utf8(&kept[point..]).unwrap());
    let magnitude: f64 = decimal.parse().unwrap();
    if magnitude == 0.0 { 0.0 } else { magnitude.copysign(x) }
}

/// As Java's `Double.toString` writes it.
pub fn java(x: f64) -> String {
    let sign = if x.is_sign_negative() { "-" } else { "" };
    let (whole, fraction) = plain(x.abs());
    if x == 0.0 || (1e-3..1e7).contains(&x.abs()) {
        return format!("{sign}{whole}.{}", if fraction.is_empty() { "0" } else { &fraction });
    }
    let digits = format!("{whole}{fraction}");
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let exponent = i64::try_from(whole.len()).unwrap() - 1 - i64::try_from(leading).unwrap();
    let significant = digits.trim_matches('0');
    let (first, rest) = significant.split_at(1);
    format!("{sign}{first}.{}E{exponent}", if rest.is_empty() { "0" } else { rest })
}
