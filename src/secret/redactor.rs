//! The scrubber that foreign messages pass through.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::RwLock;

use super::Secret;
use crate::error::one_line;

/// What stands in a message where a secret was.
const MASK: &str = "***";

/// Below this many characters a secret is only looked for as a word of its own. Replacing every `a` of a message would
/// not hide the password `a`; it would spell it.
const SHORT: usize = 4;

/// How many secrets are remembered. Fixed ones are a handful; a provider that mints a token for each connection would
/// otherwise make the list grow for ever, and an old token is worthless soon.
const REMEMBERED: usize = 32;

/// Takes secrets out of text that somebody else wrote: a driver's message, a server's notice, a host's stderr.
///
/// It looks for every secret it was told, written plainly or with any mixture of percent-encoding (once or twice), form
/// encoding (`+`), backslash, quote doubling, `\u` and XML escapes, or inside base64 at any alignment; and, whether it
/// knows the secret or not, for `password=…`, `pwd=…`, `"password": "…"` and the like, and for the password of any
/// `scheme://user:password@host` it meets.
///
/// Clones share what they know. A secret of fewer than four characters is only found where it stands as a word.
///
/// ```
/// use pontoon::{Redactor, Secret};
///
/// let redactor = Redactor::new([&Secret::new("s3cr3t@x")]);
/// assert_eq!(redactor.redact("login as bob with s3cr3t%40x failed"), "login as bob with *** failed");
/// assert_eq!(redactor.redact("bad connection string: Uid=bob;Pwd={other}"), "bad connection string: Uid=bob;Pwd=***");
/// ```
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<RwLock<VecDeque<Known>>>,
}

/// A secret with the pieces of base64 that any text containing it must contain.
struct Known {
    secret: Secret,
    base64: Vec<Secret>,
}

impl Redactor {
    /// A scrubber that knows these secrets.
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Redactor {
        let redactor = Redactor::default();
        for secret in secrets {
            redactor.learn(secret);
        }
        redactor
    }

    /// Tells it one more secret, in every clone. Of more than 32 the oldest is forgotten.
    pub fn learn(&self, secret: &Secret) {
        if secret.is_empty() || self.known.read().iter().any(|known| known.secret == *secret) {
            return;
        }
        let base64 = base64_cores(secret.expose().as_bytes());
        let mut known = self.known.write();
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        known.push_back(Known { secret: secret.clone(), base64 });
    }

    /// The text with `***` where a secret was; borrowed when there was none.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut spans = Vec::new();
        for known in self.known.read().iter() {
            let secret = known.secret.expose();
            let word = secret.chars().take(SHORT).count() < SHORT;
            find(text, secret, word, &mut spans);
            for core in &known.base64 {
                find(text, core.expose(), false, &mut spans);
            }
        }
        assignments(text, &mut spans);
        userinfos(text, &mut spans);
        mask(text, spans)
    }

    /// A driver's error as a source: itself when neither its messages nor its `Debug` form holds a secret, or characters
    /// that control a terminal; otherwise a copy of the chain's messages without them.
    pub fn source<E>(&self, error: E) -> Box<dyn StdError + Send + Sync>
    where
        E: StdError + Send + Sync + 'static,
    {
        self.chain(Box::new(error))
    }

    /// The same for an error whose type is not known any more.
    pub(crate) fn chain(&self, error: Box<dyn StdError + Send + Sync>) -> Box<dyn StdError + Send + Sync> {
        let mut chain = Vec::new();
        let mut clean = matches!(self.redact(&format!("{error:?}")), Cow::Borrowed(_));
        let mut next: Option<&dyn StdError> = Some(&*error);
        while let Some(link) = next {
            let message = link.to_string();
            let scrubbed = one_line(&self.redact(&message)).into_owned();
            clean &= scrubbed == message;
            chain.push(scrubbed);
            next = link.source();
        }
        if clean {
            return error;
        }
        let mut source = None;
        for message in chain.into_iter().rev() {
            source = Some(Box::new(Scrubbed { message, source }));
        }
        // The chain has at least the error itself.
        source.map_or_else(|| Box::from(MASK), |scrubbed| scrubbed as Box<dyn StdError + Send + Sync>)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.known.read().len()).finish()
    }
}

/// What is left of a foreign error that held a secret.
#[derive(Debug)]
struct Scrubbed {
    message: String,
    source: Option<Box<Scrubbed>>,
}

impl fmt::Display for Scrubbed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Scrubbed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// Replaces the spans, merging those that touch or overlap.
fn mask(text: &str, mut spans: Vec<Range<usize>>) -> Cow<'_, str> {
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    spans.sort_by_key(|span| span.start);
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        if span.start > done || (done == 0 && span.start == 0) {
            out.push_str(&text[done..span.start]);
            out.push_str(MASK);
        }
        done = done.max(span.end);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// Every place where `text` holds `secret` in one of its spellings.
fn find(text: &str, secret: &str, word: bool, spans: &mut Vec<Range<usize>>) {
    let Some(first) = secret.chars().next() else { return };
    // No spelling of a character starts with anything else.
    let starts = |c: char| c == first || matches!(c, '%' | '+' | '\\' | '&');
    let mut from = 0;
    while let Some(at) = text[from..].find(starts) {
        from += at;
        let end = match_at(&text[from..], secret).map(|len| from + len);
        match end {
            Some(end) if !word || stands_alone(text, from..end) => {
                spans.push(from..end);
                from = end;
            }
            _ => from += text[from..].chars().next().map_or(1, char::len_utf8),
        }
    }
}

fn stands_alone(text: &str, span: Range<usize>) -> bool {
    let touches = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !touches(text[..span.start].chars().next_back()) && !touches(text[span.end..].chars().next())
}

/// The length of `secret` at the start of `text`, in any mixture of spellings; the longest if there are several.
fn match_at(text: &str, secret: &str) -> Option<usize> {
    // All positions that some reading of the characters so far ends at: a doubled quote can be one character or two.
    let mut ends = vec![0];
    for c in secret.chars() {
        let mut next = Vec::new();
        for end in ends {
            spellings(&text[end..], c, |len| next.push(end + len));
        }
        if next.is_empty() {
            return None;
        }
        next.sort_unstable();
        next.dedup();
        ends = next;
    }
    ends.last().copied().filter(|&end| end > 0)
}

/// Calls `found` with the length of every spelling of `c` that `text` begins with.
fn spellings(text: &str, c: char, mut found: impl FnMut(usize)) {
    let mut utf8 = [0; 4];
    let plain = &*c.encode_utf8(&mut utf8);
    if let Some(rest) = text.strip_prefix(plain) {
        found(plain.len());
        // SQL and ODBC double the character that would end the value.
        if matches!(c, '\'' | '"' | '}' | '`' | ']') && rest.starts_with(plain) {
            found(2 * plain.len());
        }
    }
    match text.as_bytes().first() {
        Some(b'%') => {
            if let Some(len) = percent(text.as_bytes(), plain.as_bytes()) {
                found(len);
            }
        }
        Some(b'+') if c == ' ' => found(1),
        Some(b'\\') => {
            if text[1..].starts_with(plain) {
                found(1 + plain.len());
            }
            if let Some(len) = unicode_escape(text, c) {
                found(len);
            }
            if let Some(letter) = match c {
                '\n' => Some('n'),
                '\r' => Some('r'),
                '\t' => Some('t'),
                _ => None,
            } && text[1..].starts_with(letter)
            {
                found(2);
            }
        }
        Some(b'&') => {
            let names: &[&str] = match c {
                '&' => &["&amp;", "&#38;"],
                '<' => &["&lt;", "&#60;"],
                '>' => &["&gt;", "&#62;"],
                '"' => &["&quot;", "&#34;"],
                '\'' => &["&apos;", "&#39;"],
                _ => &[],
            };
            for name in names.iter().filter(|name| text.starts_with(**name)) {
                found(name.len());
            }
        }
        _ => {}
    }
}

/// The length of these bytes as `%XX` or `%25XX`, at the start of `text`.
fn percent(text: &[u8], bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for &byte in bytes {
        let rest = text.get(at..)?.strip_prefix(b"%")?;
        at += 1;
        let rest = match rest.strip_prefix(b"25") {
            // `%25` alone is a percent sign; followed by two more digits it is one that was encoded twice.
            Some(twice) if hex2(twice) == Some(byte) => {
                at += 2;
                twice
            }
            _ => rest,
        };
        if hex2(rest) != Some(byte) {
            return None;
        }
        at += 2;
    }
    Some(at)
}

fn hex2(text: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let value = digit(text.first()?)? * 16 + digit(text.get(1)?)?;
    u8::try_from(value).ok()
}

/// The length of `c` as `\u00e9`, as a pair of surrogates, or as Rust's `\u{e9}`, at the start of `text`.
fn unicode_escape(text: &str, c: char) -> Option<usize> {
    let rest = text.strip_prefix("\\u")?;
    if let Some(braced) = rest.strip_prefix('{') {
        let digits = &braced[..braced.find('}')?];
        return (u32::from_str_radix(digits, 16).ok()? == u32::from(c)).then_some(digits.len() + 4);
    }
    let mut units = [0; 2];
    let mut at = 0;
    for unit in c.encode_utf16(&mut units) {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        if u16::from_str_radix(digits, 16).ok()? != *unit {
            return None;
        }
        at += 6;
    }
    Some(at)
}

/// Names whose value is a secret wherever they are assigned with `=`.
const SECRET_NAMES: &[&str] =
    &["password", "passwd", "pwd", "passphrase", "passcode", "secret", "token", "apikey", "accesskey", "privatekey"];

/// How many of [`SECRET_NAMES`] also count when followed by `:`. The others stand before a colon in messages that are
/// no assignment at all (`unrecognized token: "@"`).
const WITH_COLON: usize = 5;

/// Whether an option of this name holds a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    ends_like(&bare(name), SECRET_NAMES)
}

fn bare(name: &str) -> String {
    // Over capitals, as Java compares names: the capital of `ſ` is `S`.
    let folded = name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.filter(|c| c.is_alphanumeric()).collect()
}

fn ends_like(bare: &str, names: &[&str]) -> bool {
    names.iter().any(|name| bare.ends_with(name))
}

/// The value of every `password=…`, `pwd = {…}`, `"password": "…"`.
fn assignments(text: &str, spans: &mut Vec<Range<usize>>) {
    // A value without quotes ends at the first separator, so another that starts inside of it ends there too. Not to
    // look for that end again keeps the work from growing with the square of a message that others can fill.
    let mut done = 0;
    for (at, sign) in text.match_indices(['=', ':']) {
        if at + 1 < done {
            continue;
        }
        let names = if sign == "=" { SECRET_NAMES } else { &SECRET_NAMES[..WITH_COLON] };
        let before = text[..at].trim_end_matches([' ', '"', '\'', '\\', '`']);
        let name_start = before
            .char_indices()
            .rev()
            .take_while(|(_, c)| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
            .last()
            .map_or(before.len(), |(start, _)| start);
        if !ends_like(&bare(&before[name_start..]), names) {
            continue;
        }
        let after = &text[at + 1..];
        if after.starts_with([':', '=']) || text[..at].ends_with([':', '<', '>', '!']) {
            continue;
        }
        let value = after.trim_start_matches([' ', '\\']);
        let start = text.len() - value.len();
        let close = match value.chars().next() {
            Some(quote @ ('"' | '\'' | '`')) => quote,
            Some('{') => '}',
            _ => {
                let end = |c: char| c.is_whitespace() || matches!(c, ';' | '&' | ',' | ')' | '"' | '\'' | '`');
                let len = value.find(end).unwrap_or(value.len());
                if len > 0 {
                    spans.push(start..start + len);
                }
                // An assignment at its very end has its value behind the separator.
                done = start + value[..len].trim_end_matches('\\').len();
                continue;
            }
        };
        match quoted_len(value, close) {
            Some(len) => spans.push(start..start + len),
            // Whatever it is, it does not end: nothing of the rest is shown.
            None => {
                spans.push(start..text.len());
                return;
            }
        }
    }
}

/// The longest quoted value whose end is looked for.
const LONGEST_QUOTED: usize = 4096;

/// How far a value reaches that starts with a quote or brace, up to the one that closes it; `None` when that is far
/// away or not there.
fn quoted_len(value: &str, close: char) -> Option<usize> {
    let mut chars = value.char_indices().take_while(|(at, _)| *at < LONGEST_QUOTED).peekable();
    chars.next();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                // An escaped closing quote of a string inside a string ends this one.
                if chars.peek().is_some_and(|(_, next)| *next == close) && close != '}' {
                    let rest = &value[at + 2..];
                    if rest.is_empty() || rest.starts_with([',', '}', ' ', ';', ')']) {
                        return Some(at + 2);
                    }
                }
                chars.next();
            }
            c if c == close => match chars.peek() {
                Some((_, next)) if *next == close => {
                    chars.next();
                }
                _ => return Some(at + close.len_utf8()),
            },
            _ => {}
        }
    }
    None
}

/// The password of every `scheme://user:password@host`.
fn userinfos(text: &str, spans: &mut Vec<Range<usize>>) {
    let mut done = 0;
    for (at, sign) in text.match_indices("://") {
        // The first of a run of characters covers what a later one in it would.
        if at < done {
            continue;
        }
        let start = at + sign.len();
        let run = &text[start..];
        // A password may hold a raw `@` or `/`, so the last `@` before the text goes on is taken.
        let run = &run[..run.find(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>')).unwrap_or(run.len())];
        done = start + run.len();
        let Some(userinfo) = run.rfind('@').map(|at| &run[..at]) else { continue };
        if let Some(colon) = userinfo.find(':')
            && colon + 1 < userinfo.len()
        {
            spans.push(start + colon + 1..start + userinfo.len());
        }
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The base64 digits that depend on nothing but these bytes, for each of the three places in a group of three bytes
/// that they can begin at, in both alphabets. `Basic dXNlcjpwYXNz` holds a password behind a user's name this way.
fn base64_cores(bytes: &[u8]) -> Vec<Secret> {
    let mut cores = Vec::new();
    for shift in 0..3 {
        let bit = |index: usize| {
            let byte = index / 8;
            u8::from(byte >= shift && bytes[byte - shift] >> (7 - index % 8) & 1 == 1)
        };
        let first = (8 * shift).div_ceil(6);
        let last = (8 * (shift + bytes.len())) / 6;
        // Four digits are 24 bits: fewer would be found in any word.
        if last < first + SHORT {
            continue;
        }
        let core: String = (first..last)
            .map(|digit| (0..6).fold(0, |value, n| value << 1 | bit(6 * digit + n)))
            .map(|value: u8| char::from(BASE64[usize::from(value)]))
            .collect();
        if core.contains(['+', '/']) {
            cores.push(Secret::new(core.replace('+', "-").replace('/', "_")));
        }
        cores.push(Secret::new(core));
    }
    cores
}

#[cfg(test)]
#[path = "redactor/tests.rs"]
mod tests;
