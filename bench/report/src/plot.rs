//! Curves as SVG files.

use std::path::Path;

use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;

const SIZE: (u32, u32) = (820, 460);
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 90, 181),
    RGBColor(220, 50, 32),
    RGBColor(0, 150, 110),
    RGBColor(150, 90, 200),
    RGBColor(230, 150, 0),
    RGBColor(90, 90, 90),
];

/// What a plot's lines run over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Shares of the answers, from half of them to all, drawn so that every further nine is as wide.
    Percentiles,
    /// Something that is counted, from 0.
    Count(&'static str),
}

/// A curve: its name and its points.
pub type Line = (String, Vec<(f64, f64)>);

/// Lines over one axis, latencies in microseconds over the other.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Name of the file, without its ending.
    pub file: &'static str,
    /// What it shows.
    pub title: String,
    /// The horizontal axis.
    pub over: Over,
    /// What is drawn.
    pub lines: Vec<Line>,
}

impl Plot {
    /// Writes the plot into this folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), String> {
        let path = folder.join(format!("{}.svg", self.file));
        let lines: Vec<Line> = self.lines.iter().map(|line| self.placed(line)).collect();
        let points = || lines.iter().flat_map(|(_, points)| points);
        let most_x = points().map(|point| point.0).fold(f64::NAN, f64::max);
        let (least, most) = points().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), point| {
            (least.min(point.1), most.max(point.1))
        });
        if !most_x.is_finite() || least > most {
            return Err(format!("{} has nothing to draw", self.file));
        }
        let drawing = SVGBackend::new(&path, SIZE).into_drawing_area();
        let y = (least / 1.5..most * 1.5).log_scale();
        let drawn = match self.over {
            Over::Percentiles => self.draw(&drawing, &lines, 0.3..most_x, y, &|x| percentile(*x)),
            Over::Count(_) => self.draw(&drawing, &lines, 0.0..most_x * 1.03, y, &|x| format!("{x:.0}")),
        };
        drawn.map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }

    fn draw<X, Y>(
        &self,
        drawing: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        lines: &[Line],
        x: X,
        y: Y,
        label: &dyn Fn(&f64) -> String,
    ) -> Result<(), Box<dyn std::error::Error>>
    where
        X: plotters::coord::ranged1d::AsRangedCoord<Value = f64>,
        X::CoordDescType: ValueFormatter<f64> + Ranged<ValueType = f64>,
        Y: plotters::coord::ranged1d::AsRangedCoord<Value = f64>,
        Y::CoordDescType: ValueFormatter<f64> + Ranged<ValueType = f64>,
    {
        drawing.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(drawing)
            .caption(&self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(64)
            .build_cartesian_2d(x, y)?;
        let over = match self.over {
            Over::Percentiles => "answers within",
            Over::Count(what) => what,
        };
        chart
            .configure_mesh()
            .x_desc(over)
            .y_desc("us")
            .x_label_formatter(label)
            .light_line_style(WHITE)
            .draw()?;
        for ((name, points), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
            let drawn = chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
            drawn.label(name).legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
        drawing.present()?;
        Ok(())
    }

    /// The points as they are drawn.
    fn placed(&self, (name, points): &Line) -> Line {
        let mut points: Vec<(f64, f64)> = match self.over {
            // The longest of all has no place on this axis, and the first half is not of interest.
            Over::Percentiles => {
                let shown = points.iter().filter(|point| (0.5..1.0).contains(&point.0));
                shown.map(|&(share, micros)| (nines(share), micros)).collect()
            }
            Over::Count(_) => points.clone(),
        };
        points.retain(|point| point.1 > 0.0);
        (name.clone(), points)
    }
}

/// How many nines a share begins with.
fn nines(share: f64) -> f64 {
    -(1.0 - share).log10()
}

/// The share that has so many nines, in percent.
fn percentile(nines: f64) -> String {
    let percent = 100.0 * (1.0 - 10_f64.powf(-nines));
    let decimals = (nines - 2.0).max(0.0).ceil();
    match decimals {
        0.0 => format!("{percent:.0} %"),
        1.0 => format!("{percent:.1} %"),
        2.0 => format!("{percent:.2} %"),
        _ => format!("{percent:.3} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(over: Over, points: Vec<(f64, f64)>) -> Plot {
        Plot { file: "p", title: "A title".to_owned(), over, lines: vec![("a line".to_owned(), points)] }
    }

    #[test]
    fn every_nine_is_as_wide() {
        for (share, nine, label) in [(0.9, 1.0, "90 %"), (0.99, 2.0, "99 %"), (0.999, 3.0, "99.9 %")] {
            assert!((nines(share) - nine).abs() < 1e-9);
            assert_eq!(percentile(nine), label);
        }
    }

    #[test]
    fn a_plot_is_an_svg_with_its_words() {
        let folder = tempfile::tempdir().expect("a folder");
        for over in [Over::Percentiles, Over::Count("requests/s")] {
            let points = vec![(0.5, 20.0), (0.9, 30.0), (0.99, 80.0), (1.0, 900.0)];
            plot(over, points).write(folder.path()).expect("it is written");
            let text = std::fs::read_to_string(folder.path().join("p.svg")).expect("a file");
            for word in ["<svg", "A title", "a line", "polyline"] {
                assert!(text.contains(word), "{word} is in {text}");
            }
        }
    }

    #[test]
    fn nothing_is_not_drawn() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(plot(Over::Percentiles, vec![(1.0, 5.0)]).write(folder.path()).is_err());
    }
}
