//! Sealing pieces, so that nobody without the key reads or changes them: AES-256-GCM.
//!
//! Every file has a key of its own, derived (HKDF-SHA-256) from the operator's and from a salt that was drawn
//! for it, so a nonce need only be new within the file: it is the piece's offset. What a piece is and where
//! it belongs is authenticated with it.

use std::{fmt, io};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::format::{CHECK_BYTES, NAME_BYTES, SALT_BYTES};

/// Bytes by which a piece is longer once it is sealed.
pub const TAG_BYTES: usize = MAX_TAG_LEN;
const NOT_EXPANDABLE: &str = "HKDF gives so few bytes from any key";

/// The key with which an operator has snapshots sealed.
#[derive(Clone)]
pub struct SnapshotKey([u8; 32]);

impl SnapshotKey {
    /// A key of 32 random bytes; it must not be used for anything else.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A salt for one snapshot, from the operating system.
    ///
    /// # Errors
    /// When that gives none.
    pub fn draw_salt() -> io::Result<[u8; SALT_BYTES]> {
        let mut salt = [0; SALT_BYTES];
        let drawn = SystemRandom::new().fill(&mut salt);
        drawn.map(|()| salt).map_err(|_| io::Error::other("the system gives no random bytes"))
    }
}

impl fmt::Debug for SnapshotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SnapshotKey(..)")
    }
}

/// The key of one file.
pub struct Seal {
    key: LessSafeKey,
    /// Tells whether a key is the one, and nothing else about it.
    pub check: [u8; CHECK_BYTES],
}

struct CheckLength;

impl KeyType for CheckLength {
    fn len(&self) -> usize {
        CHECK_BYTES
    }
}

impl Seal {
    pub fn new(key: &SnapshotKey, salt: &[u8; SALT_BYTES]) -> Self {
        let derived = Salt::new(HKDF_SHA256, salt).extract(&key.0);
        let mut check = [0; CHECK_BYTES];
        let okm = derived.expand(&[b"vencejo snapshot check"], CheckLength);
        okm.and_then(|okm| okm.fill(&mut check)).expect(NOT_EXPANDABLE);
        Self { key: LessSafeKey::new(file_key(&derived)), check }
    }

    /// Seals the bytes from `start` on; they grow by [`TAG_BYTES`].
    pub fn close(&self, offset: u64, name: &[u8; NAME_BYTES], bytes: &mut Vec<u8>, start: usize) {
        let tag = self.key.seal_in_place_separate_tag(nonce(offset), Aad::from(name), &mut bytes[start..]);
        bytes.extend_from_slice(tag.expect("a piece is shorter than 64 GiB").as_ref());
    }

    /// Opens the bytes from `start` on; they shrink by [`TAG_BYTES`]. False where they were not sealed so.
    pub fn open(&self, offset: u64, name: &[u8; NAME_BYTES], bytes: &mut Vec<u8>, start: usize) -> bool {
        let Some(end) = bytes.len().checked_sub(TAG_BYTES).filter(|&end| end >= start) else { return false };
        let opened = self.key.open_in_place(nonce(offset), Aad::from(name), &mut bytes[start..]);
        let is_open = opened.is_ok();
        bytes.truncate(end);
        is_open
    }
}

fn file_key(derived: &Prk) -> UnboundKey {
    derived.expand(&[b"vencejo snapshot pieces"], &AES_256_GCM).map(UnboundKey::from).expect(NOT_EXPANDABLE)
}

fn nonce(offset: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&offset.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}
