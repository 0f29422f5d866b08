//! What is wrong with an app, and where.

use vencejo_types::limits::DIAGNOSTICS_MAX;

use crate::tokens::Place;

/// An error in app.sql, or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong: a sentence without a full stop.
    pub message: String,
    /// What to do about it, where that is clear.
    pub hint: Option<String>,
}

/// Longest part of a source line that is shown.
const EXCERPT_CHARS_MAX: usize = 160;

impl Diagnostic {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { line: place.line, column: place.column, message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_hint_if(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// The error as people read it: `file:line:column: message`, the source line with a caret under the
    /// place, and the hint. `text` is the app.sql that was planned.
    ///
    /// ```
    /// let text = "CREATE TABLE t (x INTT);";
    /// let errors = vencejo_sql::plan("demo", text, &mut |_| Err(String::new())).unwrap_err();
    /// let lines: Vec<_> = errors[0].render("app.sql", text).lines().map(str::to_owned).collect();
    /// assert_eq!(lines[0], "app.sql:1:19: unknown type INTT");
    /// assert_eq!(lines[1], "   1 | CREATE TABLE t (x INTT);");
    /// assert_eq!(lines[2], "     |                   ^");
    /// assert_eq!(lines[3], "     = did you mean 'INT'?");
    /// ```
    pub fn render(&self, file: &str, text: &str) -> String {
        let mut rendered = format!("{file}:{}:{}: {}\n", self.line, self.column, self.message);
        let number = format!("{:>4}", self.line);
        let margin = " ".repeat(number.len());
        if let Some(line) = text.split('\n').nth(self.line.saturating_sub(1)) {
            // A window of a long line, so that the caret is in it.
            let skipped = self.column.saturating_sub(EXCERPT_CHARS_MAX * 3 / 4);
            let excerpt: String =
                line.trim_end_matches('\r').chars().skip(skipped).take(EXCERPT_CHARS_MAX).collect();
            // Tabs stay tabs, so that the caret stands under its character.
            let before = excerpt.chars().chain(std::iter::repeat(' '));
            let indent: String = before
                .take(self.column.saturating_sub(1 + skipped))
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            rendered.push_str(&format!("{number} | {excerpt}\n{margin} | {indent}^\n"));
        }
        if let Some(hint) = &self.hint {
            rendered.push_str(&format!("{margin} = {hint}\n"));
        }
        rendered
    }
}

/// A mark that the reason of a failure is in the report already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported;

/// The errors found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Report {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) -> Reported {
        if !self.is_full() && !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
        Reported
    }

    /// Notes what the app should know and that is no error.
    pub(crate) fn warn(&mut self, warning: Diagnostic) {
        if self.warnings.len() < DIAGNOSTICS_MAX && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The warnings in the order of the text.
    pub(crate) fn take_warnings(&mut self) -> Vec<Diagnostic> {
        self.warnings.sort_by_key(|warning| (warning.line, warning.column));
        std::mem::take(&mut self.warnings)
    }

    pub(crate) fn error(&mut self, place: Place, message: impl Into<String>) -> Reported {
        self.push(Diagnostic::new(place, message))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// Whether it takes no more errors: then looking for them is in vain.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() >= DIAGNOSTICS_MAX
    }

    /// The errors in the order of the text.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        self.diagnostics
    }
}
