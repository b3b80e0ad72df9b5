//! The tokenizer of `sqlparser` as a second opinion.
//!
//! Compared are the places of strings, quoted names and comments in texts that it accepts. Where it is known to differ
//! from the database itself the text is left out, with the reason beside it.

use std::ops::Range;

use pontoon::sql::{Dialect, GENERIC, MYSQL, ORACLE, POSTGRES, SQLITE, TSQL, Token, TokenKind};
use sqlparser::dialect::{
    AnsiDialect, Dialect as Rules, MsSqlDialect, MySqlDialect, OracleDialect, PostgreSqlDialect, SQLiteDialect,
};
use sqlparser::tokenizer::{Location, Token as Theirs, Tokenizer, Whitespace};

/// What hides everything inside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hiding {
    String,
    Name,
    Comment,
}

type Spans = Vec<(Hiding, Range<usize>)>;

/// A dialect of `sqlparser`, and the texts in which it is not to be asked.
pub struct Oracle {
    rules: &'static dyn Rules,
    differs: fn(&str) -> bool,
}

pub fn of(dialect: &'static Dialect) -> Option<Oracle> {
    let oracle = |rules: &'static dyn Rules, differs| Some(Oracle { rules, differs });
    match dialect {
        _ if std::ptr::eq(dialect, &SQLITE) => oracle(&SQLiteDialect {}, sqlite),
        _ if std::ptr::eq(dialect, &POSTGRES) => oracle(&PostgreSqlDialect {}, postgres),
        _ if std::ptr::eq(dialect, &MYSQL) => oracle(&MySqlDialect {}, mysql),
        _ if std::ptr::eq(dialect, &TSQL) => oracle(&MsSqlDialect {}, sql_server),
        _ if std::ptr::eq(dialect, &ORACLE) => oracle(&OracleDialect {}, self::oracle),
        _ if std::ptr::eq(dialect, &GENERIC) => oracle(&AnsiDialect {}, standard),
        _ => None,
    }
}

/// SQLite ends `[a]` at the first bracket; here two stand for one. It has no dollar quotes.
fn sqlite(text: &str) -> bool {
    text.contains("]]") || text.contains('$')
}

/// What follows the number of a parameter without a gap is an error since PostgreSQL 15, and was a token before. A name
/// behind a colon is a parameter and no prefix of a string. Their operator `&>` takes a quote with it. They read each
/// part of a string that goes on behind a line break by itself.
fn postgres(text: &str) -> bool {
    let bytes = text.as_bytes();
    let prefix = |at: usize| {
        let letters = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'&').count();
        matches!(bytes.get(at + 1 + letters), Some(b'\'' | b'"' | b'$'))
    };
    let parts = text.contains(['\n', '\r']) && text.to_ascii_lowercase().contains("e'");
    if parts || text.contains("&>") || text.match_indices(':').any(|(at, _)| prefix(at)) {
        return true;
    }
    text.match_indices('$').any(|(at, _)| {
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0
            && bytes.get(at + 1 + digits).is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$'))
    })
}

/// Whether `:q'[` is a parameter and a string, and `1q'[` a number, is a matter of taste.
fn oracle(text: &str) -> bool {
    let quoted = |at: usize| at > 0 && !text.as_bytes()[at - 1].is_ascii_whitespace();
    standard(text) || text.to_ascii_lowercase().match_indices("q'").any(|(at, _)| quoted(at))
}

/// A backslash is nothing special in a string with one of these letters, where the database has no such escapes; and
/// where it has, in no string without them.
fn prefixed_backslash(text: &str) -> bool {
    text.contains('\\') && ["x'", "b'"].iter().any(|start| text.to_ascii_lowercase().contains(start))
}

/// The standard has no names in backticks and no dollar quotes, and leaves it open whether comments nest.
fn standard(text: &str) -> bool {
    text.contains(['`', '$']) || text.matches("/*").count() > 1
}

/// MySQL takes the end of the text, and every control character, for the white space a comment needs. Its `@` is an
/// operator, no part of a word. Of a live comment they count places from its content on.
fn mysql(text: &str) -> bool {
    let spaced = |at: usize| text.as_bytes().get(at + 2).is_none_or(|&byte| byte < b' ' || byte == 0x7f);
    let variable = ["'", "\"", "`"].iter().any(|quote| after(text, quote, b"@"));
    text.match_indices("--").any(|(at, _)| spaced(at))
        || variable
        || text.contains('$')
        || text.contains("/*!")
        || text.contains("/*M!")
}

/// A quote starts a string behind `#` and `@` too.
fn sql_server(text: &str) -> bool {
    ["'", "\"", "["].iter().any(|quote| after(text, quote, b"#@")) || text.contains('$')
}

/// What a backslash does outside of strings is our own.
fn escape(text: &str) -> bool {
    text.contains("\\$")
}

/// Every database ends an operator where a comment starts; here it goes on.
fn comment_in_operator(text: &str) -> bool {
    ["--", "/*", "#"].iter().any(|comment| after(text, comment, b"+-*/<>=~!@#%^&|?:.`"))
}

/// Whether the piece stands somewhere behind one of these bytes.
fn after(text: &str, piece: &str, bytes: &[u8]) -> bool {
    text.as_bytes()
        .windows(piece.len() + 1)
        .any(|window| bytes.contains(&window[0]) && window[1..] == *piece.as_bytes())
}

impl Oracle {
    pub fn compare(&self, text: &str, ours: Option<&[Token]>) {
        // What a letter is beyond ASCII, the two of them see differently, and both differently from some database.
        if !text.is_ascii()
            || text.contains('\0')
            || escape(text)
            || comment_in_operator(text)
            || prefixed_backslash(text)
            || (self.differs)(text)
        {
            return;
        }
        let Ok(theirs) = Tokenizer::new(self.rules, text).with_unescape(false).tokenize_with_location() else { return };
        let place = |location: Location| offset(text, location);
        let theirs: Spans = theirs
            .iter()
            .filter_map(|token| Some((hiding(&token.token)?, place(token.span.start)..place(token.span.end))))
            // A number like `0x1f` is a string to them.
            .filter(|(hiding, range)| *hiding != Hiding::String || text[range.clone()].contains(['\'', '"', '$']))
            .map(|(hiding, range)| normal(text, hiding, range))
            .collect();
        let Some(ours) = ours else { panic!("refused: {text:?}\ntheirs {theirs:?}") };
        let ours: Spans = ours
            .iter()
            .filter_map(|token| {
                let hiding = match token.kind {
                    TokenKind::String => Hiding::String,
                    TokenKind::QuotedName => Hiding::Name,
                    TokenKind::Comment => Hiding::Comment,
                    _ => return None,
                };
                Some(normal(text, hiding, token.start..token.end))
            })
            .collect();
        assert_eq!(ours, theirs, "{text:?}");
    }
}

fn offset(text: &str, location: Location) -> usize {
    let line = location.line as usize - 1;
    let start = match line {
        0 => 0,
        _ => text.match_indices('\n').nth(line - 1).map_or(text.len(), |(at, _)| at + 1),
    };
    (start + location.column as usize - 1).min(text.len())
}

/// Without the letters before a string and the line break behind a comment. What is in double quotes is a name here in
/// either reading: whether `b"x"` is a string of bytes or a name behind a word, what is inside is hidden.
fn normal(text: &str, hiding: Hiding, range: Range<usize>) -> (Hiding, Range<usize>) {
    let piece = &text[range.clone()];
    let range = match hiding {
        Hiding::Comment => range.start..range.start + piece.trim_end_matches(['\n', '\r']).len(),
        _ => range.start + piece.find(['\'', '"', '$', '`', '[']).unwrap_or(0)..range.end,
    };
    let hiding = if text.as_bytes().get(range.start) == Some(&b'"') { Hiding::Name } else { hiding };
    (hiding, range)
}

fn hiding(token: &Theirs) -> Option<Hiding> {
    Some(match token {
        Theirs::Word(word) if word.quote_style.is_some() => Hiding::Name,
        Theirs::SingleQuotedString(_)
        | Theirs::DoubleQuotedString(_)
        | Theirs::DollarQuotedString(_)
        | Theirs::SingleQuotedByteStringLiteral(_)
        | Theirs::DoubleQuotedByteStringLiteral(_)
        | Theirs::NationalStringLiteral(_)
        | Theirs::QuoteDelimitedStringLiteral(_)
        | Theirs::NationalQuoteDelimitedStringLiteral(_)
        | Theirs::EscapedStringLiteral(_)
        | Theirs::UnicodeStringLiteral(_)
        | Theirs::HexStringLiteral(_) => Hiding::String,
        Theirs::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => Hiding::Comment,
        _ => return None,
    })
}
