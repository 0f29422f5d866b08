//! Pages of entries as rkyv archives.
//!
//! What is archived is a type of its own per version, made of integers, boxes and tuples, apart from the
//! types that operators work with. A released version is never changed: another one is added. rkyv checks
//! that an archive is one, not that it is the one that was written: that is the [`super::PageSource`]'s
//! part.

use rkyv::api::high::{HighDeserializer, HighSerializer, HighValidator};
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor::Error;
use rkyv::ser::allocator::ArenaHandle;
use rkyv::util::AlignedVec;
use rkyv::{Archive, Deserialize, Serialize};

use super::Page;

/// What can be archived: the bounds that rkyv asks for.
pub(crate) trait Archived:
    Sized
    + Archive<
        Archived: for<'a> CheckBytes<HighValidator<'a, Error>> + Deserialize<Self, HighDeserializer<Error>>,
    > + for<'a> Serialize<HighSerializer<AlignedVec, ArenaHandle<'a>, Error>>
{
}

impl<T> Archived for T where
    T: Archive<
            Archived: for<'a> CheckBytes<HighValidator<'a, Error>>
                          + Deserialize<Self, HighDeserializer<Error>>,
        > + for<'a> Serialize<HighSerializer<AlignedVec, ArenaHandle<'a>, Error>>
{
}

/// An entry of a page.
pub(crate) trait Stored: Sized {
    /// Entries of a page: a power of two.
    const PER_PAGE: usize;

    /// Its first version in images.
    type V1: Archived;

    /// As it is archived.
    fn to_v1(&self) -> Self::V1;

    /// What was archived; nothing where it is none.
    fn from_v1(v1: Self::V1) -> Option<Self>;
}

impl<T: Stored> Page for Vec<T> {
    fn save(&self, out: &mut Vec<u8>) {
        let entries: Vec<T::V1> = self.iter().map(Stored::to_v1).collect();
        let archive = rkyv::to_bytes::<Error>(&entries).expect("memory is all that it can lack");
        out.extend_from_slice(&archive);
    }

    fn load(bytes: &[u8]) -> Option<Self> {
        let entries = rkyv::from_bytes::<Vec<T::V1>, Error>(bytes).ok()?;
        entries.into_iter().map(T::from_v1).collect()
    }

    fn entries(&self) -> usize {
        self.len()
    }
}

/// Entries that are archived as they are.
macro_rules! stored_as_is {
    ($($entry:ty: $per_page:expr),* $(,)?) => {$(
        impl Stored for $entry {
            const PER_PAGE: usize = $per_page;
            type V1 = $entry;

            fn to_v1(&self) -> $entry {
                *self
            }

            fn from_v1(v1: $entry) -> Option<Self> {
                Some(v1)
            }
        }
    )*};
}

stored_as_is!(u32: 1_024, u64: 512, (i64, u32): 256, (i64, u64, u32): 256);

/// A byte string.
impl Stored for Box<[u8]> {
    const PER_PAGE: usize = 128;
    type V1 = Box<[u8]>;

    fn to_v1(&self) -> Box<[u8]> {
        self.clone()
    }

    fn from_v1(v1: Box<[u8]>) -> Option<Self> {
        Some(v1)
    }
}
