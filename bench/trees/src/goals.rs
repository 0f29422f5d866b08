//! What was found for a model, and how it stands to the goals.

use crate::folder::Shape;
use crate::measure::{Agreement, Figures};
use crate::ours::Ready;

/// A peer's figures, or why it has none.
#[derive(Debug)]
pub struct PeerFound {
    /// Its name.
    pub name: &'static str,
    /// Milliseconds to load the model.
    pub ready_millis: f64,
    /// What was measured; or why the peer was skipped.
    pub outcome: Result<Measured, String>,
}

/// Figures, and whether the answers are right.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Nanoseconds per row.
    pub figures: Figures,
    /// How the answers compare with the library's own.
    pub agreement: Agreement,
}

/// Everything found for a model.
#[derive(Debug)]
pub struct Found {
    /// The table of its rows.
    pub table: &'static str,
    /// Its kind.
    pub shape: &'static Shape,
    /// What making it ready took.
    pub ready: Ready,
    /// Ours.
    pub ours: Measured,
    /// The peers, measured or skipped.
    pub peers: Vec<PeerFound>,
    /// The add chain.
    pub floor: Figures,
}

/// A figure that has goals: its name, where it stands in [`Shape::goals`], and how it is read.
type Measure = (&'static str, fn(&Figures) -> f64);

/// In the order of [`Shape::goals`].
pub const MEASURES: [Measure; 4] = [
    ("p50", |figures| figures.p50),
    ("p99", |figures| figures.p99),
    ("cold", |figures| figures.cold),
    ("batch", |figures| figures.batch),
];

/// A number that has a goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Which number.
    pub name: String,
    /// Ours.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What it is compared with: the fastest peer of this figure, or a bound.
    pub against: &'static str,
    /// How many times faster than that; `None` where there is nothing to divide.
    pub ratio: Option<f64>,
    /// Least ratio, or most of the value where there is no ratio.
    pub goal: f64,
    /// Whether it is met.
    pub met: bool,
}

impl Found {
    /// The model's name.
    pub fn name(&self) -> String {
        format!("{} {}", self.table, self.shape.name)
    }

    /// The peer that is fastest by a figure, among those that evaluate the model at all.
    pub fn fastest(&self, read: fn(&Figures) -> f64) -> Option<(&'static str, f64)> {
        let measured = self.peers.iter().filter_map(|peer| {
            let measured = peer.outcome.as_ref().ok().filter(|measured| measured.agreement.counts())?;
            Some((peer.name, read(&measured.figures)))
        });
        measured.min_by(|one, other| one.1.total_cmp(&other.1))
    }

    /// The goals of the figures, in their order. Without a peer to compare with none is met.
    pub fn ratios(&self) -> Vec<Verdict> {
        let with_goals = MEASURES.iter().zip(self.shape.goals);
        let verdicts = with_goals.map(|(&(measure, read), goal)| {
            let (name, value) = (format!("{} {measure}", self.name()), read(&self.ours.figures));
            let fastest = self.fastest(read);
            let against = fastest.map_or("no peer", |(name, _)| name);
            let ratio = fastest.map(|(_, theirs)| theirs / value);
            let met = ratio.is_some_and(|ratio| ratio >= goal);
            Verdict { name, value, unit: "ns", against, ratio, goal, met }
        });
        verdicts.collect()
    }

    /// The goals that are bounds: exactness, and time to ready where it has one.
    pub fn bounds(&self) -> Vec<Verdict> {
        let at_most = |what, value: f64, unit, goal: f64| {
            let name = format!("{} {what}", self.name());
            Verdict { name, value, unit, against: "bound", ratio: None, goal, met: value <= goal }
        };
        let differ = self.ours.agreement.differ as f64;
        let ready = self.shape.ready_millis_max;
        let ready = ready.map(|goal| at_most("ready", self.ready.ready_millis, "ms", goal));
        [at_most("rows that differ", differ, "rows", 0.0)].into_iter().chain(ready).collect()
    }

    /// All goals.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.ratios().into_iter().chain(self.bounds()).collect()
    }
}

#[cfg(test)]
pub mod tests {
    use vencejo_model::Layout;

    use super::*;
    use crate::folder::SHAPES;

    /// Figures that are all `nanos`.
    pub fn measured(nanos: f64, differ: usize, far: usize) -> Measured {
        let figures = Figures { p50: nanos, p99: nanos, hot: nanos, cold: nanos, batch: nanos };
        Measured { figures, agreement: Agreement { differ, far, rows: 20_000 } }
    }

    /// A model of 500 trees of depth 6 on which ours takes 100 ns a row.
    pub fn found() -> Found {
        let peer = |name, outcome| PeerFound { name, ready_millis: 3.0, outcome };
        Found {
            table: "ads",
            shape: &SHAPES[1],
            ready: Ready {
                parse_millis: 20.0,
                ready_millis: 90.0,
                layout: Layout::Walk,
                batch_layout: Layout::Planes,
                table_bytes: 200_000,
            },
            ours: measured(100.0, 0, 0),
            peers: vec![
                peer("slow", Ok(measured(5_000.0, 9, 0))),
                peer("fast", Ok(measured(350.0, 3, 0))),
                peer("wrong", Ok(measured(1.0, 20_000, 20_000))),
                peer("absent", Err("not here".to_owned())),
            ],
            floor: measured(25.0, 0, 0).figures,
        }
    }

    #[test]
    fn ratios_are_to_the_fastest_peer_whose_answers_are_right() {
        let ratios = found().ratios();
        assert!(ratios.iter().all(|verdict| verdict.against == "fast" && verdict.ratio == Some(3.5)));
        let met: Vec<bool> = ratios.iter().map(|verdict| verdict.met).collect();
        assert_eq!(met, [true, true, true, false], "the goals are 3, 3.5, 2.3 and 4.5");
    }

    #[test]
    fn a_bit_too_much_is_a_missed_goal() {
        let mut found = found();
        assert!(found.bounds().iter().all(|verdict| verdict.met));
        found.ours.agreement.differ = 1;
        found.ready.ready_millis = 150.1;
        assert!(found.bounds().iter().all(|verdict| !verdict.met));
        assert_eq!(found.bounds().len(), 2);
    }

    #[test]
    fn without_peers_no_ratio_is_met() {
        let mut found = found();
        found.peers.clear();
        assert!(found.ratios().iter().all(|verdict| verdict.ratio.is_none() && !verdict.met));
    }
}
