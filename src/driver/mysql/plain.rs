//! Whether a statement that runs with many sets of parameters in one command does with each what it does alone.
//!
//! MariaDB runs an UPDATE or DELETE anew with each set. An INSERT or REPLACE it prepares once, with the first set: what it
//! takes for a constant then, since parameters are all that it depends on, keeps the value of that set. So it is with the
//! pattern of a REGEXP, with a subquery, with `? IS NULL`, with `LAST_INSERT_ID()`, and nobody has a list of them. So only
//! such statements are plain here whose parameters go into their columns as they are. `ON DUPLICATE KEY UPDATE` is not
//! plain either: in a table without transactions a row that it leaves as it is cannot be told from one that it changed, and
//! after a change such a table takes what does not fit, cut.

use crate::sql::{Dialect, Scanner, Token, TokenKind};

/// Whether an INSERT or REPLACE is plain. What is not understood is not.
pub(super) fn is_plain_insert(sql: &str, dialect: &'static Dialect) -> bool {
    let tokens: Result<Vec<Token>, _> = Scanner::new(sql, dialect).collect();
    let Ok(tokens) = tokens else { return false };
    // What a comment holds may be live.
    let is_live = |token: &Token| token.kind == TokenKind::Comment && token.text(sql).contains('!');
    if tokens.iter().any(is_live) {
        return false;
    }
    let ends = |token: &Token| token.kind == TokenKind::Semicolon;
    let pieces = tokens.iter().filter(|token| token.kind != TokenKind::Comment && !ends(token));
    let mut reader = Reader { pieces: pieces.map(|token| (token.kind, token.text(sql))).collect(), at: 0 };
    reader.insert().is_some() && reader.at == reader.pieces.len()
}

/// A way through the statement. What returns `None` has met something else.
struct Reader<'t> {
    pieces: Vec<(TokenKind, &'t str)>,
    at: usize,
}

impl Reader<'_> {
    fn insert(&mut self) -> Option<()> {
        self.head()?;
        if self.takes("SET") {
            self.assignments()?;
        } else {
            self.one_of(&["VALUES", "VALUE"])?;
            self.rows()?;
        }
        Some(())
    }

    /// The table and its columns: all that is in front of what is inserted.
    fn head(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                (TokenKind::Symbol, "(") => depth += 1,
                (TokenKind::Symbol, ")") => depth = depth.checked_sub(1)?,
                (TokenKind::Word, word) if depth == 0 && is_one_of(word, &["SET", "VALUES", "VALUE"]) => {
                    return Some(());
                }
                (TokenKind::Word | TokenKind::QuotedName, _) | (TokenKind::Symbol, "," | ".") => {}
                _ => return None,
            }
            self.at += 1;
        }
    }

    /// `(?, 1, NULL), (?, -2.5, 'text')`
    fn rows(&mut self) -> Option<()> {
        loop {
            self.symbol("(")?;
            if !self.takes(")") {
                self.cell()?;
                while self.takes(",") {
                    self.cell()?;
                }
                self.symbol(")")?;
            }
            if !self.takes(",") {
                return Some(());
            }
        }
    }

    fn cell(&mut self) -> Option<()> {
        match self.peek()? {
            (TokenKind::Question | TokenKind::String, _) => self.at += 1,
            (TokenKind::Word, word) if is_one_of(word, &["NULL", "DEFAULT", "TRUE", "FALSE"]) => self.at += 1,
            _ => {
                let _ = self.takes("-") || self.takes("+");
                self.number()?;
            }
        }
        Some(())
    }

    /// `a = ?, t.b = 1`
    fn assignments(&mut self) -> Option<()> {
        loop {
            self.name()?;
            self.symbol("=")?;
            self.cell()?;
            if !self.takes(",") {
                return Some(());
            }
        }
    }

    /// `a`, `t.a`, `` `d`.t.a ``
    fn name(&mut self) -> Option<()> {
        loop {
            match self.peek()? {
                (TokenKind::Word, word) if !is_number(word) => self.at += 1,
                (TokenKind::QuotedName, _) => self.at += 1,
                _ => return None,
            }
            if !self.takes(".") {
                return Some(());
            }
        }
    }

    /// `1`, `2.5`, `.5`
    fn number(&mut self) -> Option<()> {
        let digits = |reader: &mut Self| {
            let is_there = matches!(reader.peek(), Some((TokenKind::Word, word)) if is_number(word));
            reader.at += usize::from(is_there);
            is_there
        };
        let whole = digits(self);
        let fraction = self.takes(".") && digits(self);
        (whole || fraction).then_some(())
    }

    fn peek(&self) -> Option<(TokenKind, &str)> {
        self.pieces.get(self.at).copied()
    }

    fn takes(&mut self, text: &str) -> bool {
        let kinds = [TokenKind::Word, TokenKind::Symbol];
        let takes = self.peek().is_some_and(|(kind, it)| kinds.contains(&kind) && it.eq_ignore_ascii_case(text));
        self.at += usize::from(takes);
        takes
    }

    fn symbol(&mut self, text: &str) -> Option<()> {
        self.takes(text).then_some(())
    }

    fn one_of(&mut self, words: &[&str]) -> Option<()> {
        words.iter().any(|word| self.takes(word)).then_some(())
    }
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::MARIADB;

    #[test]
    fn parameters_that_stand_alone_are_plain_and_all_else_is_not() {
        for sql in [
            "INSERT INTO t VALUES (?)",
            "insert into t (a, `value`, value) values (?, ?, 1), (?, -2.5, NULL), (.5, 'x', DEFAULT);",
            "INSERT IGNORE INTO d.t PARTITION (p) (a) VALUE (?)",
            "REPLACE t () VALUES () -- nothing",
            "INSERT INTO t SET a = ?, `b` = 'x'",
        ] {
            assert!(is_plain_insert(sql, &MARIADB), "{sql}");
        }
        for sql in [
            "INSERT INTO t SELECT ?",
            "INSERT INTO t (SELECT ?)",
            "INSERT INTO t VALUES (UPPER(?))",
            "INSERT INTO t VALUES ((SELECT ?))",
            "INSERT INTO t VALUES (? IS NULL)",
            "INSERT INTO t VALUES (NOT ?)",
            "INSERT INTO t VALUES (- ?)",
            "INSERT INTO t VALUES (? + 1)",
            "INSERT INTO t VALUES ('a' REGEXP ?)",
            "INSERT INTO t VALUES (?, @a := ?)",
            "INSERT INTO t VALUES (?, @a)",
            "INSERT INTO t VALUES (/*! UPPER( */ ? /*! ) */)",
            "INSERT INTO t SET a = (SELECT ?)",
            "INSERT INTO t SET a = a = ?",
            "INSERT INTO t SET a = ? IN (1)",
            "INSERT INTO t VALUES (?) ON DUPLICATE KEY UPDATE a = 1",
            "INSERT INTO t SET a = b + ?",
            "INSERT INTO t VALUES (?) RETURNING a",
            "INSERT INTO t",
            "INSERT INTO t VALUES (?",
            "INSERT INTO t VALUES ('",
        ] {
            assert!(!is_plain_insert(sql, &MARIADB), "{sql}");
        }
    }
}
