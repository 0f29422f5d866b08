//! Objectives and their links: how a margin (sum of leaves) becomes a prediction.

/// The function between margin and prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Prediction = margin.
    Identity,
    /// Prediction = exp(margin).
    Log,
    /// Prediction = 1 / (1 + exp(-margin)).
    Logit,
}

/// Objectives that give one number per row, with the link XGBoost applies to each.
const OBJECTIVES: [(&str, Link); 12] = [
    ("reg:squarederror", Link::Identity),
    ("reg:linear", Link::Identity),
    ("reg:squaredlogerror", Link::Identity),
    ("reg:pseudohubererror", Link::Identity),
    ("reg:absoluteerror", Link::Identity),
    ("reg:quantileerror", Link::Identity),
    ("reg:expectileerror", Link::Identity),
    ("reg:gamma", Link::Log),
    ("reg:tweedie", Link::Log),
    ("count:poisson", Link::Log),
    ("reg:logistic", Link::Logit),
    ("binary:logistic", Link::Logit),
];

impl Link {
    /// The link of an objective, or `None` when the objective is not supported.
    pub(crate) fn of_objective(name: &str) -> Option<Self> {
        OBJECTIVES.iter().find(|(known, _)| *known == name).map(|(_, link)| *link)
    }

    /// The names of all supported objectives, separated by commas.
    pub(crate) fn objectives() -> String {
        OBJECTIVES.map(|(name, _)| name).join(", ")
    }

    /// The base margin of a `base_score`, which files store in prediction space.
    /// `None` when the score lies outside what the link can reach.
    pub(crate) fn margin(self, score: f32) -> Option<f32> {
        // XGBoost keeps a logistic score this far from 0 and 1.
        const EDGE: f32 = 1e-6;
        match self {
            Self::Identity => Some(score).filter(|score| score.is_finite()),
            Self::Log => Some(score.ln()).filter(|margin| margin.is_finite()),
            Self::Logit if score > 0.0 && score < 1.0 => {
                Some(-(1.0 / score.clamp(EDGE, 1.0 - EDGE) - 1.0).ln())
            }
            Self::Logit => None,
        }
    }

    /// The prediction of a margin.
    ///
    /// Identity is exact. The others use the platform's `exp` and lie within 4 ulp of XGBoost's answer.
    pub(crate) fn prediction(self, margin: f32) -> f32 {
        // exp(88.7) is the last power below f32's end; XGBoost stops there too.
        const EXPONENT_MAX: f32 = 88.7;
        match self {
            Self::Identity => margin,
            Self::Log => margin.exp(),
            Self::Logit => 1.0 / ((-margin).min(EXPONENT_MAX).exp() + 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_score_out_of_the_links_range_is_refused() {
        let cases = [
            (Link::Identity, f32::NAN, false),
            (Link::Identity, f32::INFINITY, false),
            (Link::Identity, -3.0, true),
            (Link::Log, 0.0, false),
            (Link::Log, -1.0, false),
            (Link::Log, 2.0, true),
            (Link::Logit, 0.0, false),
            (Link::Logit, 1.0, false),
            (Link::Logit, f32::NAN, false),
            (Link::Logit, 0.5, true),
        ];
        for (link, score, accepted) in cases {
            assert_eq!(link.margin(score).is_some(), accepted, "{link:?} {score}");
        }
        assert_eq!(Link::Logit.margin(1e-30), Link::Logit.margin(1e-6));
    }

    #[test]
    fn extreme_margins_stay_in_range() {
        for margin in [f32::NEG_INFINITY, -1e30, -100.0, 0.0, 100.0, 1e30, f32::INFINITY] {
            let probability = Link::Logit.prediction(margin);
            assert!((0.0..=1.0).contains(&probability), "{margin} gave {probability}");
        }
        assert_eq!(Link::Logit.prediction(0.0), 0.5);
        assert_eq!(Link::Log.prediction(0.0), 1.0);
    }

    #[test]
    fn objectives_whose_base_score_rule_varies_are_unknown() {
        for name in ["binary:logitraw", "binary:hinge", "multi:softprob", "rank:ndcg", "survival:cox", ""] {
            assert_eq!(Link::of_objective(name), None, "{name}");
        }
    }
}
