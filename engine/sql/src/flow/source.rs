//! What stands behind FROM.

use super::Planner;
use super::drafts::Origin;
use super::facts::Facts;
use super::needed::Needed;
use super::rel::{Branch, Rel};
use crate::ast::{Relation, Source};
use crate::catalog::RelationFound;
use crate::diagnostic::Reported;
use crate::scope::Output;
use crate::tokens::Name;

impl Planner<'_, '_> {
    /// A relation of FROM with its columns entered under its name.
    pub(crate) fn from(&mut self, relation: &Relation, needed: &Needed) -> Rel {
        let alias = relation.alias.as_ref().map(|alias| alias.text.as_str());
        match &relation.source {
            Source::Window(call) => self.window_call(call, needed, alias),
            Source::Match(clause) => self.match_clause(clause, needed, alias),
            Source::Named(name) => {
                let mut rel = self.named(name);
                rel.enter(Some(alias.unwrap_or(&name.text)));
                rel
            }
            Source::Subquery(query) => {
                let mut rel = self.query(query, needed);
                rel.enter(alias);
                rel
            }
        }
    }

    /// A relation with its columns as outputs.
    pub(crate) fn relation(&mut self, relation: &Relation, needed: &Needed) -> Rel {
        match &relation.source {
            Source::Named(name) => self.named(name),
            Source::Subquery(query) => self.query(query, needed),
            Source::Window(_) | Source::Match(_) => {
                let mut rel = self.from(relation, needed);
                self.settle(&mut rel, needed, relation.place);
                for branch in &mut rel.branches {
                    let columns = branch.scope.columns().iter();
                    branch.outputs = columns
                        .map(|c| Output { place: relation.place, name: Some(c.name.clone()), expr: c.expr })
                        .collect();
                }
                rel
            }
        }
    }

    /// A query of WITH, a stream or a view.
    fn named(&mut self, name: &Name) -> Rel {
        if let Some((_, rel)) = self.named.iter().rev().find(|(known, _)| *known == name.text) {
            return rel.clone();
        }
        let with = self.named.iter().map(|(known, _)| known.as_str());
        match self.catalog.find_relation(name, with, self.report) {
            Ok(RelationFound::Stream(stream, broken)) => {
                let mut rel = self.stream(stream, name).unwrap_or_else(|Reported| Rel::broken());
                rel.partial |= broken;
                rel
            }
            Ok(RelationFound::View(view)) => self.catalog.views[view].rel.clone(),
            Err(Reported) => Rel::broken(),
        }
    }

    fn stream(&mut self, index: usize, name: &Name) -> Result<Rel, Reported> {
        let stream = &self.catalog.streams[index];
        let mut branch = Branch::new(Origin::Stream(index), Facts::of_stream(index, stream));
        branch.outputs = self.catalog.stream_columns(index, &mut branch.graph, name.place, self.report)?;
        Ok(Rel::one(branch))
    }
}
