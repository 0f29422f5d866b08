//! An app and the files that it names as one run of bytes: what a deploy sends, and what the data folder
//! remembers of it.
//!
//! A line `vencejo-app 1 HASH`, where HASH is the XXH3-64 in hexadecimal of all that follows; a line of JSON
//! ([`Head`]); the files' bytes, one behind the other.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vencejo_types::row::key_hash;

use crate::failure::Failure;

const MAGIC: &str = "vencejo-app 1 ";

/// An app with its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The app's name.
    pub name: String,
    /// Where its app.sql was read, for messages.
    pub origin: String,
    /// [`Archive::content`] of the app over which it was deployed, where that is remembered.
    pub base: Option<u64>,
    /// The files by the paths under which app.sql names them, app.sql among them.
    pub files: Vec<(String, Vec<u8>)>,
}

#[derive(Deserialize, Serialize)]
struct Head {
    name: String,
    origin: String,
    base: Option<u64>,
    /// Path and length of each file.
    files: Vec<(String, usize)>,
}

impl Archive {
    /// The bytes of a file.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.iter().find(|(other, _)| other == path).map(|(_, bytes)| bytes.as_slice())
    }

    /// XXH3-64 of the app's name and files: the same app has the same number, wherever it lies.
    pub fn content(&self) -> u64 {
        let bare = Self { origin: String::new(), base: None, ..self.clone() };
        key_hash(&bare.body())
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let body = self.body();
        let mut bytes = format!("{MAGIC}{:016x}\n", key_hash(&body)).into_bytes();
        bytes.extend_from_slice(&body);
        bytes
    }

    fn body(&self) -> Vec<u8> {
        let files = self.files.iter().map(|(path, bytes)| (path.clone(), bytes.len())).collect();
        let head = Head { name: self.name.clone(), origin: self.origin.clone(), base: self.base, files };
        let mut body = serde_json::to_vec(&head).expect("a head can be written to memory");
        body.push(b'\n');
        self.files.iter().for_each(|(_, bytes)| body.extend_from_slice(bytes));
        body
    }

    /// Back from bytes; nothing where they are not what [`Archive::to_bytes`] made, to the last bit.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC.as_bytes())?;
        let (hash, body) = rest.split_at_checked(16)?;
        let body = body.strip_prefix(b"\n")?;
        if u64::from_str_radix(std::str::from_utf8(hash).ok()?, 16).ok()? != key_hash(body) {
            return None;
        }
        let end = memchr::memchr(b'\n', body)?;
        let Head { name, origin, base, files } = serde_json::from_slice(&body[..end]).ok()?;
        let mut rest = &body[end + 1..];
        let mut read = Vec::with_capacity(files.len().min(rest.len()));
        for (path, length) in files {
            let (bytes, others) = rest.split_at_checked(length)?;
            read.push((path, bytes.to_vec()));
            rest = others;
        }
        rest.is_empty().then_some(Self { name, origin, base, files: read })
    }
}

/// The file of the data folder that remembers the app deployed last.
const REMEMBERED: &str = "deployed-app";

/// The app that the data folder remembers, if there is one.
///
/// # Errors
/// When the file is there and cannot be believed.
pub fn remembered(data: &Path) -> Result<Option<Archive>, Failure> {
    let path = data.join(REMEMBERED);
    let damaged = |why: String| {
        let text = format!(
            "the deployed app in {} cannot be used: {why}; remove the file to serve the app of --app",
            path.display()
        );
        Failure::config(text)
    };
    match std::fs::read(&path) {
        Ok(bytes) => match Archive::from_bytes(&bytes) {
            Some(archive) => Ok(Some(archive)),
            None => Err(damaged("it is damaged".to_owned())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(damaged(error.to_string())),
    }
}

/// Forgets the deployed app.
///
/// # Errors
/// When its file cannot be removed.
pub fn forget(data: &Path) -> std::io::Result<()> {
    std::fs::remove_file(data.join(REMEMBERED))
}

/// An app on its way into the data folder: on disk, and not yet what is remembered.
pub struct Prepared {
    data: PathBuf,
}

impl Prepared {
    /// Writes an app beside the one that is remembered.
    ///
    /// # Errors
    /// When it cannot be written and synced.
    pub fn write(data: &Path, archive: &Archive) -> std::io::Result<Self> {
        let path = data.join(format!("{REMEMBERED}.next"));
        let mut file = std::fs::File::create(path)?;
        std::io::Write::write_all(&mut file, &archive.to_bytes())?;
        file.sync_all()?;
        Ok(Self { data: data.to_owned() })
    }

    /// From now on it is what is remembered, whole, whatever happens.
    ///
    /// # Errors
    /// When the file cannot take its place.
    pub fn commit(self) -> std::io::Result<()> {
        let next = self.data.join(format!("{REMEMBERED}.next"));
        std::fs::rename(next, self.data.join(REMEMBERED))?;
        std::fs::File::open(&self.data)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Archive {
        let files =
            vec![("app.sql".to_owned(), b"CREATE".to_vec()), ("m/a.ubj".to_owned(), vec![0, 10, 255])];
        Archive { name: "ads".to_owned(), origin: "x/app.sql".to_owned(), base: Some(u64::MAX), files }
    }

    #[test]
    fn an_archive_comes_back_and_no_other() {
        let bytes = archive().to_bytes();
        assert_eq!(Archive::from_bytes(&bytes), Some(archive()));
        for place in 0..bytes.len() {
            let mut other = bytes.clone();
            other[place] ^= 1;
            assert_ne!(Archive::from_bytes(&other), Some(archive()), "byte {place}");
            assert_eq!(Archive::from_bytes(&bytes[..place]), None);
        }
        assert_eq!(Archive::from_bytes(&[&bytes[..], b"x"].concat()), None);
    }

    #[test]
    fn content_is_name_and_files() {
        let elsewhere = Archive { origin: "y".to_owned(), base: None, ..archive() };
        assert_eq!(elsewhere.content(), archive().content());
        assert_ne!(Archive { name: "b".to_owned(), ..archive() }.content(), archive().content());
    }

    #[test]
    fn what_is_remembered_is_whole_or_refused() {
        let data = tempfile::TempDir::new().expect("a scratch folder");
        let data = data.path();
        assert!(matches!(remembered(data), Ok(None)));
        let prepared = Prepared::write(data, &archive()).expect("it can be written");
        assert!(matches!(remembered(data), Ok(None)));
        prepared.commit().expect("it can be renamed");
        assert_eq!(remembered(data).ok().flatten(), Some(archive()));
        std::fs::write(data.join(REMEMBERED), &archive().to_bytes()[..40]).expect("it can be written");
        assert!(remembered(data).is_err_and(|failure| failure.text.contains("damaged")));
        forget(data).expect("it can be removed");
        assert!(matches!(remembered(data), Ok(None)));
    }
}
