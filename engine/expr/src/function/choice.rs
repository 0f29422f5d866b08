//! Functions that choose among their arguments. They evaluate what they need, from left to right.

use super::Function;
use super::table::{any, boolean, graph};
use crate::op::Test;

pub(super) static FUNCTIONS: &[Function] = &[
    graph(
        "COALESCE",
        &[any("value").repeated()],
        |g, a| Ok(g.coalesce(a)?),
        "The first that is not NULL.",
        "COALESCE(NULL, 5) => BIGINT 5",
    ),
    graph(
        "IFNULL",
        &[any("value"), any("otherwise")],
        |g, a| Ok(g.coalesce(a)?),
        "As COALESCE.",
        "IFNULL(NULL, 5) => BIGINT 5",
    )
    .also(&["NVL"]),
    graph(
        "NULLIF",
        &[any("a"), any("b")],
        |g, a| Ok(g.nullif(a[0], a[1])?),
        "NULL if they are equal, else a.",
        "NULLIF(5, 5) => BIGINT NULL",
    ),
    graph(
        "IF",
        &[boolean("condition"), any("then"), any("otherwise")],
        |g, a| Ok(g.case(&[(a[0], a[1])], Some(a[2]))?),
        "Then if the condition is TRUE, else otherwise; a NULL condition is not TRUE.",
        "IF(1 > 0, 'a', 'b') => STRING 'a'",
    ),
    graph(
        "ISNULL",
        &[any("value")],
        |g, a| Ok(g.is(Test::Null, a[0])?),
        "As IS NULL.",
        "ISNULL(7) => BOOLEAN FALSE",
    )
    .also(&["IS_NULL"]),
];
