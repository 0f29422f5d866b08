//! Well-known text: POLYGON, MULTIPOLYGON, LINESTRING of two coordinates.

use vencejo_types::limits::GEOMETRY_POINTS_MAX;

use super::CallError;

/// A place in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) lon: f64,
    pub(super) lat: f64,
}

/// The rings of a POLYGON or MULTIPOLYGON.
pub(super) fn area(text: &str) -> Result<Vec<Vec<Point>>, CallError> {
    let mut reader = Reader { text, at: 0, points: 0 };
    let mut rings = Vec::new();
    let result = reader.area(&mut rings).and_then(|()| reader.end());
    result.map_err(|message| {
        reader.error(&message, "such as 'POLYGON ((lon lat, lon lat, lon lat, lon lat))'")
    })?;
    Ok(rings)
}

/// The points of a LINESTRING.
pub(super) fn line(text: &str) -> Result<Vec<Point>, CallError> {
    let mut reader = Reader { text, at: 0, points: 0 };
    let result = reader.line().and_then(|line| reader.end().map(|()| line));
    result.map_err(|message| reader.error(&message, "such as 'LINESTRING (lon lat, lon lat)'"))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    points: usize,
}

type Read<T> = Result<T, String>;

impl Reader<'_> {
    fn error(&self, message: &str, example: &str) -> CallError {
        let character = self.text.get(..self.at).map_or(0, |head| head.chars().count()) + 1;
        let message = format!("the geometry is wrong at character {character}: {message}");
        CallError::new(0, message).with_hint(format!("it is well-known text, longitude first, {example}"))
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, c: char) -> bool {
        self.space();
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, c: char) -> Read<()> {
        if self.eat(c) { Ok(()) } else { Err(format!("expected '{c}'")) }
    }

    fn keyword(&mut self, word: &str) -> bool {
        self.space();
        let letters = self.rest().bytes().take_while(u8::is_ascii_alphabetic).count();
        let found = self.rest()[..letters].eq_ignore_ascii_case(word);
        self.at += if found { letters } else { 0 };
        found
    }

    fn end(&mut self) -> Read<()> {
        self.space();
        if self.rest().is_empty() { Ok(()) } else { Err("expected the end".to_string()) }
    }

    fn area(&mut self, rings: &mut Vec<Vec<Point>>) -> Read<()> {
        if self.keyword("POLYGON") {
            return self.polygon(rings);
        }
        if !self.keyword("MULTIPOLYGON") {
            return Err("expected POLYGON or MULTIPOLYGON".to_string());
        }
        self.expect('(')?;
        self.polygon(rings)?;
        while self.eat(',') {
            self.polygon(rings)?;
        }
        self.expect(')')
    }

    fn polygon(&mut self, rings: &mut Vec<Vec<Point>>) -> Read<()> {
        self.expect('(')?;
        rings.push(self.ring()?);
        while self.eat(',') {
            rings.push(self.ring()?);
        }
        self.expect(')')
    }

    fn ring(&mut self) -> Read<Vec<Point>> {
        let points = self.list()?;
        if points.len() < 4 {
            return Err("a ring has at least four points, the last the first".to_string());
        }
        if points.first() != points.last() {
            return Err("a ring ends where it began".to_string());
        }
        Ok(points)
    }

    fn line(&mut self) -> Read<Vec<Point>> {
        if !self.keyword("LINESTRING") {
            return Err("expected LINESTRING".to_string());
        }
        let points = self.list()?;
        if points.len() < 2 {
            return Err("a line has at least two points".to_string());
        }
        Ok(points)
    }

    fn list(&mut self) -> Read<Vec<Point>> {
        self.expect('(')?;
        let mut points = vec![self.point()?];
        while self.eat(',') {
            points.push(self.point()?);
        }
        self.expect(')')?;
        Ok(points)
    }

    fn point(&mut self) -> Read<Point> {
        self.points += 1;
        if self.points > GEOMETRY_POINTS_MAX {
            return Err(format!("it has more than {GEOMETRY_POINTS_MAX} points"));
        }
        let lon = self.number(180.0, "longitude")?;
        let lat = self.number(90.0, "latitude")?;
        Ok(Point { lon, lat })
    }

    fn number(&mut self, most: f64, what: &str) -> Read<f64> {
        self.space();
        let part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        let length = self.rest().chars().take_while(|&c| part(c)).count();
        let number = self.rest()[..length].parse::<f64>();
        match number {
            Ok(number) if number.abs() <= most => {
                self.at += length;
                Ok(number)
            }
            Ok(_) => Err(format!("a {what} lies between -{most} and {most}")),
            Err(_) => Err(format!("expected a {what}")),
        }
    }
}
