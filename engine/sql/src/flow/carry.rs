//! Taking a SELECT's columns through an operator: what names and slots meant before it, they mean behind it.

use vencejo_expr::{Expr, Type};

use super::drafts::Origin;
use super::facts::Facts;
use super::needed::Needed;
use super::rel::{Branch, Layout, Rel};
use super::{Fed, Planner};
use crate::diagnostic::Reported;
use crate::scope::ScopeColumn;
use crate::tokens::Place;

/// Names and slots, each with its column of a layout; nothing where there was an error.
pub(crate) struct Carried {
    columns: Vec<(Option<String>, String, Option<usize>)>,
    slots: Vec<(usize, Option<usize>)>,
    partial: bool,
}

impl Rel {
    /// Puts what is needed of the scope, and all slots, into the layout.
    pub(crate) fn carry(&self, needed: &Needed, layout: &mut Layout) -> Carried {
        let mut carried = Carried { columns: Vec::new(), slots: Vec::new(), partial: self.partial };
        let Some(first) = self.branches.first() else { return carried };
        carried.partial |= first.scope.partial;
        for (index, column) in first.scope.columns().iter().enumerate() {
            if needed.has(&column.name) {
                let exprs: Option<Vec<Expr>> =
                    self.branches.iter().map(|branch| branch.scope.columns().get(index)?.expr).collect();
                let place = exprs.map(|exprs| layout.place(exprs));
                carried.columns.push((column.qualifier.clone(), column.name.clone(), place));
            }
        }
        for address in first.slots.addresses() {
            let exprs: Option<Vec<Expr>> =
                self.branches.iter().map(|branch| branch.slots.get(address)?).collect();
            carried.slots.push((address, exprs.map(|exprs| layout.place(exprs))));
        }
        carried
    }
}

impl Planner<'_, '_> {
    /// A branch that reads a node's rows. `carried` are columns of `fed`, which begin at column `offset` of
    /// the node's rows; `nullable` says that they may all be NULL there.
    pub(crate) fn behind(
        &mut self,
        branch: &mut Branch,
        carried: &Carried,
        (fed, offset, nullable): (&Fed, usize, bool),
        place: Place,
    ) -> Result<(), Reported> {
        let mut column = |branch: &mut Branch, column: Option<usize>| -> Result<Option<Expr>, Reported> {
            let Some(column) = column else { return Ok(None) };
            let (ty, null) = fed.columns[fed.places[column]];
            self.column(branch, offset + fed.places[column], ty, null || nullable, place).map(Some)
        };
        branch.scope.partial |= carried.partial;
        for (qualifier, name, at) in &carried.columns {
            let expr = column(branch, *at)?;
            branch.scope.add(ScopeColumn { qualifier: qualifier.clone(), name: name.clone(), expr });
        }
        for &(address, at) in &carried.slots {
            let expr = column(branch, at)?;
            branch.slots.insert(address, expr);
        }
        Ok(())
    }

    /// A column of a branch's row.
    pub(crate) fn column(
        &mut self,
        branch: &mut Branch,
        column: usize,
        ty: Type,
        nullable: bool,
        place: Place,
    ) -> Result<Expr, Reported> {
        let column =
            u16::try_from(column).map_err(|_| self.report.error(place, "the row has too many columns"))?;
        let built = branch.graph.column(0, column, ty, nullable);
        built.map_err(|error| self.report.error(place, error.to_string()))
    }

    /// A rel of one branch that reads a node, with the names of before.
    pub(crate) fn reread(
        &mut self,
        node: usize,
        facts: Facts,
        carried: &Carried,
        fed: &Fed,
        place: Place,
    ) -> Result<Rel, Reported> {
        let mut branch = Branch::new(Origin::Node(node), facts);
        self.behind(&mut branch, carried, (fed, 0, false), place)?;
        Ok(Rel::one(branch))
    }
}
