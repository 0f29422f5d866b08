//! The state of a partition as an image: captured while events go on, opened while pages are still on disk.
//!
//! An image is a head, taken in one moment between two events, and pages, each with its place
//! ([`PageAt`]; `owner` is the node's number when the image was made). Whoever stores them adds length,
//! checksum and what else tells a page from another; bytes come back through a [`PageSource`].
//!
//! An image may be of another version of the app. Each node has a fingerprint of what it and everything
//! before it do: a node that is the same goes on with its state, another begins anew; none is misread.

mod fingerprint;
mod head;
mod keeper;

use std::fmt;
use std::sync::Arc;

use vencejo_types::row::key_hash;
pub use vencejo_windows::paged::{PageAt, PageFault, PageSource};
use vencejo_windows::paged::{RestoreError, SavedPage};

use crate::dataflow::Keeper;
use crate::models::ModelVersion;
use crate::plan::App;
use crate::state::PartitionState;

pub(crate) use fingerprint::of_model;
use head::Head;
use keeper::numbered;

/// In place of a node's number: the book of alerts.
const BOOK: u32 = u32::MAX - 1;

/// How far a capture has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Capture {
    node: usize,
    /// Pages of that node that are numbered as they come.
    given: u32,
}

/// A page of a partition's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatePage {
    /// Where it lies.
    pub at: PageAt,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Gives the versions of models that an image names: model, label, content ([`ModelVersion::content`]).
pub type Versions<'v> = dyn FnMut(&str, &str, u64) -> Option<Arc<ModelVersion>> + 'v;

/// A partition that goes on from an image.
#[derive(Debug)]
pub struct Restored {
    /// The partition.
    pub state: PartitionState,
    /// Views and queries with a node that begins anew, as it is not in the image.
    pub anew: Vec<String>,
    /// Models whose versions are those that the app declares: it declares others than it did, or a version
    /// cannot be had.
    pub models_anew: Vec<String>,
}

/// Why there is no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureError {
    /// No capture is under way: none was begun, it is done, or the partition has begun anew since.
    NotUnderWay,
    /// A page of the image that the partition was opened from cannot be had.
    Page(PageFault),
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUnderWay => f.write_str("no capture is under way"),
            Self::Page(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for CaptureError {}

/// Why an image cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The head is of a version that this engine does not know.
    Version(u32),
    /// The head is none.
    Head,
    /// The head of a node's state is none of it.
    Node(String),
    /// A page that a node cannot do without cannot be had.
    Page(String, PageFault),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "the image has version {version}, which is not known here"),
            Self::Head => f.write_str("the head of the image is none"),
            Self::Node(name) => write!(f, "the state of {name} in the image is none of it"),
            Self::Page(name, fault) => write!(f, "{name} cannot go on: {fault}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl PartitionState {
    /// Begins a capture of the state as it is now: the image's head. One that was under way is given up.
    /// Cost: a few words for each container of state; no page is looked at.
    pub fn begin_capture(&mut self) -> Vec<u8> {
        self.captures += 1;
        self.capturing = Some(Capture::default());
        let book = self.dataflow.alerts.begin_capture();
        Head::of(self, book, |keeper: Keeper<'_>, captures| keeper.begin(captures)).write()
    }

    /// Gives up the capture that is under way, if any: nothing is saved for it any more.
    pub fn end_capture(&mut self) {
        self.capturing = None;
        let mut node = 0;
        while let Some(keeper) = self.dataflow.keeper(node) {
            keeper.into_iter().for_each(Keeper::end);
            node += 1;
        }
        self.dataflow.alerts.end_capture();
    }

    /// Appends pages of the capture that is under way until about `budget` bytes are spent; whether the
    /// image has them all. Called between events; how often, decides how long a capture takes and nothing
    /// else.
    ///
    /// # Errors
    /// There will be no image.
    pub fn capture_some(&mut self, budget: usize, out: &mut Vec<StatePage>) -> Result<bool, CaptureError> {
        let mut capture = self.capturing.take().ok_or(CaptureError::NotUnderWay)?;
        let (mut left, mut pages) = (budget, Vec::new());
        loop {
            let (owner, is_last) = match self.dataflow.keeper(capture.node) {
                Some(_) => (number(capture.node), false),
                None => (BOOK, true),
            };
            let is_done = match self.dataflow.keeper(capture.node) {
                None => {
                    self.dataflow.alerts.capture_some(&mut numbered(left, &mut capture.given, &mut pages))
                }
                Some(None) => true,
                Some(Some(keeper)) => {
                    keeper.capture_some(left, &mut capture.given, &mut pages).map_err(CaptureError::Page)?
                }
            };
            left = left.saturating_sub(pages.iter().map(|page| page.bytes.len()).sum());
            out.extend(pages.drain(..).map(|SavedPage { container, page, bytes }| StatePage {
                at: PageAt { owner, container, page },
                bytes,
            }));
            if is_done && is_last {
                return Ok(true);
            }
            if is_done {
                capture = Capture { node: capture.node + 1, given: 0 };
            }
            if left == 0 || !is_done {
                self.capturing = Some(capture);
                return Ok(false);
            }
        }
    }

    /// Opens an image as a partition of `app`. Tables that look-ups read load their pages when they are
    /// touched; all other state is loaded now.
    ///
    /// # Errors
    /// When it is none, or damaged where it must not be.
    pub fn open(
        app: &Arc<App>,
        head: &[u8],
        source: &Arc<dyn PageSource>,
        versions: &mut Versions<'_>,
    ) -> Result<Restored, OpenError> {
        Head::read(head)?.open(app, source, versions)
    }

    /// Loads pages that are still in the image alone until about `budget` bytes are spent; whether all
    /// were asked for.
    ///
    /// # Errors
    /// When pages cannot be had: the first of them, once. The others are loaded.
    pub fn hydrate_some(&mut self, budget: usize) -> Result<bool, PageFault> {
        while let Some(keeper) = self.dataflow.keeper(self.hydrated) {
            if let Some(keeper) = keeper
                && !keeper.hydrate_some(budget)?
            {
                return Ok(false);
            }
            self.hydrated += 1;
        }
        Ok(true)
    }

    /// XXH3-64 over the whole state: two partitions to which the same has happened have the same, restarts in
    /// between or not. Cost: linear in the state, of which all is loaded.
    ///
    /// # Errors
    /// When a page cannot be had.
    pub fn digest(&mut self) -> Result<u64, PageFault> {
        let mut hashes = Vec::new();
        let mut fault = None;
        self.dataflow.alerts.digest(&mut |piece| hashes.push(key_hash(piece)));
        let head = Head::of(self, Vec::new(), |keeper, _| {
            let digest = keeper.digest(&mut |piece| hashes.push(key_hash(piece)));
            fault = fault.or(digest.err());
            Vec::new()
        });
        hashes.push(key_hash(&head.write()));
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        fault.map_or(Ok(key_hash(&bytes)), Err)
    }
}

/// A node's number as pages have it.
fn number(node: usize) -> u32 {
    u32::try_from(node).expect("an app has at most FLOW_NODES_MAX nodes")
}

fn open_error(name: &str, error: RestoreError) -> OpenError {
    match error {
        RestoreError::Head => OpenError::Node(name.to_owned()),
        RestoreError::Page(fault) => OpenError::Page(name.to_owned(), fault),
    }
}
