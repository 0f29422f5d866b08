//! Blobs on their way to a command, and the memory they may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::limits::{CONTROL_BLOBS_BYTES_MAX, CONTROL_BLOBS_MAX};

use crate::dispatch::Refusal;
use crate::limits::UPLOADS_BYTES_MAX;

/// Bytes that the blobs of all streams and running commands hold.
#[derive(Debug, Default)]
pub(crate) struct Uploads(AtomicUsize);

impl Uploads {
    fn reserve(&self, bytes: usize) -> bool {
        let add = |held: usize| held.checked_add(bytes).filter(|&held| held <= UPLOADS_BYTES_MAX);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    fn release(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The blobs of one command. Their memory counts against the engine's bound until this is dropped.
#[derive(Debug)]
pub struct Blobs {
    list: Vec<(String, Vec<u8>)>,
    /// Bytes reserved for them.
    reserved: usize,
    uploads: Arc<Uploads>,
    /// Why they are not whole; from then on nothing is kept.
    fault: Option<(ErrorCode, String)>,
}

impl Blobs {
    pub(crate) fn new(uploads: Arc<Uploads>) -> Self {
        Self { list: Vec::new(), reserved: 0, uploads, fault: None }
    }

    /// The bytes of the blob with this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.list.iter().find(|(other, _)| other == name).map(|(_, bytes)| bytes.as_slice())
    }

    /// The names, in the order in which they came.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(name, _)| name.as_str())
    }

    /// Appends to a blob, unless something was wrong already.
    pub(crate) fn append(&mut self, name: &str, bytes: &[u8]) {
        if self.fault.is_none()
            && let Err(fault) = self.try_append(name, bytes)
        {
            self.fail(fault.0, fault.1);
        }
    }

    /// Drops what is there, and keeps nothing more.
    pub(crate) fn fail(&mut self, code: ErrorCode, text: String) {
        self.fault.get_or_insert((code, text));
        self.list = Vec::new();
        self.uploads.release(std::mem::take(&mut self.reserved));
    }

    /// What has been gathered; new blobs are gathered from now on.
    pub(crate) fn take(&mut self) -> Result<Self, Refusal> {
        let mut taken = std::mem::replace(self, Self::new(Arc::clone(&self.uploads)));
        match taken.fault.take() {
            None => Ok(taken),
            Some((code, text)) => Err(Refusal::new(code, text)),
        }
    }

    fn try_append(&mut self, name: &str, bytes: &[u8]) -> Result<(), (ErrorCode, String)> {
        let refused = |text: String| (ErrorCode::ControlRefused, text);
        let length: usize = self.list.iter().map(|(_, blob)| blob.len()).sum();
        if length + bytes.len() > CONTROL_BLOBS_BYTES_MAX {
            return Err(refused(format!("a command's blobs have at most {CONTROL_BLOBS_BYTES_MAX} bytes")));
        }
        let place = match self.list.iter().position(|(other, _)| other == name) {
            Some(place) => place,
            None if self.list.len() == CONTROL_BLOBS_MAX => {
                return Err(refused(format!("a command takes at most {CONTROL_BLOBS_MAX} blobs")));
            }
            None => {
                self.list.push((name.to_owned(), Vec::new()));
                self.list.len() - 1
            }
        };
        let blob = &mut self.list[place].1;
        let (needed, held) = (blob.len() + bytes.len(), blob.capacity());
        if needed > held {
            // By half, so that a long blob is not copied for every frame.
            let grown = needed.max((held + held / 2).min(CONTROL_BLOBS_BYTES_MAX));
            if !self.uploads.reserve(grown - held) {
                let text = "other uploads take the memory that there is for them; try again later";
                return Err((ErrorCode::Overloaded, text.to_owned()));
            }
            self.reserved += grown - held;
            blob.reserve_exact(grown - blob.len());
        }
        blob.extend_from_slice(bytes);
        Ok(())
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        self.uploads.release(self.reserved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(uploads: &Uploads) -> usize {
        uploads.0.load(Ordering::Relaxed)
    }

    fn fault(blobs: &mut Blobs) -> Option<ErrorCode> {
        blobs.take().err().map(|refusal| refusal.code)
    }

    #[test]
    fn frames_of_one_name_are_one_blob() {
        let uploads: Arc<Uploads> = Arc::default();
        let mut blobs = Blobs::new(Arc::clone(&uploads));
        for (name, bytes) in [("a", "1"), ("b", ""), ("a", "23"), ("c", "4"), ("a", "5")] {
            blobs.append(name, bytes.as_bytes());
        }
        let taken = blobs.take().ok().unwrap();
        assert_eq!(taken.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        let of = |name| taken.get(name).map(<[u8]>::to_vec);
        assert_eq!([of("a"), of("b"), of("d")], [Some(b"1235".to_vec()), Some(vec![]), None]);
        assert!(held(&uploads) >= 5);
        assert_eq!(blobs.take().ok().unwrap().names().count(), 0, "taken is taken");
        drop(taken);
        assert_eq!(held(&uploads), 0);
    }

    #[test]
    fn a_limit_drops_everything_until_the_command() {
        let uploads: Arc<Uploads> = Arc::default();
        let mut blobs = Blobs::new(Arc::clone(&uploads));
        for number in 0..=CONTROL_BLOBS_MAX {
            blobs.append(&number.to_string(), &[0; 1_000]);
        }
        assert_eq!(held(&uploads), 0);
        blobs.append("0", b"the rest");
        assert_eq!(held(&uploads), 0);
        assert_eq!(fault(&mut blobs), Some(ErrorCode::ControlRefused));
        assert_eq!(fault(&mut blobs), None, "the next command begins anew");
    }

    #[test]
    fn uploads_share_one_bound() {
        let uploads: Arc<Uploads> = Arc::default();
        let [mut first, mut second] = [(); 2].map(|()| Blobs::new(Arc::clone(&uploads)));
        let piece = vec![1; 1 << 20];
        for _ in 0..CONTROL_BLOBS_BYTES_MAX / piece.len() {
            first.append("model", &piece);
        }
        assert_eq!(first.get("model").unwrap().len(), CONTROL_BLOBS_BYTES_MAX, "the longest fits alone");
        second.append("model", &piece);
        assert_eq!(fault(&mut second), Some(ErrorCode::Overloaded));
        first.append("model", b"x");
        assert_eq!(held(&uploads), 0, "one byte too many drops it all");
        assert_eq!(fault(&mut first), Some(ErrorCode::ControlRefused));
        second.append("model", &piece);
        assert!(second.take().is_ok());
    }
}
