//! Distances and containment on the globe. Latitudes and longitudes are WGS 84 degrees, latitude first in
//! functions; WKT has the longitude first, as its standard says.
//!
//! Distances are great circles on a sphere of the earth's mean radius: up to 0.56 % off the ellipsoid's.
//! A point off the globe (latitude beyond 90, longitude beyond 180) has none: NULL.

use super::table::{body, double, text};
use super::wkt::{self, Point};
use super::{CallError, Function, Invocation, Known, Prepared};
use crate::value::{Type, Value};

/// The mean radius R1 of the International Union of Geodesy and Geophysics, in metres.
const EARTH_RADIUS_METRES: f64 = 6_371_008.8;

pub(super) static FUNCTIONS: &[Function] = &[
    body(
        "ST_DISTANCE",
        &[double("lat1"), double("lon1"), double("lat2"), double("lon2")],
        Type::Double,
        distance,
        "Metres between two points: haversine on a sphere of 6,371,008.8 m, at most 0.56 % off the ellipsoid.",
        "ROUND(ST_DISTANCE(36.12, -86.67, 33.94, -118.4)) => DOUBLE 2886448.0",
    ),
    body(
        "ST_CONTAINS",
        &[text("area").constant(), double("lat"), double("lon")],
        Type::Boolean,
        contains,
        "Whether a POLYGON or MULTIPOLYGON of WKT holds the point, its border included. Borders are straight in \
         degrees; an area over the 180th meridian is written as two.",
        "ST_CONTAINS('POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))', 1, 2) => BOOLEAN TRUE",
    )
    .prepared(prepare_area),
    body(
        "ST_DISTANCE_TO_LINE",
        &[text("line").constant(), double("lat"), double("lon")],
        Type::Double,
        to_line,
        "Metres from the point to the nearest place of a LINESTRING of WKT, along great circles: how far a vehicle \
         is off its route.",
        "ROUND(ST_DISTANCE_TO_LINE('LINESTRING (0 0, 10 0)', 0.001, 5), 2) => DOUBLE 111.2",
    )
    .prepared(prepare_line),
];

/// Whether the point is on the globe.
pub(super) fn on_globe(lat: f64, lon: f64) -> bool {
    lat.abs() <= 90.0 && lon.abs() <= 180.0
}

fn distance<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let (lat1, lon1, lat2, lon2) = (c.double(0), c.double(1), c.double(2), c.double(3));
    if !on_globe(lat1, lon1) || !on_globe(lat2, lon2) {
        return Value::Null;
    }
    let half = |degrees: f64| libm::sin(degrees.to_radians() / 2.0);
    let (of_lat, of_lon) = (half(lat2 - lat1), half(lon2 - lon1));
    let cosines = libm::cos(lat1.to_radians()) * libm::cos(lat2.to_radians());
    let a = of_lat * of_lat + cosines * of_lon * of_lon;
    Value::Double(2.0 * EARTH_RADIUS_METRES * libm::asin(libm::sqrt(a.clamp(0.0, 1.0))))
}

/// An area: the edges of all its rings.
#[derive(Debug)]
pub(crate) struct Area {
    edges: Vec<(Point, Point)>,
    least: Point,
    most: Point,
}

fn prepare_area(known: &Known<'_>) -> Result<Prepared, CallError> {
    let rings = wkt::area(known.text(0).unwrap_or_default())?;
    let mut area = Area {
        edges: Vec::new(),
        least: Point { lon: f64::INFINITY, lat: f64::INFINITY },
        most: Point { lon: f64::NEG_INFINITY, lat: f64::NEG_INFINITY },
    };
    for ring in rings {
        for pair in ring.windows(2) {
            area.edges.push((pair[0], pair[1]));
        }
        for point in ring {
            area.least = Point { lon: area.least.lon.min(point.lon), lat: area.least.lat.min(point.lat) };
            area.most = Point { lon: area.most.lon.max(point.lon), lat: area.most.lat.max(point.lat) };
        }
    }
    Ok(Prepared::Area(area))
}

/// Counts the edges that a ray to the east crosses: odd is inside, also with holes and several polygons.
fn contains<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let (Prepared::Area(area), lat, lon) = (c.prepared, c.double(1), c.double(2)) else { return Value::Null };
    if !on_globe(lat, lon) {
        return Value::Null;
    }
    let outside = lat < area.least.lat || lat > area.most.lat || lon < area.least.lon || lon > area.most.lon;
    if outside {
        return Value::Bool(false);
    }
    let mut inside = false;
    for &(from, to) in &area.edges {
        // Twice the area of the triangle: 0 on the edge's line, else its sign is the side.
        let side = (to.lon - from.lon) * (lat - from.lat) - (to.lat - from.lat) * (lon - from.lon);
        let between = |x: f64, a: f64, b: f64| x >= a.min(b) && x <= a.max(b);
        if side == 0.0 && between(lat, from.lat, to.lat) && between(lon, from.lon, to.lon) {
            return Value::Bool(true);
        }
        if (from.lat > lat) != (to.lat > lat) && (side > 0.0) == (to.lat > from.lat) {
            inside = !inside;
        }
    }
    Value::Bool(inside)
}

type Vector = [f64; 3];

/// A line: its points on the unit sphere, and of each stretch the normal of its great circle.
#[derive(Debug)]
pub(crate) struct Line {
    points: Vec<Vector>,
    /// None where both ends are one point.
    normals: Vec<Option<Vector>>,
}

fn vector(lat: f64, lon: f64) -> Vector {
    let (lat, lon) = (lat.to_radians(), lon.to_radians());
    let cosine = libm::cos(lat);
    [cosine * libm::cos(lon), cosine * libm::sin(lon), libm::sin(lat)]
}

fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn prepare_line(known: &Known<'_>) -> Result<Prepared, CallError> {
    let line = wkt::line(known.text(0).unwrap_or_default())?;
    let points: Vec<Vector> = line.iter().map(|point| vector(point.lat, point.lon)).collect();
    let normals = points.windows(2).map(|pair| {
        let normal = cross(pair[0], pair[1]);
        let length = libm::sqrt(dot(normal, normal));
        (length > 0.0).then(|| normal.map(|x| x / length))
    });
    let normals = normals.collect();
    Ok(Prepared::Line(Line { points, normals }))
}

fn to_line<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let Prepared::Line(line) = c.prepared else { return Value::Null };
    let (lat, lon) = (c.double(1), c.double(2));
    if !on_globe(lat, lon) {
        return Value::Null;
    }
    let point = vector(lat, lon);
    // Squared chords: as good as angles to compare, and no trigonometry per stretch.
    let to = |end: &Vector| {
        let apart = [point[0] - end[0], point[1] - end[1], point[2] - end[2]];
        dot(apart, apart)
    };
    let mut nearest = line.points.iter().map(to).fold(f64::INFINITY, f64::min);
    for (pair, normal) in line.points.windows(2).zip(&line.normals) {
        let Some(normal) = *normal else { continue };
        let beside = dot(point, cross(normal, pair[0])) >= 0.0 && dot(point, cross(pair[1], normal)) >= 0.0;
        if beside {
            let sine = dot(point, normal);
            let squared = sine * sine;
            nearest = nearest.min(2.0 * squared / (1.0 + libm::sqrt((1.0 - squared).max(0.0))));
        }
    }
    Value::Double(2.0 * EARTH_RADIUS_METRES * libm::asin((libm::sqrt(nearest) / 2.0).min(1.0)))
}
