//! What a node does, in a line.

use vencejo_core::plan::App;
use vencejo_core::plan::flow::{AlertSpec, Calc, Matches, Node, Operator};
use vencejo_expr::{Program, Type};
use vencejo_windows::KeyBytes;
use vencejo_windows::spec::{
    AggregateCall, AggregateFunction, Aggregation, Frame, Grouping, JoinKind, JoinSide, OrderBy, TopN,
    Windowing,
};

use super::rules::rule_set;
use super::{duration, size, types};

pub(super) fn operator(node: &Node, app: &App) -> String {
    match &node.operator {
        Operator::Calc(work) => format!("{} {}", calc(work), types(&node.columns)),
        Operator::Lookup(lookup) => {
            let table = app.flow.tables.get(lookup.table.index()).map_or("?", |table| table.name.as_str());
            format!("look-up {table}{}", key(&lookup.key))
        }
        Operator::Assign(assign) => {
            let by = by(&assign.key);
            format!("assign {} on #{}{by}", windowing(assign.windowing), assign.time)
        }
        Operator::Aggregate(aggregation) => aggregate(aggregation),
        Operator::Over(over) => {
            let frame = match over.frame {
                Frame::Rows(None) | Frame::Range(None) => "all rows before".to_string(),
                Frame::Rows(Some(rows)) => format!("{rows} rows before"),
                Frame::Range(Some(millis)) => format!("{} before", duration(millis)),
            };
            let by = by(&over.key);
            let bytes = size::row(&over.input);
            format!("over{by} on #{}, {frame}: {}; {bytes} bytes per row", over.time, calls(&over.calls))
        }
        Operator::IntervalJoin(join, condition) => format!(
            "interval {}, #{} from {} to {} of #{}{}; {} and {} bytes per row",
            sides(join.kind, &join.left, &join.right),
            join.left_time,
            signed(join.lower),
            signed(join.upper),
            join.right_time,
            on(condition.as_ref()),
            size::row(&join.left.input),
            size::row(&join.right.input)
        ),
        Operator::WindowJoin(join, condition) => format!(
            "window {}, window #{} #{} and #{} #{}{}; {} and {} bytes per row",
            sides(join.kind, &join.left, &join.right),
            join.left_window.0,
            join.left_window.1,
            join.right_window.0,
            join.right_window.1,
            on(condition.as_ref()),
            size::row(&join.left.input),
            size::row(&join.right.input)
        ),
        Operator::TopN(rank) => top_n(rank),
        Operator::Keep(keep) => {
            let window = keep.window_end.map_or(String::new(), |end| format!(", window end #{end}"));
            let bytes = size::key(&keep.key) + size::row(&node.columns);
            format!("keep{}{window}, {}; {bytes} bytes per key", by(&keep.key), duration(keep.retention))
        }
        Operator::Emit(output) => format!("emit {}", output_name(*output, app)),
        Operator::Rules(spec) => rule_set(spec, &by(&spec.key)),
        Operator::Matches(Matches { delay_millis: 0 }) => format!("matches {}", types(&node.columns)),
        Operator::Matches(Matches { delay_millis }) => {
            format!("matches {}, watermark {} behind", types(&node.columns), duration(*delay_millis))
        }
        Operator::Alert(alert) => alerts(alert, app),
    }
}

fn top_n(rank: &TopN) -> String {
    let order: Vec<String> = rank.order.iter().map(order).collect();
    let by = by(&rank.key);
    format!(
        "first {} of window #{} #{}{by} in order {}; {} bytes per row",
        rank.n,
        rank.window.0,
        rank.window.1,
        order.join(", "),
        size::row(&rank.input)
    )
}

fn alerts(alert: &AlertSpec, app: &App) -> String {
    let silent = match alert.cooldown_millis {
        0 => String::new(),
        millis => format!(", silent for {} after it", duration(millis)),
    };
    let (severity, name) = (alert.severity.name(), output_name(alert.output, app));
    format!("{}, {severity} alert {name}{silent}", calc(&alert.calc))
}

fn output_name(output: usize, app: &App) -> &str {
    app.flow.outputs.get(output).map_or("?", |output| output.name.as_str())
}

pub(super) fn calc(calc: &Calc) -> String {
    let filtered = if calc.filtered { "filter and calc" } else { "calc" };
    format!("{filtered} {} instructions", calc.program.instructions())
}

fn aggregate(aggregation: &Aggregation) -> String {
    let grouping = match &aggregation.grouping {
        Grouping::Running { ttl: None } => "running".to_string(),
        Grouping::Running { ttl: Some(ttl) } => format!("running, ttl {}", duration(*ttl)),
        Grouping::Window { windowing: cut, lateness, retention } => {
            let late = if *lateness == 0 { String::new() } else { format!(", {} late", duration(*lateness)) };
            let time = aggregation.time.map_or(String::new(), |time| format!(" on #{time}"));
            let kept = match retention {
                0 => String::new(),
                _ => format!(", kept {} to be merged", duration(*retention)),
            };
            format!("{}{time}{late}{kept}", windowing(*cut))
        }
        Grouping::Given { start, end } => format!("window #{start} #{end}"),
    };
    let per = if matches!(aggregation.grouping, Grouping::Running { .. }) { "key" } else { "key and window" };
    let calls =
        if aggregation.calls.is_empty() { String::new() } else { format!(": {}", calls(&aggregation.calls)) };
    let bytes = KeyBytes::of(aggregation).total();
    format!("group{}, {grouping}{calls}; {bytes} bytes per {per}", by(&aggregation.key))
}

/// Where the bytes of a group are, aggregate by aggregate.
pub(super) fn memory(aggregation: &Aggregation) -> String {
    let KeyBytes { index, key, life, aggregates } = KeyBytes::of(aggregation);
    let mut parts = vec![format!("index {index}"), format!("key {key}")];
    if life > 0 {
        let what = if matches!(aggregation.grouping, Grouping::Running { .. }) { "ttl" } else { "session" };
        parts.push(format!("{what} {life}"));
    }
    let calls = aggregation.calls.iter().zip(aggregates);
    parts.extend(calls.map(|(of, bytes)| format!("{} {bytes}{}", call(of), aside(of))));
    parts.join(", ")
}

/// What an aggregate keeps besides, in sizes that depend on the values.
fn aside(call: &AggregateCall) -> &'static str {
    use AggregateFunction as F;
    let text = call.argument.is_some_and(|(_, ty)| ty == Type::String);
    match call.function {
        F::ApproxPercentile { .. } | F::ApproxTopK { .. } => " and a sketch",
        F::ApproxCountDistinct => " and its values or a sketch",
        F::Min | F::Max | F::FirstValue | F::LastValue if text => " and a string",
        F::Min | F::Max | F::FirstValue | F::LastValue | F::Ewma { .. } => "",
        F::Count if call.distinct => " and its values or a sketch",
        _ if call.distinct => " and its values",
        _ => "",
    }
}

fn windowing(windowing: Windowing) -> String {
    let from = |offset: i64| if offset == 0 { String::new() } else { format!(" from {}", duration(offset)) };
    match windowing {
        Windowing::Tumble { size, offset } => format!("tumble {}{}", duration(size), from(offset)),
        Windowing::Hop { size, slide, offset } => {
            format!("hop {} every {}{}", duration(size), duration(slide), from(offset))
        }
        Windowing::Cumulate { size, step, offset } => {
            format!("cumulate {} by {}{}", duration(size), duration(step), from(offset))
        }
        Windowing::Session { gap } => format!("session {}", duration(gap)),
    }
}

fn calls(calls: &[AggregateCall]) -> String {
    let calls: Vec<String> = calls.iter().map(call).collect();
    calls.join(", ")
}

fn call(call: &AggregateCall) -> String {
    use AggregateFunction as F;
    let (name, parameter) = match call.function {
        F::CountRows => ("COUNT(*", String::new()),
        F::Count => ("COUNT(", String::new()),
        F::Sum => ("SUM(", String::new()),
        F::Avg => ("AVG(", String::new()),
        F::Min => ("MIN(", String::new()),
        F::Max => ("MAX(", String::new()),
        F::StddevPop => ("STDDEV_POP(", String::new()),
        F::StddevSamp => ("STDDEV_SAMP(", String::new()),
        F::VarPop => ("VAR_POP(", String::new()),
        F::VarSamp => ("VAR_SAMP(", String::new()),
        F::FirstValue => ("FIRST_VALUE(", String::new()),
        F::LastValue => ("LAST_VALUE(", String::new()),
        F::ApproxCountDistinct => ("APPROX_COUNT_DISTINCT(", String::new()),
        F::ApproxPercentile { fraction } => ("APPROX_PERCENTILE(", format!(", {fraction}")),
        F::ApproxTopK { k } => ("APPROX_TOP_K(", format!(", {k}")),
        F::Ewma { half_life } => ("EWMA(", format!(", {}", duration(half_life))),
    };
    let distinct = if call.distinct { "DISTINCT " } else { "" };
    let argument = call.argument.map_or(String::new(), |(column, ty)| format!("{distinct}#{column} {ty}"));
    let filter = call.filter.map_or(String::new(), |column| format!(" where #{column}"));
    format!("{name}{argument}{parameter}){filter}")
}

fn order(order: &OrderBy) -> String {
    let direction = if order.descending { " desc" } else { "" };
    // NULL is the least value unless the text says otherwise.
    let nulls = match (order.nulls_first, order.descending) {
        (true, true) => " nulls first",
        (false, false) => " nulls last",
        _ => "",
    };
    format!("#{}{direction}{nulls}", order.column)
}

fn sides(kind: JoinKind, left: &JoinSide, right: &JoinSide) -> String {
    let kind = match kind {
        JoinKind::Inner => "join",
        JoinKind::Left => "left join",
        JoinKind::Right => "right join",
        JoinKind::Full => "full join",
        JoinKind::Semi => "semi join",
        JoinKind::Anti => "anti join",
    };
    format!("{kind} {} = {}", key(&left.key), key(&right.key))
}

fn on(condition: Option<&Program>) -> String {
    condition.map_or(String::new(), |program| format!(", on {} instructions", program.instructions()))
}

fn signed(millis: i64) -> String {
    if millis < 0 { format!("-{}", duration(-millis)) } else { format!("+{}", duration(millis)) }
}

fn by(columns: &[(usize, Type)]) -> String {
    if columns.is_empty() { String::new() } else { format!(" by {}", key(columns)) }
}

fn key(columns: &[(usize, Type)]) -> String {
    let columns: Vec<String> = columns.iter().map(|(column, ty)| format!("#{column} {ty}")).collect();
    format!("({})", columns.join(", "))
}
