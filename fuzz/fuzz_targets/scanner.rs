//! The scanner of SQL texts, against its own promises and against the tokenizer of `sqlparser`.
//!
//! The first byte picks the dialect, the rest is the text.

#![no_main]

#[path = "scanner/oracle.rs"]
mod oracle;

use libfuzzer_sys::fuzz_target;
use pontoon::sql::{
    DB2, Dialect, GENERIC, H2, MARIADB, MYSQL, ORACLE, POSTGRES, SQLITE, Scanner, Statement, StatementCache, TSQL,
    Token, TokenKind, check_script, split_script,
};
use pontoon::value::Value;
use pontoon::{IntoParams, Params};

const DIALECTS: [&Dialect; 9] = [&SQLITE, &POSTGRES, &MYSQL, &MARIADB, &TSQL, &ORACLE, &DB2, &H2, &GENERIC];

fuzz_target!(|data: &[u8]| {
    let Some((&first, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let dialect = DIALECTS[first as usize % DIALECTS.len()];
    let tokens = tokens(text, dialect);
    statement(text, dialect, tokens.as_deref());
    script(text, dialect);
    // A byte order mark is space here, and a character of a word there.
    if let Some(oracle) = oracle::of(dialect).filter(|_| !text.contains('\u{feff}')) {
        oracle.compare(text, tokens.as_deref());
    }
});

/// Tokens are in order and apart, and between them is white space alone. `None` for a text that cannot be read.
fn tokens(text: &str, dialect: &'static Dialect) -> Option<Vec<Token>> {
    let tokens: Vec<Token> = Scanner::new(text, dialect).collect::<Result<_, _>>().ok()?;
    let white = |range: std::ops::Range<usize>| text[range].chars().all(|c| matches!(c, ' ' | '\t'..='\r' | '\u{feff}'));
    let mut done = 0;
    for token in &tokens {
        assert!(done <= token.start && token.start < token.end && white(done..token.start));
        done = token.end;
    }
    assert!(white(done..text.len()));
    Some(tokens)
}

fn statement(text: &str, dialect: &'static Dialect, tokens: Option<&[Token]>) {
    let Ok(statement) = Statement::parse(text, dialect) else { return };
    let tokens = tokens.expect("what a statement is made of can be read");
    assert_eq!(statement.text(), text);

    // A slot is a token, and cutting at the slots and joining again gives the text.
    let parameters =
        tokens.iter().filter(|token| matches!(token.kind, TokenKind::Name | TokenKind::Question | TokenKind::Numbered));
    assert!(statement.slots().map(|slot| slot.range).eq(parameters.map(|token| token.start..token.end)));
    let mut joined = String::new();
    let mut rendered = String::new();
    let mut done = 0;
    for token in tokens {
        let slot = statement.slots().find(|slot| slot.range.start == token.start);
        if slot.is_none() && token.kind != TokenKind::Escape {
            continue;
        }
        joined += &text[done..token.end];
        rendered += &text[done..token.start];
        match slot {
            Some(slot) if dialect.placeholder.numbered => {
                rendered += &format!("{}{}", dialect.placeholder.prefix, slot.parameter + 1);
            }
            Some(_) => rendered += dialect.placeholder.prefix,
            None => rendered += &text[token.start + 1..token.end],
        }
        done = token.end;
    }
    assert_eq!(joined + &text[done..], text);
    assert_eq!(rendered + &text[done..], statement.sql());

    let cache = StatementCache::new(4);
    for _ in 0..2 {
        let cached = cache.get(text, dialect).expect("it was read before");
        assert_eq!((cached.sql(), cached.kind()), (statement.sql(), statement.kind()));
    }
    bind(&statement);
}

/// Every slot gets its value, and a list as many as it has elements.
fn bind(statement: &Statement) {
    for elements in [1, 3, 0] {
        let value = |n: usize| match elements {
            1 => Value::I64(n as i64),
            _ => Value::Array(vec![Value::I64(n as i64); elements]),
        };
        let values: Vec<_> = (0..statement.parameter_count()).map(value).collect();
        let names: Vec<_> = statement.names().map(str::to_owned).collect();
        let params = match names.is_empty() {
            true => Params::Positional(values),
            false => names.into_iter().zip(values).rev().collect::<Vec<_>>().into_params(),
        };
        let lists = statement.slots().filter(|slot| slot.is_list).count();
        let slots = statement.slots().count();
        match statement.bind(params) {
            Ok(bound) if statement.dialect().placeholder.numbered => {
                assert!(bound.values.len() <= slots + lists * elements);
                assert!(elements != 1 || bound.values.len() == statement.parameter_count());
            }
            Ok(bound) => assert_eq!(bound.values.len(), slots - lists + lists * elements),
            Err(error) => {
                let empty = elements == 0 && lists > 0 && statement.dialect().empty_list.is_none();
                let many = slots + lists * elements > statement.dialect().max_parameters as usize;
                assert!(statement.is_multiple() || statement.is_empty() || empty || many, "{error}");
            }
        }
    }
}

/// Statements of a script stand in it in order.
fn script(text: &str, dialect: &'static Dialect) {
    let mut done = 0;
    for statement in split_script(text, dialect) {
        let Ok(statement) = statement else { break };
        let at = statement.text.as_ptr() as usize - text.as_ptr() as usize;
        assert!(at >= done && !statement.text.is_empty());
        assert_eq!(statement.line, text[..at].matches('\n').count() + 1);
        done = at + statement.text.len();
    }
    let _ = check_script(text, dialect);
}
