//! Every peer of a model, or why it is not here.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use crate::ffi::{Compiled, Lightgbm, Onnxruntime, Treelite, Xgboost};
use crate::folder::{Folder, Rows, Shape};
use crate::measure::Contender;

/// A peer, loaded with a model.
pub struct Peer {
    /// Its name.
    pub name: &'static str,
    /// Milliseconds to load the model; of compiled models, their library.
    pub ready_millis: f64,
    /// What answers; or why the peer is skipped.
    pub contender: Result<Box<dyn Contender>, String>,
}

/// A model, and what its peers load.
struct Case<'a> {
    folder: &'a Folder,
    table: &'a str,
    shape: &'a Shape,
    model: PathBuf,
    rows: &'a Rc<Rows>,
}

type Loaded = Result<Box<dyn Contender>, String>;
type Load = fn(&Case<'_>) -> Loaded;

/// The peers, whom they evaluate besides XGBoost's models, and how they load one.
const PEERS: [(&str, Models, Load); 8] = [
    ("hessboost", Models::All, hessboost),
    ("tl2cgen", Models::All, |case| boxed(Compiled::tl2cgen(&case.built("tl2cgen")?, case.rows()))),
    ("lleaves", Models::Lightgbm, |case| boxed(Compiled::lleaves(&case.built("lleaves")?, case.rows()))),
    ("ydf", Models::All, |case| boxed(Compiled::ydf(&case.built("ydf")?, case.rows()))),
    ("onnxruntime", Models::All, |case| {
        let model = case.folder.built(case.table, case.shape, "onnxruntime", "onnx")?;
        boxed(Onnxruntime::new(case.library("onnxruntime")?, &model, case.rows()))
    }),
    ("treelite", Models::All, |case| {
        let library = case.library("treelite")?;
        boxed(Treelite::new(library, &case.model, case.shape.is_lightgbm, case.rows()))
    }),
    ("xgboost", Models::Xgboost, |case| {
        boxed(Xgboost::new(case.library("xgboost")?, &case.model, case.rows()))
    }),
    ("lightgbm", Models::Lightgbm, |case| {
        boxed(Lightgbm::new(case.library("lightgbm")?, &case.model, case.rows()))
    }),
];

/// Whose models a peer evaluates.
#[derive(Clone, Copy, PartialEq)]
enum Models {
    All,
    Xgboost,
    Lightgbm,
}

impl Case<'_> {
    fn rows(&self) -> Rc<Rows> {
        Rc::clone(self.rows)
    }

    /// The shared library of a model, where each has its own.
    fn built(&self, peer: &str) -> Result<PathBuf, String> {
        self.folder.installed(peer)?;
        self.folder.built(self.table, self.shape, peer, "so")
    }

    /// The shared library of a peer.
    fn library(&self, peer: &str) -> Result<&Path, String> {
        let library = self.folder.installed(peer)?.library.as_deref();
        let library = library.filter(|path| path.is_file());
        library.ok_or_else(|| "its shared library is missing; run bench/peers/setup again".to_owned())
    }
}

fn boxed<T: Contender + 'static>(loaded: Result<T, String>) -> Loaded {
    Ok(Box::new(loaded?))
}

#[cfg(feature = "hessboost")]
fn hessboost(case: &Case<'_>) -> Loaded {
    boxed(crate::rust_peer::Hessboost::new(&case.model, case.shape.is_lightgbm, case.rows()))
}

#[cfg(not(feature = "hessboost"))]
fn hessboost(_: &Case<'_>) -> Loaded {
    Err("not built in; add --features hessboost to the cargo command".to_owned())
}

/// Loads a model into every peer that evaluates its kind.
pub fn load(folder: &Folder, table: &str, shape: &Shape, rows: &Rc<Rows>) -> Vec<Peer> {
    let model = folder.path.join(Folder::model(table, shape));
    let case = Case { folder, table, shape, model, rows };
    let own = if shape.is_lightgbm { Models::Lightgbm } else { Models::Xgboost };
    let peers = PEERS.iter().filter(|(_, models, _)| *models == Models::All || *models == own);
    let loaded = peers.map(|&(name, _, load)| {
        let start = Instant::now();
        let contender = load(&case);
        Peer { name, ready_millis: start.elapsed().as_secs_f64() * 1e3, contender }
    });
    loaded.collect()
}

/// Names and versions of the peers, as the report states them.
pub fn versions(folder: &Folder) -> String {
    let mut names: Vec<String> =
        folder.peers.iter().map(|peer| format!("{} {}", peer.name, peer.version)).collect();
    if cfg!(feature = "hessboost") {
        names.insert(0, format!("hessboost {HESSBOOST_VERSION}"));
    }
    names.join(", ")
}

/// The version that Cargo.toml pins.
const HESSBOOST_VERSION: &str = "0.4.6";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stated_is_the_one_pinned() {
        let manifest = include_str!("../Cargo.toml");
        assert!(manifest.contains(&format!(r#"hessboost = {{ version = "={HESSBOOST_VERSION}""#)));
    }
}
