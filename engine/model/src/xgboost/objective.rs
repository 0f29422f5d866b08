//! XGBoost's objectives: how a margin becomes a prediction, and a base score a margin.

use crate::forest::Precision::F32;
use crate::output::Link;

/// How the file's `base_score`, a prediction, becomes a margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// As it is.
    Margin,
    /// ln(score).
    Log,
    /// ln(score / (1 - score)).
    Logit,
}

/// What XGBoost does around the trees of an objective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Objective {
    pub(super) base: Base,
    pub(super) link: Link,
}

const SIGMOID: Link = Link::Sigmoid(F32, 1.0);

/// All objectives that are read.
const OBJECTIVES: [(&str, Base, Link); 21] = [
    ("reg:squarederror", Base::Margin, Link::Identity),
    ("reg:linear", Base::Margin, Link::Identity),
    ("reg:squaredlogerror", Base::Margin, Link::Identity),
    ("reg:pseudohubererror", Base::Margin, Link::Identity),
    ("reg:absoluteerror", Base::Margin, Link::Identity),
    ("reg:quantileerror", Base::Margin, Link::Identity),
    ("reg:expectileerror", Base::Margin, Link::Identity),
    ("reg:gamma", Base::Log, Link::Exp(F32)),
    ("reg:tweedie", Base::Log, Link::Exp(F32)),
    ("count:poisson", Base::Log, Link::Exp(F32)),
    ("reg:logistic", Base::Logit, SIGMOID),
    ("binary:logistic", Base::Logit, SIGMOID),
    ("binary:logitraw", Base::Margin, Link::Identity),
    ("binary:hinge", Base::Margin, Link::Step),
    ("multi:softprob", Base::Margin, Link::Softmax(F32)),
    ("multi:softmax", Base::Margin, Link::Largest),
    ("rank:pairwise", Base::Margin, Link::Identity),
    ("rank:ndcg", Base::Margin, Link::Identity),
    ("rank:map", Base::Margin, Link::Identity),
    ("survival:cox", Base::Log, Link::Exp(F32)),
    ("survival:aft", Base::Log, Link::Exp(F32)),
];

impl Objective {
    /// The objective of a name, or `None` when it is not supported.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let found = OBJECTIVES.iter().find(|(known, ..)| *known == name);
        found.map(|(_, base, link)| Self { base: *base, link: *link })
    }

    /// The names of all supported objectives, separated by commas.
    pub(super) fn names() -> String {
        OBJECTIVES.map(|(name, ..)| name).join(", ")
    }
}

impl Base {
    /// The base margin of a `base_score`, which files store in prediction space.
    /// `None` when the score lies outside what the link can reach.
    pub(super) fn margin(self, score: f32) -> Option<f32> {
        // XGBoost keeps a logistic score this far from 0 and 1.
        const EDGE: f32 = 1e-6;
        match self {
            Self::Margin => Some(score).filter(|score| score.is_finite()),
            Self::Log => Some(score.ln()).filter(|margin| margin.is_finite()),
            Self::Logit if (0.0..=1.0).contains(&score) => {
                Some(-(1.0 / score.clamp(EDGE, 1.0 - EDGE) - 1.0).ln())
            }
            Self::Logit => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_score_out_of_the_links_range_is_refused() {
        let cases = [
            (Base::Margin, f32::NAN, false),
            (Base::Margin, f32::INFINITY, false),
            (Base::Margin, -3.0, true),
            (Base::Log, 0.0, false),
            (Base::Log, -1.0, false),
            (Base::Log, 2.0, true),
            (Base::Logit, -0.1, false),
            (Base::Logit, 1.1, false),
            (Base::Logit, f32::NAN, false),
            (Base::Logit, 0.5, true),
        ];
        for (base, score, accepted) in cases {
            assert_eq!(base.margin(score).is_some(), accepted, "{base:?} {score}");
        }
        assert_eq!(Base::Logit.margin(1e-30), Base::Logit.margin(1e-6));
        assert_eq!(Base::Logit.margin(0.0), Base::Logit.margin(1e-6));
    }
}
