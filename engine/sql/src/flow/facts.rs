//! What is known of rows besides their columns' types.

use vencejo_core::plan::Stream;

use super::rel::{Layout, Rel};

/// Places are columns of the row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Time attributes: columns that the watermark is about.
    pub(crate) times: Vec<usize>,
    /// window_start and window_end.
    pub(crate) window: Option<(usize, usize)>,
    /// window_end, even where window_start is lost.
    pub(crate) window_end: Option<usize>,
    /// What a row is about: the key of its group, or of its stream.
    pub(crate) key: Option<Vec<usize>>,
    /// The number that ROW_NUMBER gives, and the node that gives it.
    pub(crate) rank: Option<(usize, usize)>,
    /// Whether the rows are the groups of an aggregation without a window.
    pub(crate) running: bool,
    /// The streams behind the rows, each with the columns that hold its PARTITIONED BY.
    pub(crate) streams: Vec<(usize, Vec<Option<usize>>)>,
    /// Whether each partition has all that the rows are made of.
    pub(crate) complete: bool,
}

impl Facts {
    /// Of a stream's rows.
    pub(crate) fn of_stream(index: usize, stream: &Stream) -> Self {
        let key = stream.schema.key().to_vec();
        Self {
            times: stream.watermark.iter().map(|watermark| watermark.column).collect(),
            streams: vec![(index, key.iter().copied().map(Some).collect())],
            key: (!key.is_empty()).then_some(key),
            complete: true,
            ..Self::default()
        }
    }

    /// The columns by which all streams behind the rows are partitioned, if they are partitioned alike.
    pub(crate) fn partition(&self) -> Option<Vec<usize>> {
        let mut lists = self.streams.iter().map(|(_, columns)| columns);
        let first = lists.next()?;
        if !lists.all(|other| other == first) {
            return None;
        }
        first.iter().copied().collect()
    }

    /// The facts by other places; what is not among them is lost.
    pub(crate) fn moved(&self, to: impl Fn(usize) -> Option<usize>) -> Self {
        let pair = |(a, b): (usize, usize)| Some((to(a)?, to(b)?));
        Self {
            times: self.times.iter().filter_map(|&time| to(time)).collect(),
            window: self.window.and_then(pair),
            window_end: self.window_end.and_then(&to),
            key: self.key.as_ref().and_then(|key| key.iter().map(|&column| to(column)).collect()),
            rank: self.rank.and_then(|(column, node)| Some((to(column)?, node))),
            running: self.running,
            streams: self
                .streams
                .iter()
                .map(|(stream, columns)| (*stream, columns.iter().map(|c| c.and_then(&to)).collect()))
                .collect(),
            complete: self.complete,
        }
    }

    /// With the window in these columns.
    pub(crate) fn set_window(&mut self, window: Option<(usize, usize)>) {
        self.window = window;
        self.window_end = window.map(|(_, end)| end);
    }

    /// What holds of rows of both kinds.
    fn common(mut self, other: Self) -> Self {
        self.times.retain(|time| other.times.contains(time));
        self.window_end = self.window_end.filter(|end| other.window_end == Some(*end));
        self.window = self.window.filter(|window| other.window == Some(*window));
        self.key = self.key.filter(|key| other.key.as_ref() == Some(key));
        self.rank = None;
        self.running |= other.running;
        for stream in other.streams {
            if !self.streams.contains(&stream) {
                self.streams.push(stream);
            }
        }
        self.complete &= other.complete;
        self
    }
}

impl Rel {
    /// The facts of all branches by the places of a layout.
    pub(crate) fn facts(&self, layout: &Layout) -> Facts {
        let of_branches = self.branches.iter().enumerate().map(|(index, branch)| {
            branch.facts.moved(|column| {
                (0..layout.len()).find(|&place| {
                    let expr = layout.column(place)[index];
                    branch
                        .graph
                        .as_column(expr)
                        .is_some_and(|(input, at)| (input, usize::from(at)) == (0, column))
                })
            })
        });
        of_branches.reduce(Facts::common).unwrap_or_default()
    }
}
