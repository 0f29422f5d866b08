//! CREATE RULE: matches that are alerts.

use vencejo_core::plan::flow::{AlertSpec, Operator, Severity};
use vencejo_expr::Expr;
use vencejo_rules::spec::RowsPerMatch;
use vencejo_types::schema::Column;

use super::pattern::can_be_empty;
use crate::diagnostic::Reported;
use crate::flow::Planner;
use crate::flow::drafts::Origin;
use crate::flow::rel::Rel;
use crate::tokens::{Name, Place};

/// What a rule's options say about its alerts.
pub(crate) struct AlertSettings {
    pub(crate) severity: Severity,
    pub(crate) cooldown_millis: i64,
}

impl Planner<'_, '_> {
    /// Has a query's matches raise alerts. Nodes from `before` on are the statement's own.
    pub(crate) fn alert(
        &mut self,
        rel: &mut Rel,
        before: usize,
        (name, place): (&Name, Place),
        columns: Vec<Column>,
        settings: &AlertSettings,
        enabled: bool,
    ) -> Result<(), Reported> {
        let taker = match &rel.branches[..] {
            [branch] => match branch.origin {
                Origin::Node(node) if node >= before => Some(node),
                _ => None,
            },
            _ => None,
        };
        let found = taker.and_then(|node| Some((node, self.drafts.rule_of(node)?)));
        let Some((node, rule)) = found else {
            let hint = "write CREATE RULE name AS SELECT ... FROM stream MATCH_RECOGNIZE (...), perhaps with WHERE; what \
                        is joined or computed stands in a subquery before MATCH_RECOGNIZE";
            return Err(self.fail(place, "a rule is a SELECT over MATCH_RECOGNIZE and nothing else", hint));
        };
        let (rows, empty) = (rule.rows, can_be_empty(&rule.pattern));
        if rows != RowsPerMatch::One {
            let hint = "write ONE ROW PER MATCH; the alert has the sequences of all its rows";
            return Err(self.fail(place, "a rule raises one alert per match", hint));
        }
        if empty {
            let hint = "a match without a row would be an alert for every event; let the pattern begin with a variable";
            return Err(self.fail(place, "a rule's pattern takes at least one row", hint));
        }
        if !enabled {
            return Ok(());
        }
        if self.drafts.outputs.iter().any(|output| output.name == name.text) {
            let message = format!("INSERT INTO writes to '{}' already", name.text);
            return Err(self.fail(name.place, message, "give the rule a name of its own"));
        }
        let output = self.declare_output(name, columns)?;
        let branch = &mut rel.branches[0];
        let exprs: Option<Vec<Expr>> = branch.outputs.iter().map(|output| output.expr).collect();
        let calc = self.calc(branch, exprs.ok_or(Reported)?, name.place)?;
        let AlertSettings { severity, cooldown_millis } = *settings;
        self.drafts.nodes[node].operator =
            Operator::Alert(AlertSpec { output, calc, severity, cooldown_millis });
        Ok(())
    }
}
