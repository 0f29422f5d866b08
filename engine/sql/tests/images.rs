//! Every app's partition, rules and alerts included, goes on from its image as if it had never stopped.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a test counts little and may fail loudly"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use vencejo_core::image::{PageAt, PageFault, PageSource, StatePage};
use vencejo_core::plan::App;
use vencejo_core::{Effects, Event, PartitionState, apply};
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::ColumnType;
use vencejo_types::{Sequence, StreamId, Tick};

/// An image in memory.
#[derive(Clone, Debug, Default)]
struct Saved(BTreeMap<PageAt, Vec<u8>>);

impl PageSource for Saved {
    fn page(&self, at: PageAt, out: &mut Vec<u8>) -> Result<(), PageFault> {
        out.extend_from_slice(self.0.get(&at).ok_or(PageFault(at))?);
        Ok(())
    }
}

/// An app of the repository, and the texts that it compares with.
fn app(name: &str) -> (Arc<App>, Vec<String>) {
    let folder = format!("{}/../../apps/{name}/", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(format!("{folder}app.sql")).unwrap();
    let mut load = |path: &str| std::fs::read(format!("{folder}{path}")).map_err(|error| error.to_string());
    let app = vencejo_sql::plan(name, &text, &mut load).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|error| error.render("app.sql", &text)).collect::<String>())
    });
    let texts = text.split('\'').skip(1).step_by(2).filter(|text| text.len() < 20).map(str::to_owned);
    (Arc::new(app), texts.collect())
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % bound
    }
}

/// A row of a stream around this second, in few keys.
fn row(app: &App, texts: &[String], stream: usize, second: i64, dice: &mut Dice) -> Vec<u8> {
    let schema = &app.streams[stream].schema;
    let time = app.streams[stream].watermark.map(|watermark| watermark.column);
    let mut writer = RowWriter::new(schema.columns().len());
    for (place, column) in schema.columns().iter().enumerate() {
        let is_key = schema.key().contains(&place);
        if column.nullable && !is_key && dice.below(8) == 0 {
            continue;
        }
        match column.column_type {
            _ if Some(place) == time => {
                writer.set_i64(place, (second - dice.below(4) as i64) * 1_000);
            }
            ColumnType::Boolean => writer.set_bool(place, dice.below(2) == 0),
            ColumnType::Double => writer.set_f64(place, dice.below(200) as f64 / 1.5),
            ColumnType::String if is_key => writer.set_str(place, &format!("k{}", dice.below(6))),
            ColumnType::String => writer.set_str(place, &texts[dice.below(texts.len() as u64) as usize]),
            _ => writer.set_i64(place, dice.below(100) as i64),
        }
    }
    let mut bytes = Vec::new();
    writer.finish(schema, &mut bytes).unwrap();
    bytes
}

/// Applies the events from one number to another; what they ask for, as text.
fn go(state: &mut PartitionState, texts: &[String], numbers: std::ops::Range<u64>) -> String {
    let app = Arc::clone(state.app());
    let (mut effects, mut out) = (Effects::default(), String::new());
    for number in numbers {
        let mut dice = Dice(number);
        let second = 1_700_000_000 + number as i64 / 2;
        let tick = Tick(second * 1_000_000);
        let stream = dice.below(app.streams.len() as u64) as usize;
        let bytes = row(&app, texts, stream, second, &mut dice);
        let row = Row::parse(&app.streams[stream].schema, &bytes).unwrap();
        let event = if number % 50 == 49 {
            Event::Tick { watermarks: &[] }
        } else {
            Event::Row { stream: StreamId(stream as u16), row }
        };
        apply(state, Sequence(number + 1), tick, &event, &mut effects);
        for effect in effects.list() {
            let _ = writeln!(out, "{number} {effect:?}");
        }
        let _ = writeln!(out, "{:?}", effects.bytes());
    }
    out
}

fn goes_on(name: &str, at: u64, step: usize) -> Result<(), TestCaseError> {
    let (app, texts) = app(name);
    let mut live = PartitionState::new(Arc::clone(&app));
    go(&mut live, &texts, 0..at);
    let before = live.digest().unwrap();
    let (head, mut pages, mut is_whole) = (live.begin_capture(), Vec::new(), false);
    let mut out = String::new();
    let end = at + 400;
    for number in at..end {
        out += &go(&mut live, &texts, number..number + 1);
        is_whole = is_whole || live.capture_some(step, &mut pages).unwrap();
    }
    while !is_whole {
        is_whole = live.capture_some(step, &mut pages).unwrap();
    }
    let mut saved = Saved::default();
    for StatePage { at, bytes } in pages {
        prop_assert!(saved.0.insert(at, bytes).is_none(), "{at:?} came twice");
    }
    let source: Arc<dyn PageSource> = Arc::new(saved);
    let open = || {
        PartitionState::open(&app, &head, &source, &mut |model, label, _| {
            let slot = app.models.iter().find(|slot| slot.name == model)?;
            (slot.champion.label == label).then(|| Arc::clone(&slot.champion))
        })
    };
    let mut restored = open().unwrap();
    prop_assert_eq!((&restored.anew, &restored.models_anew), (&Vec::new(), &Vec::new()));
    prop_assert_eq!(restored.state.digest().unwrap(), before, "the image is that of its beginning");
    let mut lazy = open().unwrap().state;
    prop_assert!(go(&mut lazy, &texts, at..end) == out, "the same comes out");
    prop_assert_eq!(lazy.digest().unwrap(), live.digest().unwrap());
    prop_assert!(live.rules().any(|rule| rule.counters.open > 0), "{name} has open runs");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_partition_goes_on_from_its_image(at in 0_u64..1_500, step in 1_usize..20_000) {
        for name in ["ads", "shop", "fleet"] {
            goes_on(name, at, step)?;
        }
    }
}
