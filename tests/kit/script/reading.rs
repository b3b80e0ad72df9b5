//! The little SQL that the scripted database knows.
//!
//! Tables of one integer column: `CREATE TABLE t (n)`, `DROP TABLE t`, `INSERT INTO t [(n)] VALUES (1), (?)`,
//! `DELETE FROM t [WHERE n = 1]`, `UPDATE t SET n = 2 [WHERE n = 1]`, `SELECT COUNT(*) | SUM(n) | n | * FROM t
//! [WHERE n = 1]`. `SELECT 1, ?` gives the values back. `SELECT n FROM SERIES(1000000)` counts from 0. Session settings:
//! `SET name = value`, `SHOW name`. And the verbs of transactions and savepoints.

use pontoon::value::Value;

/// What a statement means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reading {
    Nothing,
    Begin,
    Commit,
    Rollback,
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    Set(String, String),
    Show(String),
    Create(String),
    Drop(String),
    Insert(String, Vec<Operand>),
    Delete(String, Option<Operand>),
    Update(String, Operand, Option<Operand>),
    Count(String, Option<Operand>),
    Sum(String, Option<Operand>),
    Rows(String, Option<Operand>),
    Series(Operand),
    Echo(Vec<Operand>),
}

/// A value in a statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Value(Value),
    /// The parameter at this position, counted from 0.
    Parameter(usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(i64),
    /// A placeholder, with its number counted from 1 where it has one.
    Placeholder(Option<usize>),
    Mark(char),
}

impl Reading {
    /// Whether it changes tables.
    pub(super) fn writes(&self) -> bool {
        use Reading::{Create, Delete, Drop, Insert, Update};
        matches!(self, Create(_) | Drop(_) | Insert(..) | Delete(..) | Update(..))
    }

    /// Whether it has rows.
    pub(super) fn selects(&self) -> bool {
        use Reading::{Count, Echo, Rows, Series, Show, Sum};
        matches!(self, Count(..) | Echo(_) | Rows(..) | Series(_) | Show(_) | Sum(..))
    }
}

/// Whether a statement changes tables.
pub(super) fn writes(sql: &str) -> bool {
    read(sql).is_some_and(|reading| reading.writes())
}

/// The statements of a script. Texts with a semicolon in them are beyond it.
pub(super) fn statements(script: &str) -> impl Iterator<Item = &str> {
    script.split(';').map(str::trim).filter(|statement| !statement.is_empty())
}

/// Reads a statement; `None` for what the database does not know.
pub(super) fn read(sql: &str) -> Option<Reading> {
    let mut tokens = Tokens { tokens: tokens(sql)?, place: 0, parameters: 0 };
    tokens.accept_mark(';');
    if tokens.at_end() {
        return Some(Reading::Nothing);
    }
    let reading = tokens.statement()?;
    while tokens.accept_mark(';') {}
    tokens.at_end().then_some(reading)
}

fn tokens(sql: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let take = |rest: &str, is_part: fn(char) -> bool| rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let length = match first {
            '\'' | '"' | '`' => {
                let length = rest[1..].find(first)? + 2;
                let inner = rest[1..length - 1].to_owned();
                tokens.push(if first == '\'' { Token::Text(inner) } else { Token::Word(inner) });
                length
            }
            '?' | '$' => {
                let length = 1 + take(&rest[1..], |c| c.is_ascii_digit());
                tokens.push(Token::Placeholder(rest[1..length].parse().ok()));
                length
            }
            '0'..='9' => {
                let length = take(rest, |c| c.is_ascii_digit());
                tokens.push(Token::Number(rest[..length].parse().ok()?));
                length
            }
            '-' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                let length = 1 + take(&rest[1..], |c| c.is_ascii_digit());
                tokens.push(Token::Number(rest[..length].parse().ok()?));
                length
            }
            _ if is_word(first) => {
                let length = take(rest, is_word);
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
            _ => {
                tokens.push(Token::Mark(first));
                first.len_utf8()
            }
        };
        rest = rest[length..].trim_start();
    }
    Some(tokens)
}

struct Tokens {
    tokens: Vec<Token>,
    place: usize,
    /// How many placeholders without a number were read.
    parameters: usize,
}

impl Tokens {
    fn at_end(&self) -> bool {
        self.place == self.tokens.len()
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.place).cloned();
        self.place += 1;
        token
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.place), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.place += usize::from(found);
        found
    }

    fn accept_mark(&mut self, mark: char) -> bool {
        let found = self.tokens.get(self.place) == Some(&Token::Mark(mark));
        self.place += usize::from(found);
        found
    }

    fn expect(&mut self, word: &str) -> Option<()> {
        self.accept(word).then_some(())
    }

    fn expect_mark(&mut self, mark: char) -> Option<()> {
        self.accept_mark(mark).then_some(())
    }

    fn name(&mut self) -> Option<String> {
        match self.next()? {
            Token::Word(name) => Some(name),
            _ => None,
        }
    }

    fn operand(&mut self) -> Option<Operand> {
        Some(match self.next()? {
            Token::Number(number) => Operand::Value(Value::I64(number)),
            Token::Text(text) => Operand::Value(Value::Text(text)),
            Token::Word(word) if word.eq_ignore_ascii_case("null") => {
                Operand::Value(Value::Null(pontoon::value::Kind::Unknown))
            }
            Token::Placeholder(Some(number)) => Operand::Parameter(number.checked_sub(1)?),
            Token::Placeholder(None) => {
                self.parameters += 1;
                Operand::Parameter(self.parameters - 1)
            }
            _ => return None,
        })
    }

    /// The rest of the statement, whatever it is, as one text.
    fn rest(&mut self) -> String {
        let words = self.tokens.drain(self.place..).map(|token| match token {
            Token::Word(text) | Token::Text(text) => text,
            Token::Number(number) => number.to_string(),
            Token::Placeholder(_) => "?".into(),
            Token::Mark(mark) => mark.to_string(),
        });
        words.filter(|word| word != ";").collect::<Vec<_>>().join(" ")
    }

    fn condition(&mut self) -> Option<Option<Operand>> {
        if !self.accept("where") {
            return Some(None);
        }
        self.name()?;
        self.expect_mark('=')?;
        Some(Some(self.operand()?))
    }

    fn statement(&mut self) -> Option<Reading> {
        let verb = self.name()?.to_ascii_lowercase();
        Some(match verb.as_str() {
            "begin" | "start" => {
                self.rest();
                Reading::Begin
            }
            "commit" | "end" => Reading::Commit,
            "rollback" if self.accept("to") => {
                self.accept("savepoint");
                Reading::RollbackTo(self.name()?)
            }
            "rollback" => Reading::Rollback,
            "savepoint" => Reading::Savepoint(self.name()?),
            "release" => {
                self.accept("savepoint");
                Reading::Release(self.name()?)
            }
            "set" | "pragma" => {
                let name = self.name()?;
                self.accept_mark('=');
                Reading::Set(name, self.rest())
            }
            "show" => Reading::Show(self.name()?),
            "create" => {
                self.expect("table")?;
                let name = self.name()?;
                self.rest();
                Reading::Create(name)
            }
            "drop" => {
                self.expect("table")?;
                Reading::Drop(self.name()?)
            }
            "insert" => self.insert()?,
            "delete" => {
                self.expect("from")?;
                Reading::Delete(self.name()?, self.condition()?)
            }
            "update" => {
                let table = self.name()?;
                self.expect("set")?;
                self.name()?;
                self.expect_mark('=')?;
                Reading::Update(table, self.operand()?, self.condition()?)
            }
            "select" => self.select()?,
            _ => return None,
        })
    }

    fn insert(&mut self) -> Option<Reading> {
        self.expect("into")?;
        let table = self.name()?;
        if self.accept_mark('(') {
            self.name()?;
            self.expect_mark(')')?;
        }
        self.expect("values")?;
        let mut values = Vec::new();
        loop {
            self.expect_mark('(')?;
            values.push(self.operand()?);
            self.expect_mark(')')?;
            if !self.accept_mark(',') {
                return Some(Reading::Insert(table, values));
            }
        }
    }

    fn select(&mut self) -> Option<Reading> {
        let is_count = self.accept("count");
        if is_count || self.accept("sum") {
            self.expect_mark('(')?;
            self.next()?;
            self.expect_mark(')')?;
            self.expect("from")?;
            let (table, condition) = (self.name()?, self.condition()?);
            return Some(if is_count { Reading::Count(table, condition) } else { Reading::Sum(table, condition) });
        }
        let is_column =
            matches!(self.tokens.get(self.place + 1), Some(Token::Word(word)) if word.eq_ignore_ascii_case("from"));
        if is_column {
            self.place += 2;
            let table = self.name()?;
            if table.eq_ignore_ascii_case("series") {
                self.expect_mark('(')?;
                let rows = self.operand()?;
                self.expect_mark(')')?;
                return Some(Reading::Series(rows));
            }
            return Some(Reading::Rows(table, self.condition()?));
        }
        let mut values = vec![self.operand()?];
        while self.accept_mark(',') {
            values.push(self.operand()?);
        }
        Some(Reading::Echo(values))
    }
}
