//! Identifiers. Each is its own type, so that none is taken for another.

use std::fmt;

/// Who owns apps, keys and quotas. One tenant is served so far: [`TenantId::DEFAULT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub u32);

impl TenantId {
    /// The tenant of an engine that serves one.
    pub const DEFAULT: Self = Self(0);
}

/// The unit of state, order and ownership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionId {
    /// Whose partition it is.
    pub tenant: TenantId,
    /// Which of the tenant's partitions, from 0.
    pub index: u32,
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant.0, self.index)
    }
}

macro_rules! index_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u16);

        impl $name {
            /// The id as an index into the app's declarations.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

index_ids! {
    /// A declared event table, by its place in the app.
    StreamId;
    /// A continuously maintained aggregate, by its place in the app.
    ViewId;
    /// A tree ensemble, by its place in the app.
    ModelId;
    /// A request answered from state, by its place in the app.
    DecisionId;
}

/// An event's place in its partition's order. The first event has 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Who numbered a row, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The producer.
    pub producer: u64,
    /// Which of its lives; a later one fences the earlier.
    pub epoch: u32,
    /// The row's number among the producer's rows of this epoch in this partition, from 1.
    pub number: u64,
}
