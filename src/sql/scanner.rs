//! The tokens of a SQL text, as one dialect reads them.
//!
//! Only what decides where a parameter can stand is told apart: strings, quoted names, comments, words, parameters and
//! the rest. Where databases disagree, the rules are the data of [`Lexis`], never the name of the database.

use std::iter::FusedIterator;

use super::dialect::{Dialect, Lexis};
use super::place::{Place, nul_in_text, syntax};
use super::token::{Token, TokenKind};
use super::words::expects_operand;
use crate::error::{Error, Result};

/// Iterates over the tokens of a SQL text.
///
/// After an error it is at its end.
///
/// ```
/// use pontoon::sql::{POSTGRES, Scanner, TokenKind};
///
/// let sql = "select ':a', b::text from t where c = :c -- :d";
/// let names: Vec<_> = Scanner::new(sql, &POSTGRES)
///     .filter_map(|token| token.ok())
///     .filter(|token| token.kind == TokenKind::Name)
///     .map(|token| token.text(sql))
///     .collect();
/// assert_eq!(names, [":c"]);
/// ```
#[derive(Clone, Debug)]
pub struct Scanner<'t> {
    text: &'t str,
    lexis: &'t Lexis,
    pos: usize,
    /// Inside a `/*! … */`, from this byte on.
    live: Option<usize>,
    /// The last token that is no comment: decides whether a `?` is an operator.
    last: Option<Token>,
}

const SPACE: u8 = 0;
const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const SYMBOL: u8 = 3;
/// Bytes that need a look at what follows or at the dialect.
const SPECIAL: u8 = 4;
const DOLLAR: u8 = 5;

/// The byte order mark in UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();

static CLASS: [u8; 256] = {
    let mut class = [SYMBOL; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => SPACE,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => LETTER,
            b'0'..=b'9' => DIGIT,
            b'$' => DOLLAR,
            b'\'' | b'"' | b'`' | b'[' | b'-' | b'/' | b'*' | b'#' | b'@' | b':' | b'?' | b'\\' | b';' | 0 => SPECIAL,
            _ => SYMBOL,
        };
        byte += 1;
    }
    class
};

/// Whether the byte can be inside a bare name. `$` can on every database, and so can every non-ASCII character.
#[inline]
fn is_word(byte: u8) -> bool {
    matches!(CLASS[byte as usize], LETTER | DIGIT | DOLLAR)
}

#[inline]
fn is_letter(byte: u8) -> bool {
    CLASS[byte as usize] == LETTER
}

#[inline]
fn is_space(byte: u8) -> bool {
    CLASS[byte as usize] == SPACE
}

impl<'t> Scanner<'t> {
    /// A scanner at the start of the text.
    #[inline]
    pub fn new(text: &'t str, dialect: &'t Dialect) -> Scanner<'t> {
        Scanner { text, lexis: &dialect.lexis, pos: 0, live: None, last: None }
    }

    /// The byte at which the next token is looked for.
    pub fn position(&self) -> usize {
        self.pos
    }

    /// Goes on at another byte, as if nothing stood before it.
    ///
    /// # Panics
    /// When the byte is inside a character.
    pub(super) fn restart_at(&mut self, pos: usize) {
        assert!(self.text.is_char_boundary(pos), "a token starts at a character");
        self.pos = pos;
        self.last = None;
    }

    #[inline]
    fn at(&self, pos: usize) -> Option<u8> {
        self.text.as_bytes().get(pos).copied()
    }

    /// The end of the bare word that goes on at `pos`.
    #[inline]
    fn word_end(&self, mut pos: usize) -> usize {
        let bytes = self.text.as_bytes();
        while pos < bytes.len() && is_word(bytes[pos]) {
            pos += 1;
        }
        pos
    }

    /// The end of the number that goes on at `pos`. A letter that cannot be part of it begins a word of its own, as it
    /// does for databases: in `1E'\''` that word is the prefix of a string.
    #[inline]
    fn number_end(&self, mut pos: usize) -> usize {
        let bytes = self.text.as_bytes();
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
        let fraction = pos >= 2 && bytes[pos - 2] == b'.';
        if bytes[pos - 1] == b'0' && !fraction && matches!(self.at(pos), Some(b'x' | b'X')) && hex(pos + 1) {
            pos += 1;
            while hex(pos) {
                pos += 1;
            }
            return pos;
        }
        let mut exponent = false;
        loop {
            match self.at(pos) {
                Some(b'0'..=b'9') => pos += 1,
                Some(b'_') if digit(pos + 1) => pos += 1,
                Some(b'e' | b'E') if !exponent && digit(pos + 1) => {
                    exponent = true;
                    pos += 1;
                }
                _ => return pos,
            }
        }
    }

    #[inline]
    fn digits_end(&self, mut pos: usize) -> usize {
        while self.at(pos).is_some_and(|byte| byte.is_ascii_digit()) {
            pos += 1;
        }
        pos
    }

    /// The next token, or `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Syntax`] for a string, quoted name or comment without an end, [`ErrorKind::NulInText`] for a NUL
    /// outside of them.
    #[inline]
    pub(super) fn next_token(&mut self) -> Result<Option<Token>> {
        let bytes = self.text.as_bytes();
        let mut start = self.pos;
        loop {
            while start < bytes.len() && is_space(bytes[start]) {
                start += 1;
            }
            // SQLite reads a byte order mark as space, and so `COMMIT` behind one as what it is; others refuse it.
            if bytes.get(start) != Some(&BOM[0]) || !bytes[start..].starts_with(BOM) {
                break;
            }
            start += BOM.len();
        }
        let Some(&byte) = bytes.get(start) else { return self.finish(start) };
        let (kind, end) = match CLASS[byte as usize] {
            LETTER => {
                let end = self.word_end(start + 1);
                if self.at(end) == Some(b'\'') && end - start <= 2 {
                    self.prefixed(start, end)?
                } else {
                    (TokenKind::Word, end)
                }
            }
            DIGIT => (TokenKind::Word, self.number_end(start + 1)),
            SYMBOL => (TokenKind::Symbol, start + 1),
            _ => self.special(byte, start)?,
        };
        let token = Token { kind, start, end };
        self.pos = end;
        if kind != TokenKind::Comment {
            self.last = Some(token);
        }
        Ok(Some(token))
    }

    #[cold]
    fn finish(&mut self, end: usize) -> Result<Option<Token>> {
        self.pos = end;
        match self.live.take() {
            Some(start) => Err(self.unterminated("comment", start)),
            None => Ok(None),
        }
    }

    /// A word of one or two letters with a quote right behind it.
    fn prefixed(&self, start: usize, quote: usize) -> Result<(TokenKind, usize)> {
        let prefix = &self.text.as_bytes()[start..quote];
        if self.lexis.escape_strings && prefix.eq_ignore_ascii_case(b"e") {
            return Ok((TokenKind::String, self.escape_string_end(start, quote)?));
        }
        if self.lexis.q_strings && (prefix.eq_ignore_ascii_case(b"q") || prefix.eq_ignore_ascii_case(b"nq")) {
            return Ok((TokenKind::String, self.q_string_end(start, quote)?));
        }
        Ok((TokenKind::Word, quote))
    }

    fn special(&mut self, byte: u8, start: usize) -> Result<(TokenKind, usize)> {
        let lexis = self.lexis;
        let next = self.at(start + 1);
        let symbol = (TokenKind::Symbol, start + 1);
        Ok(match byte {
            b'\'' => (TokenKind::String, self.quote_end("string", start, b'\'', lexis.backslash_escapes)?),
            b'"' if lexis.double_quote_strings => {
                (TokenKind::String, self.quote_end("string", start, b'"', lexis.backslash_escapes)?)
            }
            b'"' => (TokenKind::QuotedName, self.quote_end("quoted name", start, b'"', false)?),
            b'`' if lexis.backtick_names => (TokenKind::QuotedName, self.quote_end("quoted name", start, b'`', false)?),
            b'[' if lexis.bracket_names => (TokenKind::QuotedName, self.bracket_end(start)?),
            b'-' if next == Some(b'-') && self.dashes_comment(start) => (TokenKind::Comment, self.line_end(start)),
            b'#' if lexis.hash_comments => (TokenKind::Comment, self.line_end(start)),
            b'/' if next == Some(b'*') => (TokenKind::Comment, self.comment_end(start)?),
            b'*' if next == Some(b'/') && self.live.take().is_some() => (TokenKind::Comment, start + 2),
            b'$' => self.dollar(start)?,
            b'@' => self.at_sign(start),
            b':' => self.colon(start),
            b'?' => self.question(start),
            b'\\' if matches!(next, Some(b':' | b'?' | b'@' | b'$')) => (TokenKind::Escape, start + 2),
            b';' => (TokenKind::Semicolon, start + 1),
            0 => return Err(self.nul(start)),
            _ => symbol,
        })
    }

    /// The end of a string or name in `quote`s, where a doubled quote stands for itself.
    fn quote_end(&self, what: &str, start: usize, quote: u8, backslash: bool) -> Result<usize> {
        self.quoted_from(start + 1, quote, backslash).ok_or_else(|| self.unterminated(what, start))
    }

    fn quoted_from(&self, mut pos: usize, quote: u8, backslash: bool) -> Option<usize> {
        let bytes = self.text.as_bytes();
        while pos < bytes.len() {
            let byte = bytes[pos];
            if byte == quote {
                if bytes.get(pos + 1) != Some(&quote) {
                    return Some(pos + 1);
                }
                pos += 1;
            } else if backslash && byte == b'\\' {
                pos += 1;
            }
            pos += 1;
        }
        None
    }

    /// The end of `E'…'`. The standard lets a string go on after white space with a line break in it, and PostgreSQL
    /// reads what follows with the escapes of the first part.
    fn escape_string_end(&self, start: usize, quote: usize) -> Result<usize> {
        let mut quote = quote;
        loop {
            let end = self.quoted_from(quote + 1, b'\'', true).ok_or_else(|| self.unterminated("string", start))?;
            match self.continuation(end) {
                Some(next) => quote = next,
                None => return Ok(end),
            }
        }
    }

    /// Where a string that ended at `pos` goes on: white space and `--` comments, one line break at least, a quote.
    fn continuation(&self, mut pos: usize) -> Option<usize> {
        let mut line_break = false;
        loop {
            match self.at(pos)? {
                b'\n' | b'\r' => line_break = true,
                byte if is_space(byte) => {}
                b'-' if self.at(pos + 1) == Some(b'-') => {
                    pos = self.line_end(pos);
                    continue;
                }
                b'\'' if line_break => return Some(pos),
                _ => return None,
            }
            pos += 1;
        }
    }

    /// The end of Oracle's `q'[…]'`.
    fn q_string_end(&self, start: usize, quote: usize) -> Result<usize> {
        let rest = &self.text[quote + 1..];
        let end = rest.chars().next().filter(|open| !open.is_whitespace()).and_then(|open| {
            let close = match open {
                '[' => ']',
                '{' => '}',
                '(' => ')',
                '<' => '>',
                other => other,
            };
            let body = open.len_utf8();
            let mut closing = [0; 5];
            let length = close.encode_utf8(&mut closing).len();
            closing[length] = b'\'';
            let closing = std::str::from_utf8(&closing[..=length]).ok()?;
            rest[body..].find(closing).map(|at| quote + 1 + body + at + length + 1)
        });
        end.ok_or_else(|| self.unterminated("string", start))
    }

    fn bracket_end(&self, start: usize) -> Result<usize> {
        let end = if self.lexis.bracket_doubling {
            self.quoted_from(start + 1, b']', false)
        } else {
            self.text[start..].find(']').map(|at| start + at + 1)
        };
        end.ok_or_else(|| self.unterminated("quoted name", start))
    }

    /// Whether `--` starts a comment: on MySQL only with white space or a control character behind it.
    fn dashes_comment(&self, start: usize) -> bool {
        !self.lexis.spaced_dashes || self.at(start + 2).is_none_or(|byte| byte <= b' ' || byte == 0x7f)
    }

    /// The end of a line comment: before the line break. Where a lone carriage return ends a line, it ends here too.
    fn line_end(&self, start: usize) -> usize {
        let rest = &self.text.as_bytes()[start..];
        let returns = self.lexis.return_ends_line;
        let length = rest.iter().position(|&byte| byte == b'\n' || (returns && byte == b'\r'));
        start + length.unwrap_or(rest.len())
    }

    fn comment_end(&mut self, start: usize) -> Result<usize> {
        if self.lexis.live_comments && self.live.is_none() {
            let mark = match (self.at(start + 2), self.at(start + 3)) {
                (Some(b'!'), _) => Some(start + 3),
                (Some(b'M'), Some(b'!')) => Some(start + 4),
                _ => None,
            };
            if let Some(mark) = mark {
                self.live = Some(start);
                // Five or six digits are a version; what follows them is SQL, digits included.
                let digits = self.digits_end(mark) - mark;
                return Ok(mark + if digits >= 5 { digits.min(6) } else { 0 });
            }
        }
        let bytes = self.text.as_bytes();
        let mut depth = 1_usize;
        let mut pos = start + 2;
        while pos + 1 < bytes.len() {
            match (bytes[pos], bytes[pos + 1]) {
                (b'*', b'/') => {
                    depth -= 1;
                    pos += 2;
                    if depth == 0 {
                        return Ok(pos);
                    }
                }
                (b'/', b'*') if self.lexis.nested_comments => {
                    depth += 1;
                    pos += 2;
                }
                _ => pos += 1,
            }
        }
        Err(self.unterminated("comment", start))
    }

    /// `$tag$…$tag$`, `$1`, SQLite's `$name`, or a name that starts with a dollar.
    fn dollar(&self, start: usize) -> Result<(TokenKind, usize)> {
        let next = self.at(start + 1);
        if self.lexis.dollar_quotes && next.is_some_and(|byte| byte == b'$' || is_letter(byte)) {
            let bytes = self.text.as_bytes();
            let mut close = start + 1;
            while close < bytes.len() && bytes[close] != b'$' && is_word(bytes[close]) {
                close += 1;
            }
            if bytes.get(close) == Some(&b'$') {
                let tag = &self.text[start..=close];
                return match self.text[close + 1..].find(tag) {
                    Some(at) => Ok((TokenKind::String, close + 1 + at + tag.len())),
                    None => Err(self.unterminated("dollar-quoted string", start)),
                };
            }
        }
        let digits = self.digits_end(start + 1);
        if self.lexis.dollar_numbers && digits > start + 1 {
            return Ok((TokenKind::Numbered, digits));
        }
        let end = self.word_end(start + 1);
        Ok(match end > start + 1 {
            true if self.lexis.sigil_names => (TokenKind::Name, end),
            true => (TokenKind::Word, end),
            false => (TokenKind::Symbol, end),
        })
    }

    fn at_sign(&self, start: usize) -> (TokenKind, usize) {
        let end = self.word_end(start + 1);
        if self.lexis.sigil_names && end > start + 1 {
            return (TokenKind::Name, end);
        }
        if self.lexis.at_numbers && matches!(self.at(start + 1), Some(b'p' | b'P')) {
            let digits = self.digits_end(start + 2);
            let joined = start > 0 && (is_word(self.text.as_bytes()[start - 1]) || self.at(start - 1) == Some(b'@'));
            if digits > start + 2 && digits == end && !joined {
                return (TokenKind::Numbered, end);
            }
        }
        (TokenKind::Symbol, start + 1)
    }

    /// A colon. It starts a name when a letter follows and nothing that could be its left side touches it: a cast, the
    /// bounds of a slice, a key of `json_object`, a label and `:=` are none.
    fn colon(&self, start: usize) -> (TokenKind, usize) {
        let next = self.at(start + 1);
        if next == Some(b':') {
            return (TokenKind::Symbol, start + 2);
        }
        let joined = start.checked_sub(1).and_then(|before| self.at(before)).is_some_and(|before| match before {
            b':' => true,
            b'\'' | b'"' | b'`' | b')' | b']' => !self.lexis.colon_anywhere,
            before => is_word(before) && !self.lexis.colon_anywhere,
        });
        if !joined && next.is_some_and(is_letter) {
            return (TokenKind::Name, self.word_end(start + 2));
        }
        if !joined && self.lexis.colon_numbers {
            let digits = self.digits_end(start + 1);
            if digits > start + 1 {
                return (TokenKind::Numbered, digits);
            }
        }
        (TokenKind::Symbol, start + 1)
    }

    fn question(&self, start: usize) -> (TokenKind, usize) {
        if self.lexis.question_numbers {
            let digits = self.digits_end(start + 1);
            if digits > start + 1 {
                return (TokenKind::Numbered, digits);
            }
        }
        if self.lexis.question_operators && self.is_operator(start) {
            let bytes = self.text.as_bytes();
            let mut end = start + 1;
            while end < bytes.len() && matches!(bytes[end], b'|' | b'&' | b'#') {
                end += 1;
            }
            if end == start + 1 && bytes.get(end) == Some(&b'-') && bytes.get(end + 1) != Some(&b'-') {
                end += 1;
                end += usize::from(bytes.get(end) == Some(&b'|'));
            }
            return (TokenKind::Symbol, end);
        }
        (TokenKind::Question, start + 1)
    }

    /// Whether a `?` is one of PostgreSQL's operators: they stand behind an operand, where no parameter can.
    fn is_operator(&self, start: usize) -> bool {
        let Some(last) = self.last else { return false };
        let text = last.text(self.text).as_bytes();
        match last.kind {
            TokenKind::Word => !expects_operand(text),
            TokenKind::Symbol => match text {
                b")" | b"]" => true,
                // `@?` is an operator, `<@?` is `<@` and a parameter.
                b"@" => last.end == start && last.start.checked_sub(1).and_then(|at| self.at(at)) != Some(b'<'),
                _ => false,
            },
            TokenKind::Escape | TokenKind::Semicolon => false,
            _ => true,
        }
    }

    #[cold]
    fn unterminated(&self, what: &str, start: usize) -> Error {
        syntax(format!("{what} that starts at {} has no end", Place(self.text, start)))
    }

    #[cold]
    fn nul(&self, at: usize) -> Error {
        nul_in_text(self.text, at)
    }
}

impl Iterator for Scanner<'_> {
    type Item = Result<Token>;

    fn next(&mut self) -> Option<Result<Token>> {
        let next = self.next_token();
        if next.is_err() {
            self.pos = self.text.len();
            self.live = None;
        }
        next.transpose()
    }
}

impl FusedIterator for Scanner<'_> {}
