//! A script is cut into its statements.

use std::iter::FusedIterator;

use super::dialect::{Blocks, Dialect};
use super::kind::{StatementKind, TransactionVerb};
use super::outline::Outline;
use super::place::nul_in_text;
use super::scanner::Scanner;
use super::token::{Token, TokenKind};
use crate::error::{Error, ErrorKind, Result};

/// One statement of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptStatement<'t> {
    /// Its text, without the semicolon that ends it and without comments around it. (The statements of Oracle that end
    /// with a line `/` keep their last semicolon: it is part of them.)
    pub text: &'t str,
    /// The line it starts at, counted from 1.
    pub line: usize,
    /// What it does.
    pub kind: StatementKind,
}

/// Iterates over the statements of a script.
///
/// Semicolons in strings, quoted names, comments, dollar quotes and the bodies of triggers and routines are no ends.
/// MySQL's `DELIMITER` lines, SQL Server's `GO` and Oracle's `/` are understood. A colon is nothing special: scripts
/// have no parameters. After an error it is at its end.
///
/// ```
/// use pontoon::sql::{SQLITE, split_script};
///
/// let script = "create table a (b); -- one;\ninsert into a values (';');";
/// let texts: Vec<_> = split_script(script, &SQLITE).map(|s| s.unwrap().text).collect();
/// assert_eq!(texts, ["create table a (b)", "insert into a values (';')"]);
/// ```
#[derive(Clone, Debug)]
pub struct Script<'t> {
    text: &'t str,
    dialect: &'static Dialect,
    scanner: Scanner<'t>,
    delimiter: Option<&'t str>,
    /// Lines are counted up to here.
    counted: usize,
    line: usize,
}

/// Cuts a script into its statements.
pub fn split_script<'t>(text: &'t str, dialect: &'static Dialect) -> Script<'t> {
    let mut scanner = Scanner::new(text, dialect);
    if text.starts_with('\u{feff}') {
        scanner.restart_at('\u{feff}'.len_utf8());
    }
    Script { text, dialect, scanner, delimiter: None, counted: 0, line: 1 }
}

/// That a script leaves no transaction open that it began, and ends none that it did not begin.
///
/// # Errors
/// [`ErrorKind::TransactionVerb`] with the line of the first verb without its counterpart, and for the two phases of a
/// distributed transaction; and whatever makes the script unreadable.
pub fn check_script(text: &str, dialect: &'static Dialect) -> Result<()> {
    use TransactionVerb::{Autocommit, Begin, Commit, Release, Rollback, RollbackTo, Savepoint, TwoPhase};
    let mut begun: Option<usize> = None;
    let mut savepoints = 0_usize;
    for statement in split_script(text, dialect) {
        let statement = statement?;
        let StatementKind::Transaction(verb) = statement.kind else { continue };
        let line = statement.line;
        let wrong = |what: &str| {
            Err(Error::new(ErrorKind::TransactionVerb, format!("script has {verb} on line {line} {what}")))
        };
        match (verb, begun) {
            (Begin, Some(first)) => return wrong(&format!("in the transaction begun on line {first}")),
            (Begin, None) => (begun, savepoints) = (Some(line), 0),
            (Commit | Rollback, Some(_)) => begun = None,
            (Commit | Rollback | Savepoint, None) => return wrong("and no transaction begun before it"),
            (Savepoint, Some(_)) => savepoints += 1,
            (Release | RollbackTo, _) if begun.is_none() || savepoints == 0 => {
                return wrong("and no savepoint set before it");
            }
            (Release | RollbackTo, _) => {}
            (TwoPhase, _) => return wrong("which needs the driver's own connection"),
            // Dumps of MySQL turn it off and on again; what is left is checked when the connection is given back.
            (Autocommit, _) => {}
        }
    }
    match begun {
        Some(line) => Err(Error::new(
            ErrorKind::TransactionVerb,
            format!("script begins a transaction on line {line} and does not end it"),
        )),
        None => Ok(()),
    }
}

impl<'t> Script<'t> {
    fn advance(&mut self) -> Result<Option<ScriptStatement<'t>>> {
        let bytes = self.text.as_bytes();
        let mut outline = Outline::new(self.dialect);
        let mut start = None;
        let mut end = self.scanner.position();
        loop {
            let before = self.scanner.position();
            let Some(token) = self.scanner.next_token()? else { break };
            if token.kind == TokenKind::Comment {
                if !self.is_live(&bytes[token.start..token.end]) {
                    continue;
                }
            } else if let Some(after) = self.line_command(before, token.start, start.is_none()) {
                self.scanner.restart_at(after);
                if start.is_some() {
                    break;
                }
                continue;
            } else if let Some(at) = self.delimiter_in(token) {
                self.scanner.restart_at(at + self.delimiter.map_or(0, str::len));
                if at > token.start {
                    outline.token(TokenKind::Word, &bytes[token.start..at]);
                    start = start.or(Some(token.start));
                    end = at;
                }
                if start.is_some() {
                    break;
                }
                continue;
            }
            let ends = token.kind != TokenKind::Comment && outline.token(token.kind, &bytes[token.start..token.end]);
            if ends && self.delimiter.is_none() {
                if start.is_some() {
                    break;
                }
                outline = Outline::new(self.dialect);
                continue;
            }
            start = start.or(Some(token.start));
            end = token.end;
        }
        let Some(start) = start else { return Ok(None) };
        if let Some(at) = self.text[start..end].find('\0') {
            return Err(nul_in_text(self.text, start + at));
        }
        self.line += bytes[self.counted..start].iter().filter(|&&byte| byte == b'\n').count();
        self.counted = start;
        Ok(Some(ScriptStatement { text: &self.text[start..end], line: self.line, kind: outline.kind }))
    }

    /// The marks of `/*! … */`, which belong to the statement.
    fn is_live(&self, comment: &[u8]) -> bool {
        self.dialect.lexis.live_comments
            && (comment.starts_with(b"/*!") || comment.starts_with(b"/*M!") || comment == b"*/")
    }

    /// Where the delimiter that was set stands in a token. A bare word can end with one: `end$$`.
    fn delimiter_in(&self, token: Token) -> Option<usize> {
        let delimiter = self.delimiter?;
        if token.kind == TokenKind::Word {
            return token.text(self.text).find(delimiter).map(|at| token.start + at);
        }
        self.text[token.start..].starts_with(delimiter).then_some(token.start)
    }

    /// Where the text goes on after a line that is for the reader of scripts and not for the database. The token at
    /// `at` is such a line when nothing but white space with a line break in it is between it and what was `before`.
    fn line_command(&mut self, before: usize, at: usize, first: bool) -> Option<usize> {
        if matches!(self.dialect.blocks, Blocks::None | Blocks::Trigger | Blocks::Atomic) {
            return None;
        }
        if before > 0 && !self.text[before..at].contains('\n') {
            return None;
        }
        let rest = &self.text[at..];
        let line = rest.split('\n').next().unwrap_or(rest);
        let after = at + line.len();
        let words = line.trim();
        match self.dialect.blocks {
            Blocks::Compound if first => {
                let (word, delimiter) = words.split_at_checked("DELIMITER".len())?;
                if !word.eq_ignore_ascii_case("DELIMITER") || !delimiter.starts_with([' ', '\t']) {
                    return None;
                }
                let delimiter = delimiter.trim();
                self.delimiter = Some(delimiter).filter(|delimiter| !matches!(*delimiter, "" | ";"));
                Some(after)
            }
            Blocks::Slash if words == "/" => Some(after),
            Blocks::Batch => {
                let mut words = words.split_ascii_whitespace();
                let go = words.next()?.eq_ignore_ascii_case("GO");
                let count = words.next().is_none_or(|count| count.bytes().all(|byte| byte.is_ascii_digit()));
                (go && count && words.next().is_none()).then_some(after)
            }
            _ => None,
        }
    }
}

impl<'t> Iterator for Script<'t> {
    type Item = Result<ScriptStatement<'t>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if next.is_err() {
            self.scanner.restart_at(self.text.len());
        }
        next.transpose()
    }
}

impl FusedIterator for Script<'_> {}
