//! What a vehicle sends, as CSV.

use std::io::{self, Write};

use super::road::Place;
use crate::generate::truth::timestamp;

/// First lines of telemetry.csv and emergency.csv, without a line end.
pub const TELEMETRY_HEADER: &str = "vehicle_id,ts,lat,lon,speed,heading,cargo_temperature,accel,fuel,door,\
event_type,route_id,cargo";
pub const EMERGENCY_HEADER: &str =
    "vehicle_id,ts,lat,lon,speed,heading,cargo_temperature,accel,fuel,door,event_type,severity";

/// Why it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Periodic,
    Motion,
    IgnitionOn,
    IgnitionOff,
    /// Of the stream of emergencies: a press of the button, or its test.
    Panic {
        test: bool,
    },
    /// Of the stream of emergencies.
    Impact,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub vehicle: u32,
    /// Unix time in milliseconds.
    pub ts_millis: i64,
    pub kind: Kind,
    pub place: Place,
    /// km/h.
    pub speed: f64,
    /// Degrees Celsius.
    pub temperature: Option<f64>,
    /// g, along the vehicle.
    pub accel: f64,
    /// Percent.
    pub fuel: f64,
    pub door_open: bool,
    pub route: &'static str,
    pub cargo: &'static str,
}

/// A vehicle in text.
pub fn vehicle_id(vehicle: u32) -> String {
    format!("v{vehicle:05}")
}

impl Message {
    /// Whether it is of the stream of emergencies.
    pub fn is_emergency(&self) -> bool {
        matches!(self.kind, Kind::Panic { .. } | Kind::Impact)
    }

    /// Writes it as one line of its stream's CSV, line end included.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        let Place { lat, lon, heading } = self.place;
        let temperature = self.temperature.map_or_else(String::new, |celsius| format!("{celsius:.1}"));
        let door = if self.door_open { "open" } else { "closed" };
        write!(out, "{},{},{lat:.5},{lon:.5},", vehicle_id(self.vehicle), timestamp(self.ts_millis))?;
        write!(out, "{:.1},{heading:.0},{temperature},{:.3},", self.speed, self.accel)?;
        write!(out, "{:.1},{door},", self.fuel)?;
        let (event_type, severity) = match self.kind {
            Kind::Periodic => ("periodic", None),
            Kind::Motion => ("motion", None),
            Kind::IgnitionOn => ("ignition_on", None),
            Kind::IgnitionOff => ("ignition_off", None),
            Kind::Panic { test } => ("panic_button", Some(if test { "test" } else { "critical" })),
            Kind::Impact => ("impact", Some("critical")),
        };
        match severity {
            None => writeln!(out, "{event_type},{},{}", self.route, self.cargo),
            Some(severity) => writeln!(out, "{event_type},{severity}"),
        }
    }
}
