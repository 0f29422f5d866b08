//! Cells of the globe: geohash and H3.

use h3o::{LatLng, Resolution};

use super::geo::on_globe;
use super::table::{body, double, integer};
use super::text::Builder;
use super::{Function, Invocation};
use crate::scalar::text::formatted_value;
use crate::value::{Type, Value};

pub(super) static FUNCTIONS: &[Function] = &[
    body(
        "GEOHASH",
        &[double("lat"), double("lon"), integer("length")],
        Type::String,
        geohash,
        "The geohash of so many characters, 1 to 12; NULL for another length.",
        "GEOHASH(57.64911, 10.40744, 11) => STRING 'u4pruydqqvj'",
    ),
    body(
        "H3_CELL",
        &[double("lat"), double("lon"), integer("resolution")],
        Type::String,
        h3_cell,
        "The H3 cell at a resolution of 0 to 15; NULL for another.",
        "H3_CELL(37.3615593, -122.0553238, 5) => STRING '85283473fffffff'",
    ),
];

const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
];

/// Halves the globe by turns, longitude first; five halvings are a character.
fn geohash<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let (lat, lon, length) = (c.double(0), c.double(1), c.int(2));
    if !on_globe(lat, lon) || !(1..=12).contains(&length) {
        return Value::Null;
    }
    let (mut lats, mut lons) = ((-90.0, 90.0), (-180.0, 180.0));
    let mut hash = Builder::new(c.arena, 12);
    let mut of_lon = true;
    for _ in 0..length {
        let mut place = 0;
        for _ in 0..5 {
            let (range, x) = if of_lon { (&mut lons, lon) } else { (&mut lats, lat) };
            let middle = (range.0 + range.1) / 2.0;
            let upper = x >= middle;
            *range = if upper { (middle, range.1) } else { (range.0, middle) };
            place = place * 2 + usize::from(upper);
            of_lon = !of_lon;
        }
        hash.push_char(ALPHABET[place]);
    }
    hash.finish()
}

fn h3_cell<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let (lat, lon) = (c.double(0), c.double(1));
    let resolution = u8::try_from(c.int(2)).ok().and_then(|number| Resolution::try_from(number).ok());
    match (resolution, LatLng::new(lat, lon)) {
        (Some(resolution), Ok(place)) if on_globe(lat, lon) => {
            formatted_value(format_args!("{:x}", u64::from(place.to_cell(resolution))), c.arena)
        }
        _ => Value::Null,
    }
}
