//! Models that change while they serve: rosters, the split, shadows; that a decision is never mixed and that
//! the same events give the same answers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod swap;

use std::sync::Arc;

use swap::{Answer, Bench, activate, install, split, version};
use vencejo_core::PartitionState;
use vencejo_core::image::Restored;
use vencejo_core::models::{ModelChange, ModelRefusal, Role, Variant, Weight};
use vencejo_types::ModelId;
use vencejo_types::limits::{MODEL_HISTORY_MAX, MODEL_VERSIONS_MAX};
use vencejo_types::row::{Row, key_hash};
use vencejo_windows::paged::{PageAt, PageFault, PageSource};

/// Who answers, and the roles of all versions by label.
fn roles(bench: &Bench) -> Vec<(String, Role)> {
    let roster = bench.roster();
    let versions = roster.versions().iter().enumerate();
    versions.map(|(place, installed)| (installed.version.label.clone(), roster.role(place))).collect()
}

fn champion(bench: &Bench) -> String {
    roles(bench).into_iter().find(|(_, role)| *role == Role::Champion).unwrap().0
}

#[test]
fn a_version_answers_from_the_next_decision_on() {
    let mut bench = Bench::new(None);
    assert_eq!(bench.decide("i"), Answer::champion(1.0, "v1"));
    bench.change(&install(2, 0)).unwrap();
    assert_eq!(bench.decide("i"), Answer::champion(1.0, "v1"), "installed is not activated");
    bench.change(&activate(2)).unwrap();
    assert_eq!(bench.decide("i"), Answer::champion(2.0, "v2"));
    bench.change(&ModelChange::Rollback).unwrap();
    assert_eq!(bench.decide("i"), Answer::champion(1.0, "v1"));
    assert_eq!(bench.change(&ModelChange::Rollback), Err(ModelRefusal::NothingBefore));
    let counts: Vec<u64> =
        bench.roster().versions().iter().map(|installed| installed.as_champion.decisions).collect();
    assert_eq!(counts, [3, 1]);
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut bench = Bench::new(None);
    let before = roles(&bench);
    let weight = Weight::DEFAULT;
    assert_eq!(bench.change(&activate(9)), Err(ModelRefusal::UnknownVersion));
    assert_eq!(bench.change(&split(9, 20)), Err(ModelRefusal::UnknownVersion));
    let own = ModelChange::Split { label: "v1".to_owned(), weight };
    assert_eq!(bench.change(&own), Err(ModelRefusal::IsChampion));
    let other = ModelChange::Install { version: version("v1", 99), shadow_rows: 5 };
    assert_eq!(bench.change(&other), Err(ModelRefusal::LabelTaken));
    assert_eq!(bench.change(&ModelChange::Rollback), Err(ModelRefusal::NothingBefore));
    assert_eq!((roles(&bench), bench.roster().revision()), (before, 0));
}

#[test]
fn the_same_again_changes_nothing() {
    let mut bench = Bench::new(None);
    for _ in 0..3 {
        bench.change(&install(2, 0)).unwrap();
        bench.change(&activate(2)).unwrap();
    }
    assert_eq!((roles(&bench).len(), bench.roster().revision()), (2, 1));
    bench.change(&ModelChange::Rollback).unwrap();
    assert_eq!(champion(&bench), "v1", "one change was made, one is taken back");
}

#[test]
fn a_rollback_takes_back_a_challenger_and_then_its_champion() {
    let mut bench = Bench::new(None);
    for number in [2, 3] {
        bench.change(&install(number, 0)).unwrap();
    }
    bench.change(&activate(2)).unwrap();
    bench.change(&split(3, 30)).unwrap();
    assert_eq!(bench.roster().weight().map(Weight::percent), Some(30));
    bench.change(&ModelChange::Rollback).unwrap();
    assert_eq!((champion(&bench).as_str(), bench.roster().weight()), ("v2", None));
    bench.change(&split(1, 50)).unwrap();
    bench.change(&activate(1)).unwrap();
    assert_eq!((champion(&bench).as_str(), bench.roster().weight()), ("v1", None), "promoted");
    for expected in ["v2", "v2", "v1"] {
        bench.change(&ModelChange::Rollback).unwrap();
        assert_eq!(champion(&bench), expected);
    }
}

#[test]
fn the_oldest_version_without_a_role_makes_room() {
    let mut bench = Bench::new(None);
    bench.change(&install(2, 0)).unwrap();
    bench.change(&activate(2)).unwrap();
    let first = 3;
    let last = first + u64::try_from(MODEL_VERSIONS_MAX).unwrap();
    for number in first..=last {
        bench.change(&install(number, 0)).unwrap();
        assert!(roles(&bench).len() <= MODEL_VERSIONS_MAX);
        assert_eq!(bench.decide("i"), Answer::champion(2.0, "v2"));
    }
    let labels: Vec<String> = roles(&bench).into_iter().map(|(label, _)| label).collect();
    assert_eq!(&labels[..2], ["v1", "v2"], "champion and the one before stay");
    assert_eq!(labels.last(), Some(&format!("v{last}")));
    assert!(!labels.contains(&"v3".to_owned()));
    bench.change(&ModelChange::Rollback).unwrap();
    assert_eq!(bench.decide("i"), Answer::champion(1.0, "v1"), "places have moved, versions have not");
}

#[test]
fn history_ends_where_a_version_is_gone() {
    let mut bench = Bench::new(None);
    let last = 2 * u64::try_from(MODEL_HISTORY_MAX + MODEL_VERSIONS_MAX).unwrap();
    for number in 2..=last {
        bench.change(&install(number, 0)).unwrap();
        bench.change(&activate(number)).unwrap();
    }
    let mut back = 0;
    while bench.change(&ModelChange::Rollback).is_ok() {
        back += 1;
        let expected = last - back;
        #[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
        let prediction = expected as f64;
        assert_eq!(bench.decide("i"), Answer::champion(prediction, &format!("v{expected}")));
    }
    assert_eq!(back, u64::try_from(MODEL_VERSIONS_MAX).unwrap() - 1);
}

#[test]
fn swaps_back_and_forth_stay_bounded() {
    let mut bench = Bench::new(None);
    bench.change(&install(2, 0)).unwrap();
    for number in 0..1_000 {
        bench.change(&activate(1 + (number + 1) % 2)).unwrap();
    }
    let back = (0..).take_while(|_| bench.change(&ModelChange::Rollback).is_ok()).count();
    assert_eq!(back, MODEL_HISTORY_MAX);
}

#[test]
fn a_decision_names_the_version_that_predicted() {
    let mut bench = Bench::new(None);
    bench.change(&install(2, 0)).unwrap();
    bench.change(&split(2, 40)).unwrap();
    for number in 0..2_000 {
        let answer = bench.decide(&format!("imp-{number}"));
        let of_champion = Answer::champion(1.0, "v1");
        let of_challenger = Answer { prediction: 2.0, version: "v2".into(), variant: "challenger".into() };
        assert!(answer == of_champion || answer == of_challenger, "mixed: {answer:?}");
    }
}

#[test]
fn the_split_is_the_documented_hash_stable_and_fair() {
    for percent in [1_u8, 20, 50, 99] {
        let mut bench = Bench::new(Some((2, percent)));
        let decisions = 20_000_u32;
        let mut challengers = 0;
        for number in 0..decisions {
            let id = format!("imp-{number}");
            let variant = bench.decide(&id).variant;
            // As anybody can compute it: name, zero byte, key bytes of the column.
            let mut bytes = b"m\0\x01".to_vec();
            bytes.extend(u32::try_from(id.len()).unwrap().to_le_bytes());
            bytes.extend(id.as_bytes());
            let expected = key_hash(&bytes) % 10_000 < u64::from(percent) * 100;
            assert_eq!(variant == "challenger", expected, "{id}");
            challengers += u32::from(expected);
            if number % 1_000 == 0 {
                assert_eq!(bench.decide(&id).variant, variant, "the same id, the same variant");
            }
        }
        // Binomial: 5 standard deviations.
        let share = f64::from(percent) / 100.0;
        let expected = f64::from(decisions) * share;
        let bound = 5.0 * (f64::from(decisions) * share * (1.0 - share)).sqrt();
        assert!((f64::from(challengers) - expected).abs() < bound, "{percent} %: {challengers}");
        let counts = &bench.roster().versions()[1];
        assert!(
            counts.as_challenger.decisions >= u64::from(challengers) && counts.as_champion.decisions == 0
        );
    }
}

#[test]
fn a_greater_weight_only_adds_challengers() {
    let bench = Bench::new(None);
    let schema = bench.schema();
    for number in 0..500 {
        let bytes = bench.row(&format!("imp-{number}"));
        let row = Row::parse(&schema, &bytes).unwrap();
        let variant = |percent| {
            let weight = Weight::from_percent(percent).unwrap();
            Variant::of("m", row, &schema, &[1], weight, &mut Vec::new())
        };
        let changes = (1..99).filter(|&percent| variant(percent) != variant(percent + 1)).count();
        assert!(changes <= 1, "imp-{number}");
    }
}

#[test]
fn a_shadow_runs_for_its_rows_and_answers_nothing() {
    let mut bench = Bench::new(None);
    bench.change(&install(4, 3)).unwrap();
    assert_eq!(roles(&bench)[1].1, Role::Shadow { rows_left: 3 });
    for _ in 0..5 {
        assert_eq!(bench.decide("i"), Answer::champion(1.0, "v1"));
    }
    let figures = bench.roster().versions()[1].shadow;
    assert_eq!((figures.rows, figures.compared, figures.not_finite), (3, 3, 0));
    assert_eq!((figures.difference_mean(), figures.difference_max), (Some(3.0), 3.0));
    assert_eq!(roles(&bench)[1].1, Role::Idle);
    assert_eq!(bench.roster().versions()[1].as_champion.decisions, 0);
    bench.change(&install(4, 2)).unwrap();
    bench.decide("i");
    assert_eq!(bench.roster().versions()[1].shadow.rows, 1, "a second run begins anew");
}

#[test]
fn a_shadow_without_finite_predictions_is_counted() {
    let mut bench = Bench::new(None);
    let infinite = ModelChange::Install { version: swap::infinite("inf"), shadow_rows: 10 };
    bench.change(&infinite).unwrap();
    for _ in 0..4 {
        assert_eq!(bench.decide("i"), Answer::champion(1.0, "v1"));
    }
    let figures = bench.roster().versions()[1].shadow;
    assert_eq!((figures.rows, figures.compared, figures.not_finite), (4, 0, 4));
    bench.change(&ModelChange::Activate { label: "inf".to_owned() }).unwrap();
    assert!(bench.decide("i").prediction.is_nan(), "the fallback answers");
    let counts = bench.roster().versions()[1].as_champion;
    assert_eq!((counts.decisions, counts.fallbacks), (1, 1));
}

#[test]
fn an_expired_request_asks_no_model() {
    let mut bench = Bench::new(None);
    bench.change(&install(2, 5)).unwrap();
    bench.decide_expired("i");
    let versions = bench.roster().versions();
    assert_eq!((versions[0].as_champion.decisions, versions[1].shadow.rows), (0, 0));
}

#[test]
fn a_restart_keeps_the_models_and_ends_the_shadow() {
    let mut bench = Bench::new(None);
    bench.change(&install(2, 0)).unwrap();
    bench.change(&activate(2)).unwrap();
    bench.change(&install(3, 100)).unwrap();
    bench.state.restart();
    assert_eq!(bench.decide("i"), Answer::champion(2.0, "v2"));
    let of = |label: &str| roles(&bench).into_iter().find(|(other, _)| other == label).unwrap().1;
    assert_eq!((of("v1"), of("v3")), (Role::Previous, Role::Idle));
}

#[test]
fn the_same_events_give_the_same_answers() {
    let run = || {
        let mut bench = Bench::new(Some((2, 35)));
        let mut answers = Vec::new();
        for number in 0..3_000_u64 {
            match number % 500 {
                100 => bench.change(&install(3 + number / 500, 50)).unwrap(),
                200 => bench.change(&activate(3 + number / 500)).unwrap(),
                300 => bench.change(&split(2, 60)).unwrap(),
                400 => bench.change(&ModelChange::Rollback).unwrap(),
                _ => answers.push(format!("{:?}", bench.decide(&format!("imp-{}", number % 700)))),
            }
        }
        let figures: Vec<String> = bench
            .roster()
            .versions()
            .iter()
            .map(|it| {
                format!("{} {:?} {:?} {:?}", it.version.label, it.as_champion, it.as_challenger, it.shadow)
            })
            .collect();
        (answers, figures)
    };
    assert_eq!(run(), run());
}

/// No pages: an app without queries has none.
#[derive(Debug)]
struct NoPages;

impl PageSource for NoPages {
    fn page(&self, at: PageAt, _out: &mut Vec<u8>) -> Result<(), PageFault> {
        Err(PageFault(at))
    }
}

#[test]
fn rosters_go_on_from_an_image_where_the_app_declares_the_same() {
    let mut bench = Bench::new(None);
    for number in [2, 3, 4] {
        bench.change(&install(number, if number == 4 { 100 } else { 0 })).unwrap();
    }
    bench.change(&activate(2)).unwrap();
    bench.change(&split(3, 30)).unwrap();
    for number in 0..50 {
        bench.decide(&format!("i{number}"));
    }
    let head = bench.state.begin_capture();
    let source: Arc<dyn PageSource> = Arc::new(NoPages);
    let open = |bench: &Bench, known: u64| {
        let app = Arc::clone(bench.state.app());
        let mut versions = |model: &str, label: &str, content: u64| {
            (model == "m" && content <= known).then(|| version(label, content))
        };
        PartitionState::open(&app, &head, &source, &mut versions).unwrap()
    };
    let Restored { state, models_anew, .. } = open(&bench, 4);
    let mut restored = Bench::new(None);
    restored.state = state;
    assert!(models_anew.is_empty());
    assert_eq!(restored.state.digest(), bench.state.digest());
    for bench in [&mut restored, &mut bench] {
        bench.change(&ModelChange::Rollback).unwrap();
    }
    let answers = |bench: &mut Bench| (0..80).map(|id| bench.decide(&format!("j{id}"))).collect::<Vec<_>>();
    assert_eq!(answers(&mut restored), answers(&mut bench));
    assert_eq!(restored.state.digest(), bench.state.digest(), "a shadow that ran out in both");
    // A version that nobody has any more, and an app that declares another challenger: as the app says.
    let without = open(&bench, 3);
    assert_eq!(
        (without.models_anew, without.state.roster(ModelId(0)).versions().len()),
        (vec!["m".to_owned()], 1)
    );
    let declared = open(&Bench::new(Some((5, 10))), 4);
    assert_eq!((declared.models_anew.len(), declared.state.roster(ModelId(0)).versions().len()), (1, 2));
}
