//! Reading a statement word by word, for what it does and where it ends.

use super::block::Block;
use super::dialect::{Blocks, Dialect};
use super::kind::{StatementKind, TransactionVerb};
use super::token::TokenKind;
use super::words::{DDL, EXPLAINED, OBJECTS, SESSION, is, is_any};

/// What else the words of a statement tell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traits {
    /// Only reads and writes rows, and leaves nothing behind in the session, by the look of it.
    pub(super) plain: bool,
    pub(super) returning: bool,
    pub(super) returns_rows: bool,
    /// Commits the open transaction by itself.
    pub(super) commits: bool,
    /// No statement at all.
    pub(super) empty: bool,
}

/// Which word comes next, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Start,
    /// Behind the verb; the words that matter can be anywhere.
    Select,
    Body,
    /// In `WITH`, before the main verb.
    With,
    Explain,
    Begin,
    StartVerb,
    Commit,
    Rollback,
    Prepare,
    Set,
    /// Behind `CREATE`, before the word for what is created.
    Create,
    /// Nothing that follows matters.
    Done,
}

/// Reads a statement token by token and keeps what its words say about it, and where it ends.
#[derive(Clone, Debug)]
pub(super) struct Outline {
    dialect: &'static Dialect,
    phase: Phase,
    pub(super) kind: StatementKind,
    pub(super) traits: Traits,
    depth: u32,
    /// Whether a parenthesis was just closed at the outermost level, or just opened at any.
    closed: bool,
    opened: bool,
    body_seen: bool,
    explain_analyze: bool,
    block: Block,
}

impl Outline {
    #[inline]
    pub(super) fn new(dialect: &'static Dialect) -> Outline {
        Outline {
            dialect,
            phase: Phase::Start,
            kind: StatementKind::Other,
            traits: Traits { empty: true, ..Traits::default() },
            depth: 0,
            closed: false,
            opened: false,
            body_seen: false,
            explain_analyze: false,
            block: Block::default(),
        }
    }

    /// Whether a statement has begun.
    #[inline]
    pub(super) fn has_started(&self) -> bool {
        !self.traits.empty
    }

    /// Takes the next token that is no comment; `true` when it is the semicolon that ends the statement.
    #[inline]
    pub(super) fn token(&mut self, kind: TokenKind, text: &[u8]) -> bool {
        self.traits.empty &= kind == TokenKind::Semicolon;
        if kind == TokenKind::Word {
            self.word(text);
            (self.closed, self.opened) = (false, false);
            return false;
        }
        let closed = std::mem::take(&mut self.closed);
        let opened = std::mem::take(&mut self.opened);
        match (kind, text[0]) {
            (TokenKind::Symbol, b'(') => {
                self.depth += 1;
                self.opened = true;
            }
            (TokenKind::Symbol, b')') => {
                self.depth = self.depth.saturating_sub(1);
                self.closed = self.depth == 0;
                self.body_seen |= self.closed;
            }
            (TokenKind::Symbol, b'@') => {
                self.traits.plain &= !self.dialect.lexis.session_variables;
                // `SET @@autocommit` and `( @`: nothing between stays in the way of the word that follows.
                (self.closed, self.opened) = (closed, opened);
            }
            (TokenKind::Semicolon, _) => {
                let in_parentheses = self.dialect.lexis.semicolons_in_parentheses && self.depth > 0;
                return self.block.semicolon(self.dialect.blocks) && !in_parentheses;
            }
            (TokenKind::QuotedName, _) => {
                let name = &text[1..text.len() - 1];
                self.traits.plain &= !self.is_session_function(name);
            }
            _ => {}
        }
        if self.phase == Phase::Start && kind != TokenKind::Symbol {
            self.phase = Phase::Done;
        }
        self.block.other();
        false
    }

    fn word(&mut self, word: &[u8]) {
        match self.phase {
            Phase::Select | Phase::Body => self.body_word(word),
            Phase::Done if !self.block.routine && self.block.depth == 0 && self.dialect.blocks != Blocks::Batch => {}
            Phase::Start => self.verb(word),
            _ => self.later_word(word),
        }
        if self.block.routine || self.dialect.blocks == Blocks::Batch || self.block.depth > 0 {
            self.block.word(self.dialect.blocks, word);
        }
    }

    /// A word behind the verb of a statement that reads or writes rows. Only words that begin with one of five letters
    /// matter, or that are as long as the names of functions that change the session.
    #[inline]
    fn body_word(&mut self, word: &[u8]) {
        match word[0] | 0x20 {
            b'r' if self.depth == 0 && is(word, "RETURNING") => {
                self.traits.returning = true;
                self.traits.returns_rows = true;
            }
            // SQL Server's RETURNING.
            b'o' if self.depth == 0 && self.dialect.blocks == Blocks::Batch && is(word, "OUTPUT") => {
                self.traits.returning = true;
                self.traits.returns_rows = true;
            }
            b'i' if self.phase == Phase::Select && self.depth == 0 && is(word, "INTO") => {
                self.kind = StatementKind::Write;
                self.traits.plain = false;
            }
            _ => {}
        }
        if self.traits.plain && self.is_session_function(word) {
            self.traits.plain = false;
        }
    }

    #[inline]
    fn is_session_function(&self, word: &[u8]) -> bool {
        let names = self.dialect.session_functions;
        names.iter().any(|name| {
            let name = name.as_bytes();
            word.len() >= name.len() && word[0] | 0x20 == name[0] && word[..name.len()].eq_ignore_ascii_case(name)
        })
    }

    /// The first word of a statement.
    fn verb(&mut self, word: &[u8]) {
        use StatementKind::{Ddl, Other, Read, Session, Transaction, Write};
        self.phase = Phase::Done;
        self.traits.commits = !self.dialect.commits.is_empty() && is_any(word, self.dialect.commits);
        let first = word[0] & !0x20;
        self.kind = match first {
            b'S' if is(word, "SELECT") => {
                (self.phase, self.traits.plain, self.traits.returns_rows) = (Phase::Select, true, true);
                Read
            }
            b'I' if is(word, "INSERT") => self.writes(),
            b'U' if is(word, "UPDATE") => self.writes(),
            b'D' if is(word, "DELETE") => self.writes(),
            b'W' if is(word, "WITH") => {
                self.phase = Phase::With;
                self.traits.plain = true;
                Read
            }
            b'M' | b'R' | b'U' if is_any(word, &["MERGE", "REPLACE", "UPSERT"]) => self.writes(),
            b'V' | b'T' if is_any(word, &["VALUES", "TABLE"]) => {
                (self.phase, self.traits.plain, self.traits.returns_rows) = (Phase::Select, true, true);
                Read
            }
            b'S' | b'D' if is_any(word, &["SHOW", "DESCRIBE", "DESC"]) => {
                self.traits.returns_rows = true;
                Read
            }
            b'E' if is(word, "EXPLAIN") => {
                (self.phase, self.traits.returns_rows) = (Phase::Explain, true);
                Read
            }
            b'B' if is(word, "BEGIN") => {
                self.phase = Phase::Begin;
                self.block.after_begin = true;
                match self.dialect.transactions.begin_is_block {
                    true => {
                        self.block.open |= self.dialect.blocks == Blocks::Slash;
                        self.block.depth += u32::from(self.dialect.blocks == Blocks::Compound);
                        Other
                    }
                    false => Transaction(TransactionVerb::Begin),
                }
            }
            b'S' if is(word, "START") => {
                self.phase = Phase::StartVerb;
                Other
            }
            b'C' if is(word, "COMMIT") => {
                self.phase = Phase::Commit;
                Transaction(TransactionVerb::Commit)
            }
            b'E' if is(word, "END") && self.dialect.transactions.end_commits => Transaction(TransactionVerb::Commit),
            b'A' if is(word, "ABORT") => Transaction(TransactionVerb::Rollback),
            b'R' if is(word, "ROLLBACK") => {
                self.phase = Phase::Rollback;
                Transaction(TransactionVerb::Rollback)
            }
            b'S' if is_any(word, &["SAVEPOINT", "SAVE"]) => Transaction(TransactionVerb::Savepoint),
            b'R' if is(word, "RELEASE") => Transaction(TransactionVerb::Release),
            b'X' if is(word, "XA") => Transaction(TransactionVerb::TwoPhase),
            b'P' if is(word, "PREPARE") => {
                self.phase = Phase::Prepare;
                Session
            }
            b'S' if is(word, "SET") => {
                self.phase = Phase::Set;
                Session
            }
            b'P' | b'F' if is_any(word, &["PRAGMA", "FETCH"]) => {
                self.traits.returns_rows = true;
                Session
            }
            b'C' if is(word, "CREATE") => {
                self.phase = Phase::Create;
                Ddl
            }
            b'D' if is(word, "DROP") => {
                self.phase = Phase::Create;
                Ddl
            }
            b'D' if is(word, "DECLARE") => {
                self.block.open |= self.dialect.blocks == Blocks::Slash;
                Session
            }
            _ if is_any(word, &["COPY", "LOAD"]) => Write,
            _ if is_any(word, DDL) => Ddl,
            _ if is_any(word, SESSION) => Session,
            _ => Other,
        };
    }

    fn writes(&mut self) -> StatementKind {
        self.phase = Phase::Body;
        self.traits.plain = true;
        StatementKind::Write
    }

    /// A word behind one of the verbs that need more than one word.
    #[cold]
    fn later_word(&mut self, word: &[u8]) {
        use StatementKind::{Other, Read, Transaction, Write};
        match self.phase {
            Phase::With => self.with_word(word),
            Phase::Explain => self.explain_word(word),
            Phase::Begin => {
                self.phase = Phase::Done;
                let begins = ["TRAN", "TRANSACTION", "DISTRIBUTED"];
                if self.dialect.transactions.begin_is_block && is_any(word, &begins) {
                    self.kind = Transaction(TransactionVerb::Begin);
                    (self.block.open, self.block.depth) = (false, 0);
                } else if self.dialect.blocks == Blocks::Compound && is(word, "NOT") {
                    // MariaDB's BEGIN NOT ATOMIC … END is a block without a routine.
                    self.kind = Other;
                    self.block.depth = 1;
                }
            }
            Phase::StartVerb => {
                self.phase = Phase::Done;
                if is(word, "TRANSACTION") {
                    self.kind = Transaction(TransactionVerb::Begin);
                }
            }
            Phase::Commit => {
                self.phase = Phase::Done;
                if is(word, "PREPARED") {
                    self.kind = Transaction(TransactionVerb::TwoPhase);
                }
            }
            Phase::Rollback => match word {
                _ if is(word, "TO") => {
                    self.phase = Phase::Done;
                    self.kind = Transaction(TransactionVerb::RollbackTo);
                }
                _ if is(word, "PREPARED") => {
                    self.phase = Phase::Done;
                    self.kind = Transaction(TransactionVerb::TwoPhase);
                }
                _ if is_any(word, &["WORK", "TRAN", "TRANSACTION"]) => {}
                _ => self.phase = Phase::Done,
            },
            Phase::Prepare => {
                self.phase = Phase::Done;
                if is(word, "TRANSACTION") {
                    self.kind = Transaction(TransactionVerb::TwoPhase);
                }
            }
            Phase::Set => {
                if is_any(word, &["AUTOCOMMIT", "IMPLICIT_TRANSACTIONS"]) {
                    self.kind = Transaction(TransactionVerb::Autocommit);
                }
            }
            Phase::Create => self.create_word(word),
            Phase::Start | Phase::Select | Phase::Body | Phase::Done => {}
        }
        // A function that changes the session does so in a WITH and under EXPLAIN ANALYZE too.
        if matches!(self.kind, Read | Write) && self.traits.plain && self.is_session_function(word) {
            self.traits.plain = false;
        }
    }

    /// A word in `WITH`. The main verb stands behind the last parenthesis of the list; a verb behind an opening one is
    /// a part that writes by itself.
    fn with_word(&mut self, word: &[u8]) {
        const WRITES: &[&str] = &["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"];
        if self.depth > 0 {
            if self.opened && is_any(word, WRITES) {
                self.kind = StatementKind::Write;
            }
        } else if self.body_seen {
            if is_any(word, &["SELECT", "VALUES", "TABLE"]) {
                (self.phase, self.traits.returns_rows) = (Phase::Select, true);
            } else if self.closed && is_any(word, WRITES) {
                (self.phase, self.kind) = (Phase::Body, StatementKind::Write);
            }
        }
    }

    fn explain_word(&mut self, word: &[u8]) {
        if is_any(word, &["ANALYZE", "ANALYSE"]) {
            self.explain_analyze = true;
        } else if self.depth == 0 && is_any(word, EXPLAINED) {
            // Without ANALYZE nothing is run.
            if self.explain_analyze {
                self.verb(word);
                (self.traits.plain, self.traits.commits) = (false, false);
            } else {
                self.phase = Phase::Done;
            }
            self.traits.returns_rows = true;
        }
    }

    /// A word behind `CREATE` or `DROP`, up to the one that tells what is created.
    fn create_word(&mut self, word: &[u8]) {
        if is_any(word, &["TEMPORARY", "TEMP"]) {
            // On MySQL a temporary table is no end of the transaction; other temporary things there are none.
            self.traits.commits = false;
        } else if is_any(word, &["TRIGGER", "PROCEDURE", "PROC", "FUNCTION", "EVENT", "PACKAGE", "LIBRARY"]) {
            self.phase = Phase::Done;
            self.block.routine = true;
            self.block.open = matches!(self.dialect.blocks, Blocks::Slash | Blocks::Batch);
        } else if is_any(word, OBJECTS) {
            self.phase = Phase::Done;
        } else if is(word, "TYPE") {
            // Oracle's object types have bodies of code.
            self.phase = Phase::Done;
            self.block.open = self.dialect.blocks == Blocks::Slash;
        }
    }
}
