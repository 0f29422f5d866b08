//! The folder that bench/peers/setup makes: models, rows, the libraries' answers, the peers.

use std::fs;
use std::path::{Path, PathBuf};

use crate::measure::BATCH_ROWS;

/// Tables of rows, and what they hold.
pub const TABLES: [(&str, &str); 2] = [
    ("ads", "10 features of few values, as the ads app has"),
    ("wide", "20 continuous features, 2 of 100 values missing"),
];

/// A kind of model.
#[derive(Debug, PartialEq)]
pub struct Shape {
    /// In file names.
    pub name: &'static str,
    /// LightGBM's, else XGBoost's.
    pub is_lightgbm: bool,
    /// Its trees.
    pub trees: usize,
    /// Least ratios to the fastest peer: p50, p99, cold, batch.
    pub goals: [f64; 4],
    /// Most milliseconds from the file's bytes to ready.
    pub ready_millis_max: Option<f64>,
}

/// The kinds of model.
pub const SHAPES: [Shape; 5] = [
    Shape::new("xgb-100x6", 100, [2.5, 2.5, 1.7, 4.5], None),
    Shape::new("xgb-500x6", 500, [3.0, 3.5, 2.3, 4.5], Some(150.0)),
    Shape::new("xgb-1000x8", 1_000, [3.0, 3.5, 2.3, 2.8], Some(400.0)),
    Shape::new("lgb-500x31", 500, [6.0, 7.0, 3.0, 4.0], None),
    Shape::new("lgb-500x63", 500, [6.0, 7.0, 3.0, 4.0], None),
];

impl Shape {
    const fn new(name: &'static str, trees: usize, goals: [f64; 4], ready_millis_max: Option<f64>) -> Self {
        Self { name, is_lightgbm: name.as_bytes()[0] == b'l', trees, goals, ready_millis_max }
    }
}

/// Rows of a table, one after the other. Their values are `f32` numbers in both forms.
#[derive(Debug)]
pub struct Rows {
    /// Columns.
    pub features: usize,
    /// As `f32`.
    pub narrow: Vec<f32>,
    /// As `f64`.
    pub wide: Vec<f64>,
}

impl Rows {
    /// How many.
    pub fn count(&self) -> usize {
        self.narrow.len() / self.features
    }

    /// `count` rows from `first` on.
    pub fn narrow(&self, first: usize, count: usize) -> &[f32] {
        &self.narrow[first * self.features..][..count * self.features]
    }

    /// `count` rows from `first` on.
    pub fn wide(&self, first: usize, count: usize) -> &[f64] {
        &self.wide[first * self.features..][..count * self.features]
    }
}

/// A peer as setup found it.
#[derive(Debug, PartialEq)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its shared library, unless each model has its own.
    pub library: Option<PathBuf>,
}

/// The folder.
#[derive(Debug)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// The peers installed.
    pub peers: Vec<Installed>,
}

impl Folder {
    /// Reads which peers there are.
    pub fn open(path: &Path) -> Result<Self, String> {
        let list = path.join("peers.tsv");
        let text = fs::read_to_string(&list).map_err(|error| {
            let path = path.display();
            format!(
                "{path} is not a folder of models and peers ({} cannot be read: {error}); make one: \
                 bench/peers/setup {path}",
                list.display()
            )
        })?;
        let peers = text.lines().map(|line| installed(path, line)).collect::<Option<_>>();
        let peers = peers.ok_or_else(|| Self::again(path, &format!("{} is damaged", list.display())))?;
        Ok(Self { path: path.to_owned(), peers })
    }

    /// A problem with one of the folder's files, and what to do.
    pub fn problem(&self, problem: &str) -> String {
        Self::again(&self.path, problem)
    }

    fn again(path: &Path, problem: &str) -> String {
        format!("{problem}; make what is missing: bench/peers/setup {}", path.display())
    }

    /// The bytes of a file that must be there.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let path = self.path.join(name);
        fs::read(&path).map_err(|error| self.problem(&format!("{} cannot be read: {error}", path.display())))
    }

    /// The path of a model's file, from the folder.
    pub fn model(table: &str, shape: &Shape) -> String {
        format!("models/{table}-{}.{}", shape.name, if shape.is_lightgbm { "txt" } else { "ubj" })
    }

    /// A table's rows, `features` numbers each.
    pub fn rows(&self, table: &str, features: usize) -> Result<Rows, String> {
        let narrow = self.numbers(&format!("models/{table}.rows.f32"), f32::from_le_bytes)?;
        let wide = self.numbers(&format!("models/{table}.rows.f64"), f64::from_le_bytes)?;
        let block = features * BATCH_ROWS;
        if narrow.len() != wide.len() || narrow.is_empty() || block == 0 || narrow.len() % block != 0 {
            let problem = format!(
                "models/{table}.rows.f32 and .f64 hold {} and {} numbers, not blocks of {BATCH_ROWS} rows \
                 of {features}; delete both",
                narrow.len(),
                wide.len()
            );
            return Err(self.problem(&problem));
        }
        Ok(Rows { features, narrow, wide })
    }

    /// What the library that made the model answers for `count` rows.
    pub fn margins(&self, table: &str, shape: &Shape, count: usize) -> Result<Vec<f64>, String> {
        let ending = if shape.is_lightgbm { "f64" } else { "f32" };
        let name = format!("models/{table}-{}.margins.{ending}", shape.name);
        let margins = if shape.is_lightgbm {
            self.numbers(&name, f64::from_le_bytes)?
        } else {
            self.numbers(&name, |bytes| f64::from(f32::from_le_bytes(bytes)))?
        };
        if margins.len() == count {
            return Ok(margins);
        }
        let problem = format!("{name} holds {} answers for {count} rows; delete it", margins.len());
        Err(self.problem(&problem))
    }

    fn numbers<const N: usize, T>(&self, name: &str, number: fn([u8; N]) -> T) -> Result<Vec<T>, String> {
        Ok(self.read(name)?.as_chunks().0.iter().map(|bytes| number(*bytes)).collect())
    }

    /// A peer's form of a model, or why there is none.
    pub fn built(&self, table: &str, shape: &Shape, peer: &str, ending: &str) -> Result<PathBuf, String> {
        let stem = format!("built/{table}-{}.{peer}", shape.name);
        let path = self.path.join(format!("{stem}.{ending}"));
        if path.is_file() {
            return Ok(path);
        }
        let reason = fs::read_to_string(self.path.join(format!("{stem}.skipped")));
        Err(reason.map_or_else(
            |_| "its form of the model is missing; run bench/peers/setup again".to_owned(),
            |reason| reason.trim().to_owned(),
        ))
    }

    /// A peer that setup installed.
    pub fn installed(&self, name: &str) -> Result<&Installed, String> {
        let found = self.peers.iter().find(|peer| peer.name == name);
        found.ok_or_else(|| "setup could not install it".to_owned())
    }
}

/// A line of peers.tsv: name, version, library or `-`.
fn installed(folder: &Path, line: &str) -> Option<Installed> {
    let mut cells = line.split('\t');
    let (name, version, library) = (cells.next()?, cells.next()?, cells.next()?);
    let library = (library != "-").then(|| folder.join(library));
    Some(Installed { name: name.to_owned(), version: version.to_owned(), library })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a list of peers and some files.
    fn folder(list: &str, files: &[(&str, &[u8])]) -> (tempfile::TempDir, Result<Folder, String>) {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("peers.tsv"), list).unwrap();
        for (name, bytes) in files {
            let path = scratch.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let opened = Folder::open(scratch.path());
        (scratch, opened)
    }

    #[test]
    fn the_list_of_peers_is_read() {
        let (scratch, opened) = folder("one\t1.0\tenv/one.so\ntwo\t2.0\t-\n", &[]);
        let opened = opened.unwrap();
        assert_eq!(opened.installed("one").unwrap().library, Some(scratch.path().join("env/one.so")));
        assert_eq!(opened.installed("two").unwrap().library, None);
        assert!(opened.installed("three").unwrap_err().contains("could not install"));
    }

    #[test]
    fn a_folder_that_is_none_is_refused_with_the_command_that_makes_one() {
        for error in [Folder::open(Path::new("/nowhere")).unwrap_err(), folder("one\n", &[]).1.unwrap_err()] {
            assert!(error.contains("bench/peers/setup /"), "{error}");
        }
    }

    #[test]
    fn files_that_are_missing_or_cut_off_are_named() {
        let numbers = vec![0; 8 * BATCH_ROWS];
        let files: [(&str, &[u8]); 3] = [
            ("models/ads.rows.f32", &numbers),
            ("models/ads.rows.f64", &numbers),
            ("models/ads-xgb-100x6.margins.f32", &numbers[4..]),
        ];
        let (_scratch, opened) = folder("", &files);
        let opened = opened.unwrap();
        assert!(opened.rows("ads", 2).unwrap_err().contains("hold 2000 and 1000 numbers"));
        let error = opened.margins("ads", &SHAPES[0], 2 * BATCH_ROWS).unwrap_err();
        assert!(error.contains("margins.f32 holds 1999 answers for 2000 rows"), "{error}");
        assert!(opened.read("models/ads-xgb-100x6.ubj").unwrap_err().contains("bench/peers/setup"));
    }

    #[test]
    fn a_form_that_could_not_be_made_says_why() {
        let files: [(&str, &[u8]); 2] =
            [("built/ads-xgb-100x6.a.skipped", b"needs gcc\n"), ("built/ads-xgb-100x6.b.so", b"")];
        let (_scratch, opened) = folder("", &files);
        let built = |peer| opened.as_ref().unwrap().built("ads", &SHAPES[0], peer, "so");
        assert_eq!(built("a"), Err("needs gcc".to_owned()));
        assert!(built("b").is_ok());
        assert!(built("c").unwrap_err().contains("missing"));
    }
}
