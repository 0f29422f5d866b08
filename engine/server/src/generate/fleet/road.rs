//! The roads that are driven: routes, and the speed limits of apps/fleet/lookups/speed_limits.csv.

use std::collections::BTreeMap;

/// Metres per degree of latitude, and of longitude where the routes are.
const METRES_PER_LAT: f64 = 111_195.0;
const METRES_PER_LON: f64 = 83_023.0;

const LIMITS: &str = include_str!("../../../../../apps/fleet/lookups/speed_limits.csv");
/// The limit where the table knows no road, as the app has it.
const LIMIT_ELSEWHERE: f64 = 90.0;

/// A place on the globe, in degrees, and where one looks there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub lat: f64,
    pub lon: f64,
    pub heading: f64,
}

/// A route from the depot to a town: points of latitude and longitude, and the heading from each to the next.
pub struct Route {
    pub id: &'static str,
    points: [(f64, f64); 5],
    headings: [f64; 4],
}

/// As apps/fleet/app.sql has them.
pub const ROUTES: [Route; 4] = [
    Route {
        id: "huesca",
        points: [
            (41.6488, -0.8891),
            (41.7600, -0.8200),
            (41.9200, -0.6600),
            (42.0400, -0.5200),
            (42.1401, -0.4089),
        ],
        headings: [25.0, 37.0, 41.0, 40.0],
    },
    Route {
        id: "calatayud",
        points: [
            (41.6488, -0.8891),
            (41.5700, -1.1200),
            (41.4700, -1.3600),
            (41.4000, -1.5200),
            (41.3535, -1.6432),
        ],
        headings: [245.0, 241.0, 240.0, 243.0],
    },
    Route {
        id: "alcaniz",
        points: [
            (41.6488, -0.8891),
            (41.5200, -0.7200),
            (41.3300, -0.4900),
            (41.1500, -0.2800),
            (41.0511, -0.1336),
        ],
        headings: [136.0, 138.0, 139.0, 132.0],
    },
    Route {
        id: "tudela",
        points: [
            (41.6488, -0.8891),
            (41.7700, -1.1100),
            (41.8900, -1.3300),
            (41.9900, -1.5000),
            (42.0617, -1.6045),
        ],
        headings: [306.0, 306.0, 308.0, 313.0],
    },
];

impl Route {
    /// The legs: where each begins, its way in degrees, and its length in metres.
    fn legs(&self) -> impl Iterator<Item = ((f64, f64), (f64, f64), f64)> {
        self.points.windows(2).map(|pair| {
            let way = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
            let (north, east) = (way.0 * METRES_PER_LAT, way.1 * METRES_PER_LON);
            (pair[0], way, (north * north + east * east).sqrt())
        })
    }

    /// From end to end, in metres.
    pub fn metres(&self) -> f64 {
        self.legs().map(|(_, _, metres)| metres).sum()
    }

    /// The place so many metres from the depot, and so many to the right of the road.
    pub fn place(&self, metres: f64, aside: f64) -> Place {
        let mut rest = metres.max(0.0);
        let mut last = None;
        for (((lat, lon), way, length), heading) in self.legs().zip(self.headings) {
            let share = (rest / length).min(1.0);
            // A step to the right of the way, which is a quarter of a turn.
            let (right_lat, right_lon) = (
                -way.1 * METRES_PER_LON / length / METRES_PER_LAT,
                way.0 * METRES_PER_LAT / length / METRES_PER_LON,
            );
            last = Some(Place {
                lat: lat + share * way.0 + aside * right_lat,
                lon: lon + share * way.1 + aside * right_lon,
                heading,
            });
            if rest <= length {
                break;
            }
            rest -= length;
        }
        last.expect("a route has legs")
    }
}

/// Speed limits by cell.
pub struct Limits(BTreeMap<&'static str, f64>);

impl Limits {
    /// Those of the app.
    pub fn new() -> Self {
        let lines = LIMITS.lines().skip(1).filter_map(|line| line.split_once(','));
        Self(lines.filter_map(|(cell, kmh)| Some((cell, kmh.parse().ok()?))).collect())
    }

    /// The limit at a place, in km/h.
    pub fn at(&self, place: Place) -> f64 {
        self.0.get(cell(place).as_str()).copied().unwrap_or(LIMIT_ELSEWHERE)
    }
}

/// The geohash of five characters.
fn cell(place: Place) -> String {
    const ALPHABET: [char; 32] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm',
        'n', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
    ];
    let mut ranges = [(-180.0, 180.0), (-90.0, 90.0)];
    let values = [place.lon, place.lat];
    let mut halving = 0;
    let character = |_| {
        let mut index = 0;
        for _ in 0..5 {
            let range: &mut (f64, f64) = &mut ranges[halving % 2];
            let middle = (range.0 + range.1) / 2.0;
            let upper = values[halving % 2] >= middle;
            *range = if upper { (middle, range.1) } else { (range.0, middle) };
            index = index * 2 + usize::from(upper);
            halving += 1;
        }
        ALPHABET[index]
    };
    (0..5).map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_geohashes() {
        let place = Place { lat: 57.64911, lon: 10.40744, heading: 0.0 };
        assert_eq!(cell(place), "u4pru");
    }

    #[test]
    fn the_table_of_limits_knows_every_road() {
        let limits = Limits::new();
        for route in &ROUTES {
            let mut metres = 0.0;
            while metres < route.metres() {
                let place = route.place(metres, 0.0);
                assert!(limits.0.contains_key(cell(place).as_str()), "{} at {metres}", route.id);
                metres += 100.0;
            }
        }
    }

    #[test]
    fn the_app_has_the_same_routes() {
        let app = include_str!("../../../../../apps/fleet/app.sql");
        for route in &ROUTES {
            let points: Vec<_> = route.points.iter().map(|(lat, lon)| format!("{lon:.4} {lat:.4}")).collect();
            assert!(app.contains(&format!("LINESTRING ({})", points.join(", "))), "{}", route.id);
            assert!(app.contains(&format!("WHEN '{}'", route.id)));
        }
    }

    #[test]
    fn a_place_aside_is_as_far_from_the_road() {
        let (on, off) = (ROUTES[0].place(20_000.0, 0.0), ROUTES[0].place(20_000.0, 1_000.0));
        let (north, east) = ((off.lat - on.lat) * METRES_PER_LAT, (off.lon - on.lon) * METRES_PER_LON);
        assert!(((north * north + east * east).sqrt() - 1_000.0).abs() < 1.0);
        // The road leads to the north-east: its right is the south-east.
        assert!(north < 0.0 && east > 0.0);
    }
}
