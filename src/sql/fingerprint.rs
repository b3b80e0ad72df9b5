//! A statement without what is particular to one call of it.

use super::dialect::Dialect;
use super::scanner::Scanner;
use super::token::{Token, TokenKind};

/// How long a fingerprint gets, in bytes, the mark of the cut apart.
const LENGTH: usize = 512;

/// The statement as a class of statements: literals are `?`, lists of them a single one, comments are gone, white space is
/// one blank, and what is very long is cut. Two calls that differ in their values alone have the same one, and nothing
/// that was a value is in it.
pub(crate) fn fingerprint(text: &str, dialect: &Dialect) -> String {
    let mut out = String::with_capacity(text.len().min(LENGTH));
    let mut last: Option<Token> = None;
    for token in Scanner::new(text, dialect) {
        let Ok(token) = token else {
            // From here on nobody can tell what is a literal.
            out.push('…');
            return out;
        };
        if token.kind == TokenKind::Comment {
            continue;
        }
        let touches = last.is_some_and(|last| last.end == token.start);
        if !touches && last.is_some() {
            out.push(' ');
        }
        match literal(&token, text) {
            // The letter before a string, `N'…'` or `x'…'`, is a part of the literal.
            true if touches && token.kind == TokenKind::String && ends_in_prefix(last, text) => {
                let prefix = last.map_or(0, |last| last.end - last.start);
                out.truncate(out.len() - prefix);
                push_literal(&mut out);
            }
            true => push_literal(&mut out),
            false => push_escaped(&mut out, token.text(text)),
        }
        if out.len() > LENGTH {
            return cut(out, LENGTH);
        }
        last = Some(token);
    }
    out
}

/// The first `length` bytes at most, at the boundary of a character, with a mark that there was more.
pub(crate) fn cut(mut text: String, length: usize) -> String {
    if text.len() > length {
        text.truncate(text.floor_char_boundary(length));
        text.push('…');
    }
    text
}

fn literal(token: &Token, text: &str) -> bool {
    match token.kind {
        TokenKind::String | TokenKind::Question => true,
        TokenKind::Word => token.text(text).starts_with(|first: char| first.is_ascii_digit()),
        _ => false,
    }
}

fn ends_in_prefix(last: Option<Token>, text: &str) -> bool {
    last.is_some_and(|last| {
        let word = last.text(text);
        last.kind == TokenKind::Word && (word.len() == 1 || word.starts_with('_'))
    })
}

/// A literal; in a list of them only the first is kept.
fn push_literal(out: &mut String) {
    for list in ["?, ", "?,"] {
        if out.ends_with(list) {
            out.truncate(out.len() - list.len());
        }
    }
    out.push('?');
}

/// No control character gets into a log, wherever one may stand: a quoted name can hold any.
fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        if crate::error::is_unfit_for_a_line(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{MYSQL, POSTGRES, SQLITE};

    #[test]
    fn literals_comments_and_white_space_are_taken_out() {
        let of = |text| fingerprint(text, &SQLITE);
        assert_eq!(of("SELECT  1,\n\t'it''s' -- secret\n FROM t"), "SELECT ? FROM t");
        assert_eq!(
            of("select * from t where a = :a and b in (1, 2,3) /* x */ limit 10"),
            "select * from t where a = :a and b in (?) limit ?"
        );
        assert_eq!(of("insert into t values (?, ?, x'00ff', 0x1F)"), "insert into t values (?)");
        assert_eq!(of("select a1, t2.b from t2"), "select a1, t2.b from t2");
        assert_eq!(of(""), "");
    }

    #[test]
    fn each_database_writes_literals_its_own_way() {
        assert_eq!(fingerprint("select $x$a 'b'$x$, E'\\'', \"A b\", $1", &POSTGRES), "select ?, \"A b\", $1");
        assert_eq!(fingerprint("select \"text\", N'x', _utf8'y', `a`", &MYSQL), "select ?, `a`");
    }

    #[test]
    fn what_cannot_be_read_is_cut_before_it_shows() {
        let text = fingerprint("select a from t where b = 'S3cret", &SQLITE);
        assert!(text.starts_with("select a from t where b =") && !text.contains("S3"), "{text}");
    }

    #[test]
    fn it_is_one_bounded_line() {
        let long = format!("select {} from t", "columne, ".repeat(500));
        let text = fingerprint(&long, &SQLITE);
        assert!(text.len() <= LENGTH + '…'.len_utf8() && text.ends_with('…'), "{}", text.len());
        assert_eq!(
            fingerprint("select \"a\u{1b}[31m\u{202e}\" from t", &SQLITE),
            "select \"a\\u{1b}[31m\\u{202e}\" from t"
        );
    }
}
