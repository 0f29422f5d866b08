//! Lists whose elements take more memory than their text: read up to a limit and refused beyond it.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::document::Tree;
use crate::limits::{FEATURES_MAX, TREES_MAX};

/// Names or types of features. One more than the limit is let through, so that the count is what is refused.
pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_seq(AtMost { max: FEATURES_MAX + 1, element: PhantomData })
}

/// Trees.
pub(super) fn trees<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Tree>, D::Error> {
    deserializer.deserialize_seq(AtMost { max: TREES_MAX + 1, element: PhantomData })
}

struct AtMost<T> {
    max: usize,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtMost<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} elements", self.max)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            if list.len() == self.max {
                return Err(A::Error::custom(format_args!("a list of more than {} elements", self.max)));
            }
            list.push(element);
        }
        Ok(list)
    }
}
