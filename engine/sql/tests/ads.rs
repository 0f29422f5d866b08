//! The ads app: that it plans, what it becomes, and that its floor is what the formula says.
#![allow(clippy::panic, reason = "a test may fail loudly")]

mod apps;

use bumpalo::Bump;
use vencejo_core::plan::flow::{Operator, TableSource};
use vencejo_core::plan::{App, Function, Lookup, Watermark};
use vencejo_expr::{Env, Value};
use vencejo_sql::{plan, plan_app};
use vencejo_types::{ModelId, ViewId};
use vencejo_windows::spec::{AggregateFunction, Grouping};

fn app() -> App {
    let text = apps::ads();
    let mut load = |path: &str| {
        assert_eq!(path, "models/yield.ubj");
        Ok(apps::model(&apps::ADS_INPUTS))
    };
    plan("ads", &text, &mut load).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|error| error.render("app.sql", &text)).collect::<String>())
    })
}

#[test]
fn the_app_plans_with_its_own_model() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../apps/ads/");
    let mut load = |path: &str| std::fs::read(format!("{folder}{path}")).map_err(|error| error.to_string());
    let app = plan("ads", &apps::ads(), &mut load).expect("the app and its model fit");
    assert_eq!(app.models[0].champion.label, "yield-1");
    assert_eq!(app.models[0].champion.model.feature_count(), 10);
}

#[test]
fn rules_read_streams_that_are_partitioned_by_their_keys() {
    let warnings = |text: &str| -> Vec<String> {
        let plan = plan_app("ads", text, &mut |_| Ok(apps::model(&apps::ADS_INPUTS))).expect("the app plans");
        plan.warnings.iter().map(|warning| warning.message.clone()).collect()
    };
    let text = apps::ads();
    assert_eq!(warnings(&text), [""; 0]);
    let elsewhere = text.replace(") PARTITIONED BY (ip)", ") PARTITIONED BY (impression_id)");
    assert_eq!(warnings(&elsewhere), ["each partition of the engine matches its own rows only"]);
}

#[test]
fn the_plan_is_resolved() {
    let app = app();
    let names: Vec<&str> = app.streams.iter().map(|stream| stream.name.as_str()).collect();
    let streams = "bid_requests outcomes bid_responses wins impressions clicks conversions views clicks_by_ip \
        requests_by_domain";
    assert_eq!((app.name.as_str(), names.join(" ")), ("ads", streams.to_owned()));
    assert_eq!(
        app.streams[0].watermark,
        Some(Watermark { column: 5, delay_millis: 5_000, idle_millis: None })
    );
    assert_eq!(app.streams[0].schema.key(), [1]);
    let table = &app.flow.tables[0];
    assert_eq!(
        (table.name.as_str(), table.schema.key(), table.is_local()),
        ("placement_stats", &[0][..], true)
    );
    let TableSource::Running { node, .. } = table.source else { panic!("{table:?}") };
    let Operator::Aggregate(aggregation) = &app.flow.nodes[node].operator else { panic!("no aggregation") };
    assert_eq!(aggregation.grouping, Grouping::Running { ttl: None });
    let functions: Vec<_> = aggregation.calls.iter().map(|call| call.function).collect();
    assert_eq!(functions, [AggregateFunction::CountRows]);
    assert_eq!(app.flow.nodes[node].inputs, [2], "requests and outcomes");
    let decision = &app.decisions[0];
    let columns: Vec<&str> = decision.answer.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        columns,
        [
            "floor",
            "currency",
            "predicted_cpm",
            "cpm_lower",
            "cpm_upper",
            "model_version",
            "model_variant",
            "data_points"
        ]
    );
    assert_eq!(decision.deadline_micros, 10_000);
    let tables: Vec<&str> = app.flow.tables[..4].iter().map(|table| table.name.as_str()).collect();
    assert_eq!(tables, ["placement_stats", "placement_1h", "placement_24h", "placement_domain_24h"]);
    let look_up = |view, key: &[usize]| Lookup { view: ViewId(view), key: key.to_vec() };
    let keys = [look_up(0, &[1]), look_up(1, &[1]), look_up(2, &[1]), look_up(3, &[1, 2])];
    assert_eq!(decision.lookups, keys, "placement, and placement with domain");
    let yield_ = ModelId(0);
    assert_eq!(
        decision.functions,
        [Function::Predict(yield_), Function::ModelVersion(yield_), Function::ModelVariant(yield_)]
    );
    assert_eq!(decision.split_by, [0], "impression_id");
    assert_eq!((decision.condition, decision.code, &decision.required[..]), (None, Some(8), &[0, 1][..]));
    assert_eq!((decision.program.outputs(), decision.fallback.outputs()), (9, 8));
}

/// What the formula reads.
#[derive(Clone, Copy, Debug, Default)]
struct Request {
    hour_of_day: i64,
    day_of_week: i64,
    country: Option<&'static str>,
    country_tier: Option<i64>,
    device_category: Option<&'static str>,
    inventory_type: Option<&'static str>,
    /// Engagement, device performance, click-through rate.
    scores: [Option<f64>; 3],
    data_points: Option<i64>,
    traffic: Traffic,
    bid_floor: Option<f64>,
    bid_floor_currency: Option<&'static str>,
    /// What the model is to answer.
    cpm: Option<f64>,
}

/// What the streams say of the placement; NULLs where they are not fed.
#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    /// In the last hour and the last day: impressions and click-through rate; of the day, on the domain, too.
    clicked: [Option<(i64, f64)>; 3],
    /// In the last hour: bids, and the share of them that won.
    won: Option<(i64, f64)>,
    /// In the last day: wins, and what they paid on average.
    paid: Option<(i64, f64)>,
}

impl Traffic {
    /// A column of a look-up: placement_1h, placement_24h, placement_domain_24h.
    fn column(&self, lookup: usize, column: &str) -> Value<'static> {
        let (count, ratio) = match (lookup, column) {
            (_, "impressions" | "ctr") => self.clicked[lookup],
            (0, "bids" | "win_rate") => self.won,
            (1, "wins" | "average_cpm") => self.paid,
            _ => panic!("{column} of look-up {lookup} is not read"),
        }
        .unzip();
        match column {
            "impressions" | "bids" | "wins" => optional(count, Value::Int),
            _ => optional(ratio, Value::Double),
        }
    }
}

/// Serves a request's columns by name, and writes down what PREDICT was given.
struct Surroundings<'a> {
    app: &'a App,
    request: Request,
    predicted_from: Vec<Vec<f64>>,
}

fn optional<'a, T>(value: Option<T>, wrap: impl Fn(T) -> Value<'a>) -> Value<'a> {
    value.map_or(Value::Null, wrap)
}

impl<'a> Env<'a> for Surroundings<'a> {
    fn load(&self, input: u16, column: u16) -> Value<'a> {
        let request = &self.request;
        if let Some(lookup) = usize::from(input).checked_sub(1) {
            let column = &self.app.flow.tables[lookup].schema.columns()[usize::from(column)].name;
            return match lookup {
                0 if column == "data_points" => optional(request.data_points, Value::Int),
                0 => panic!("{column} is not read"),
                _ => request.traffic.column(lookup - 1, column),
            };
        }
        match self.app.streams[0].schema.columns()[usize::from(column)].name.as_str() {
            "hour_of_day" => Value::Int(request.hour_of_day),
            "day_of_week" => Value::Int(request.day_of_week),
            "country" => optional(request.country, Value::Str),
            "country_tier" => optional(request.country_tier, Value::Int),
            "device_category" => optional(request.device_category, Value::Str),
            "inventory_type" => optional(request.inventory_type, Value::Str),
            "user_engagement_score" => optional(request.scores[0], Value::Double),
            "device_performance_score" => optional(request.scores[1], Value::Double),
            "historical_ctr_avg" => optional(request.scores[2], Value::Double),
            "bid_floor" => optional(request.bid_floor, Value::Double),
            "bid_floor_currency" => optional(request.bid_floor_currency, Value::Str),
            other => panic!("{other} is not read"),
        }
    }

    fn call(&mut self, function: u16, arguments: &[Value<'a>]) -> Value<'a> {
        match self.app.decisions[0].functions[usize::from(function)] {
            Function::Predict(ModelId(0)) => {
                let doubles = arguments.iter().map(|argument| match argument {
                    Value::Double(x) => *x,
                    other => panic!("{other:?} is not a DOUBLE"),
                });
                self.predicted_from.push(doubles.collect());
                optional(self.request.cpm, Value::Double)
            }
            Function::ModelVersion(ModelId(0)) => Value::Str(&self.app.models[0].champion.label),
            Function::ModelVariant(ModelId(0)) => Value::Str("champion"),
            other => panic!("{other:?} is not in the app"),
        }
    }
}

/// Half up at the fourth decimal of the number as it is written.
fn rounded(x: f64) -> f64 {
    let text = format!("{}", x.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = format!("{whole}{fraction:0<5}");
    let cut = whole.len() + 4;
    let units: f64 = digits[..cut].parse().expect("digits");
    let up = if digits.as_bytes()[cut] >= b'5' { 1.0 } else { 0.0 };
    let magnitude = (units + up) / 10_000.0;
    if magnitude == 0.0 { 0.0 } else { magnitude.copysign(x) }
}

/// The formula, straightforward.
fn expected(request: &Request) -> (Vec<f64>, Vec<Value<'static>>) {
    let prime = (19..=23).contains(&request.hour_of_day);
    let premium = request.inventory_type == Some("premium");
    let tier = match (request.country_tier, request.country) {
        (Some(tier @ 1..=3), _) => tier,
        (_, Some("ES" | "FR" | "DE" | "IT" | "GB" | "UK" | "US")) => 1,
        (_, Some("PT" | "NL" | "BE" | "CH" | "AT" | "SE")) => 2,
        _ => 3,
    };
    let device = match request.device_category {
        Some("tablet") => 2.0,
        Some("desktop") => 3.0,
        _ => 1.0,
    };
    let flag = |on: bool| if on { 1.0 } else { 0.0 };
    let features = vec![
        request.hour_of_day as f64,
        request.day_of_week as f64,
        flag(request.day_of_week >= 6),
        tier as f64,
        device,
        flag(tier == 1),
        request.scores[0].unwrap_or(0.5),
        request.scores[1].unwrap_or(100.0),
        request.scores[2].unwrap_or_else(|| known_ctr(&request.traffic)),
        flag(prime),
    ];
    let points = request.data_points.unwrap_or(0);
    let confidence = match points {
        1_001.. => 0.95,
        101.. => 0.85,
        11.. => 0.75,
        _ => 0.60,
    };
    let competition = match (prime, premium) {
        (true, true) => 1.1,
        (false, false) => 1.0,
        _ => 1.05,
    } * match request.traffic.won {
        Some((100.., rate)) if rate <= 0.1 => 1.05,
        _ => 1.0,
    };
    let most = match request.traffic.paid {
        Some((100.., average)) => 2.0 * average,
        _ => f64::INFINITY,
    };
    let scaled = |factor: f64| optional(request.cpm, |cpm| Value::Double(rounded(cpm * factor)));
    let floor =
        |cpm: f64| Value::Double(rounded((cpm.min(most) * confidence * competition).clamp(0.5, 10.0)));
    let answer = vec![
        optional(request.cpm, floor),
        Value::Str("EUR"),
        scaled(1.0),
        scaled(0.9),
        scaled(1.1),
        Value::Str("yield-1"),
        Value::Str("champion"),
        Value::Int(points),
        Value::Str(if points > 10 { "floored" } else { "low_confidence" }),
    ];
    (features, answer)
}

/// Of the last hour, of the last day on the domain, of the last day: the first with enough impressions.
fn known_ctr(traffic: &Traffic) -> f64 {
    let [hour, day, on_domain] = traffic.clicked;
    let enough = |known: &(i64, f64)| known.0 >= 1_000;
    [hour, on_domain, day].into_iter().flatten().find(enough).map_or(0.02, |(_, rate)| rate)
}

/// Every request of the grid.
fn requests() -> impl Iterator<Item = Request> {
    let times = [(0, 1), (18, 5), (19, 6), (23, 7)];
    let places = [
        (None, None),
        (Some("ES"), None),
        (Some("UK"), Some(0)),
        (Some("SE"), Some(4)),
        (Some("PT"), Some(1)),
        (Some("BR"), Some(2)),
        (Some("US"), Some(3)),
        (Some("xx"), None),
    ];
    let devices = [None, Some("mobile"), Some("tablet"), Some("desktop")];
    let inventories = [None, Some("premium"), Some("standard")];
    let scores = [[None; 3], [Some(0.31), Some(42.5), Some(0.1)], [None, Some(0.0), None]];
    let points =
        [None, Some(0), Some(10), Some(11), Some(100), Some(101), Some(1_000), Some(1_001), Some(i64::MAX)];
    let cpms = [
        None,
        Some(-1.0),
        Some(0.0),
        Some(0.66),
        Some(0.8333333333333334),
        Some(2.67505),
        Some(9.7),
        Some(1e9),
    ];
    let mut list = vec![Request::default()];
    list = spread(&list, &times, |r, &(hour, day)| (r.hour_of_day, r.day_of_week) = (hour, day));
    list = spread(&list, &places, |r, &(country, tier)| (r.country, r.country_tier) = (country, tier));
    list = spread(&list, &devices, |r, &device| r.device_category = device);
    list = spread(&list, &inventories, |r, &inventory| r.inventory_type = inventory);
    list = spread(&list, &scores, |r, &scores| r.scores = scores);
    list = spread(&list, &points, |r, &points| r.data_points = points);
    // Traffic takes turns over them, with every prediction.
    let traffic: Vec<Traffic> = traffic().collect();
    for (request, traffic) in list.iter_mut().zip(traffic.iter().cycle()) {
        request.traffic = *traffic;
    }
    spread(&list, &cpms, |r, &cpm| r.cpm = cpm).into_iter()
}

/// Every traffic of the grid. Its length shares no factor with the other dimensions' sizes.
fn traffic() -> impl Iterator<Item = Traffic> {
    let clicked = [None, Some((999, 0.5)), Some((1_000, 0.031)), Some((5_000, 0.0))];
    let won = [None, Some((99, 0.01)), Some((100, 0.1)), Some((100, 0.11)), Some((1_000, 0.0))];
    let paid = [None, Some((99, 0.1)), Some((100, 0.5)), Some((7_000, 3.0))];
    let all = clicked.into_iter().flat_map(move |hour| {
        let days = clicked.into_iter().flat_map(move |day| clicked.map(|on_domain| [hour, day, on_domain]));
        days.flat_map(move |clicked| {
            won.into_iter()
                .flat_map(move |won| paid.into_iter().map(move |paid| Traffic { clicked, won, paid }))
        })
    });
    all.chain([Traffic::default(); 5])
}

fn spread<T>(list: &[Request], values: &[T], set: impl Fn(&mut Request, &T)) -> Vec<Request> {
    let with = |request: &Request, value: &T| {
        let mut request = *request;
        set(&mut request, value);
        request
    };
    list.iter()
        .flat_map(|request| values.iter().map(move |value| (request, value)))
        .map(|(r, v)| with(r, v))
        .collect()
}

#[test]
fn the_floor_is_the_formula() {
    let app = app();
    let mut arena = Bump::new();
    let mut count = 0;
    for request in requests() {
        arena.reset();
        let mut env = Surroundings { app: &app, request, predicted_from: Vec::new() };
        let results = app.decisions[0].program.run(&mut env, &arena);
        let (features, answer) = expected(&request);
        assert_eq!(results, answer, "{request:?}");
        assert_eq!(env.predicted_from, [features], "PREDICT runs once: {request:?}");
        count += 1;
    }
    assert!(count > 80_000, "{count}");
}

#[test]
fn the_fallback_is_the_requests_own_floor() {
    let app = app();
    let cases = [
        (None, None, 2.0, "EUR"),
        (Some(0.0), Some("EUR"), 2.0, "EUR"),
        (Some(-1.0), Some("GBP"), 2.0, "EUR"),
        (Some(0.3), None, 0.3, "USD"),
        (Some(0.3), Some("GBP"), 0.3, "GBP"),
        (None, Some("GBP"), 2.0, "EUR"),
    ];
    for (bid_floor, bid_floor_currency, floor, currency) in cases {
        let request = Request { bid_floor, bid_floor_currency, ..Request::default() };
        let arena = Bump::new();
        let mut env = Surroundings { app: &app, request, predicted_from: Vec::new() };
        let results = app.decisions[0].fallback.run(&mut env, &arena);
        assert_eq!(results[..2], [Value::Double(floor), Value::Str(currency)], "{request:?}");
        assert_eq!(results[2..], [Value::Null; 6]);
        assert!(env.predicted_from.is_empty());
    }
}
