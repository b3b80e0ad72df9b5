//! One pass over a text makes a statement of it.

use std::collections::HashMap;

use super::dialect::Dialect;
use super::kind::StatementKind;
use super::outline::{Outline, Traits};
use super::place::{Place, nul_in_text};
use super::scanner::Scanner;
use super::statement::{Edit, Inner, ParameterStyle, Write};
use super::token::TokenKind;
use super::words::is;
use crate::error::{Error, ErrorKind, Result};

/// From this many names on they are looked up in a table: a text with thousands of names would otherwise take the
/// square of their number.
const MANY_NAMES: u32 = 24;

/// What has been found in a text.
pub(super) struct Reading<'t> {
    text: &'t str,
    dialect: &'static Dialect,
    edits: Vec<Edit>,
    /// Different names, `?`s, and placeholders with a number.
    names: u32,
    questions: u32,
    numbers: u32,
    /// The highest number.
    highest: u32,
    /// The edits where a name and a position stand first, to be shown when both are there.
    first_name: u32,
    first_position: u32,
    /// All names by their text, once there are many.
    table: HashMap<&'t str, u32>,
    has_lists: bool,
    outline: Outline,
    /// What the first statement is, once its end was seen.
    first: Option<(StatementKind, Traits)>,
    second: Option<u32>,
}

/// How far an `IN (:name)` has been read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InList {
    Outside,
    AfterIn,
    AfterParenthesis,
    AfterSlot,
}

impl<'t> Reading<'t> {
    /// Reads a text to its end.
    pub(super) fn of(text: &'t str, dialect: &'static Dialect) -> Result<Reading<'t>> {
        if u32::try_from(text.len()).is_err() {
            return Err(Error::new(ErrorKind::Limit, "SQL text is longer than 4 GiB"));
        }
        if let Some(at) = nul(text.as_bytes()) {
            return Err(nul_in_text(text, at));
        }
        let mut reading = Reading {
            text,
            dialect,
            edits: Vec::new(),
            names: 0,
            questions: 0,
            numbers: 0,
            highest: 0,
            first_name: 0,
            first_position: 0,
            table: HashMap::new(),
            has_lists: false,
            outline: Outline::new(dialect),
            first: None,
            second: None,
        };
        reading.read()?;
        Ok(reading)
    }

    fn read(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        let mut scanner = Scanner::new(self.text, self.dialect);
        let mut in_list = InList::Outside;
        while let Some(token) = scanner.next_token()? {
            if token.kind == TokenKind::Comment {
                continue;
            }
            let text = &bytes[token.start..token.end];
            if self.first.is_some() {
                if self.second.is_none() && token.kind != TokenKind::Semicolon {
                    self.second = Some(token.start as u32);
                }
            } else if self.outline.token(token.kind, text) && self.outline.has_started() {
                self.first = Some((self.outline.kind, self.outline.traits));
            }
            if token.kind == TokenKind::Word {
                in_list = if text.len() == 2 && is(text, "IN") { InList::AfterIn } else { InList::Outside };
                continue;
            }
            match token.kind {
                TokenKind::Name => self.name(token.start, token.end),
                TokenKind::Question => self.question(token.start),
                TokenKind::Numbered => self.number(token.start, token.end)?,
                TokenKind::Escape => self.edit(token.start, token.end, Write::Unescaped),
                TokenKind::Symbol if text[0] == b'?' && self.dialect.placeholder.double_question_operators => {
                    self.edit(token.start, token.start + 1, Write::Doubled);
                }
                _ => {}
            }
            in_list = match (in_list, token.kind, text[0]) {
                (InList::AfterIn, TokenKind::Symbol, b'(') => InList::AfterParenthesis,
                (InList::AfterParenthesis, TokenKind::Name | TokenKind::Question | TokenKind::Numbered, _) => {
                    InList::AfterSlot
                }
                (InList::AfterSlot, TokenKind::Symbol, b')') => {
                    self.mark_list();
                    InList::Outside
                }
                _ => InList::Outside,
            };
        }
        Ok(())
    }

    #[inline]
    fn edit(&mut self, start: usize, end: usize, write: Write) {
        // That the length fits was checked at the start.
        self.edits.push(Edit { start: start as u32, end: end as u32, write });
    }

    #[inline]
    fn name(&mut self, start: usize, end: usize) {
        let name = &self.text[start + 1..end];
        let known = if self.names < MANY_NAMES { self.find(name) } else { self.table.get(name).copied() };
        let parameter = known.unwrap_or_else(|| self.new_name(name));
        self.edit(start, end, Write::Slot { parameter, list: false });
    }

    fn find(&self, name: &str) -> Option<u32> {
        self.edits.iter().find_map(|edit| match edit.write {
            Write::Slot { parameter, .. } if edit.name(self.text) == name => Some(parameter),
            _ => None,
        })
    }

    #[inline]
    fn new_name(&mut self, name: &'t str) -> u32 {
        let parameter = self.names;
        if parameter == 0 {
            self.first_name = self.edits.len() as u32;
        }
        self.names += 1;
        if self.names >= MANY_NAMES {
            self.table_name(name, parameter);
        }
        parameter
    }

    #[cold]
    fn table_name(&mut self, name: &'t str, parameter: u32) {
        if self.table.is_empty() {
            for edit in &self.edits {
                if let Write::Slot { parameter, .. } = edit.write {
                    self.table.insert(edit.name(self.text), parameter);
                }
            }
        }
        self.table.insert(name, parameter);
    }

    #[inline]
    fn question(&mut self, start: usize) {
        self.position();
        let parameter = self.questions;
        self.questions += 1;
        self.edit(start, start + 1, Write::Slot { parameter, list: false });
    }

    fn number(&mut self, start: usize, end: usize) -> Result<()> {
        let text = &self.text[start..end];
        let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
        let max = self.dialect.max_parameters;
        let number = digits.parse::<u32>().ok().filter(|number| (1..=max).contains(number)).ok_or_else(|| {
            let place = Place(self.text, start);
            parameter(format!("placeholder {text} at {place} is out of range: numbers go from 1 to {max}"))
        })?;
        self.position();
        self.numbers += 1;
        self.highest = self.highest.max(number);
        self.edit(start, end, Write::Slot { parameter: number - 1, list: false });
        Ok(())
    }

    #[inline]
    fn position(&mut self) {
        if self.questions + self.numbers == 0 {
            self.first_position = self.edits.len() as u32;
        }
    }

    /// The last slot stands alone in the parentheses of an `IN`.
    fn mark_list(&mut self) {
        if let Some(Edit { write: Write::Slot { list, .. }, .. }) = self.edits.last_mut() {
            *list = true;
            self.has_lists = true;
        }
    }

    /// Everything a statement knows.
    pub(super) fn finish(mut self) -> Result<Inner> {
        let (style, parameters) = self.style()?;
        let placeholder = &self.dialect.placeholder;
        let slots = self.slots(style);
        let by_parameter = placeholder.numbered || (self.numbers == 0 && slots == parameters);
        if parameters > 0
            && let Some(doubled) = placeholder.doubled
        {
            self.double(doubled);
        }
        let firsts = self.firsts(style);
        let text_len = self.text.len();
        let mut buffer = String::new();
        if self.edits.is_empty() {
            buffer.push_str(self.text);
        } else {
            // Most placeholders are shorter than the names they replace.
            let longer = self.edits.len() * placeholder.room();
            buffer.reserve_exact(2 * text_len + longer);
            buffer.push_str(self.text);
            render(self.text, &self.edits, &mut buffer, |out, parameter, _| {
                placeholder.write(out, parameter + 1);
            });
        }
        let (kind, traits) = self.first.unwrap_or((self.outline.kind, self.outline.traits));
        Ok(Inner {
            dialect: self.dialect,
            buffer,
            text_len,
            edits: self.edits,
            firsts,
            parameters,
            style,
            has_lists: self.has_lists,
            by_parameter,
            kind,
            traits,
            second: self.second,
            fingerprint: std::sync::OnceLock::new(),
        })
    }

    /// How parameters are named here, and how many there are.
    fn style(&self) -> Result<(ParameterStyle, u32)> {
        match (self.names, self.questions, self.numbers) {
            (0, 0, 0) => Ok((ParameterStyle::None, 0)),
            (names, 0, 0) => Ok((ParameterStyle::Named, names)),
            (0, questions, 0) => Ok((ParameterStyle::Positional, questions)),
            (0, 0, _) => self.check_numbers().map(|()| (ParameterStyle::Positional, self.highest)),
            (0, ..) => Err(parameter("statement has `?` and placeholders with numbers: use one of the two".into())),
            _ => Err(self.mixed()),
        }
    }

    #[cold]
    fn mixed(&self) -> Error {
        let shown = |edit: u32| {
            let edit = self.edits[edit as usize];
            let (start, end) = (edit.start as usize, edit.end as usize);
            format!("`{}` at {}", &self.text[start..end], Place(self.text, start))
        };
        let (name, position) = (shown(self.first_name), shown(self.first_position));
        parameter(format!("statement has names ({name}) and positions ({position}): use one of the two"))
    }

    /// That no number below the highest is left out: its value would be lost, or have no type.
    fn check_numbers(&self) -> Result<()> {
        let mut used = vec![false; self.highest as usize];
        for edit in &self.edits {
            if let Write::Slot { parameter, .. } = edit.write {
                used[parameter as usize] = true;
            }
        }
        match used.iter().position(|used| !used) {
            Some(missing) => {
                let (missing, highest) = (missing + 1, self.highest);
                Err(parameter(format!("statement has a placeholder {highest} but none with the number {missing}")))
            }
            None => Ok(()),
        }
    }

    /// How many slots there are.
    fn slots(&self, style: ParameterStyle) -> u32 {
        match style {
            ParameterStyle::None => 0,
            _ => self.edits.iter().filter(|edit| matches!(edit.write, Write::Slot { .. })).count() as u32,
        }
    }

    fn double(&mut self, doubled: u8) {
        let found = self.text.bytes().enumerate().filter(|&(_, byte)| byte == doubled);
        let found = found.map(|(at, _)| Edit { start: at as u32, end: at as u32 + 1, write: Write::Doubled });
        self.edits.extend(found);
        self.edits.sort_by_key(|edit| edit.start);
    }

    fn firsts(&self, style: ParameterStyle) -> Vec<u32> {
        if style != ParameterStyle::Named || self.edits.len() == self.names as usize {
            return Vec::new();
        }
        let mut firsts = Vec::with_capacity(self.names as usize);
        for (at, edit) in self.edits.iter().enumerate() {
            if matches!(edit.write, Write::Slot { parameter, .. } if parameter as usize == firsts.len()) {
                firsts.push(at as u32);
            }
        }
        firsts
    }
}

/// Writes the text with its edits; `slot` writes the placeholders.
#[inline]
pub(super) fn render(text: &str, edits: &[Edit], out: &mut String, mut slot: impl FnMut(&mut String, u32, bool)) {
    let mut done = 0;
    for edit in edits {
        let (start, end) = (edit.start as usize, edit.end as usize);
        out.push_str(&text[done..start]);
        match edit.write {
            Write::Slot { parameter, list } => slot(out, parameter, list),
            Write::Unescaped => out.push_str(&text[start + 1..end]),
            Write::Doubled => {
                out.push_str(&text[start..end]);
                out.push_str(&text[start..end]);
            }
        }
        done = end;
    }
    out.push_str(&text[done..]);
}

/// The place of the first NUL. Whole texts are checked without a branch for each byte; a place is rarely wanted.
fn nul(bytes: &[u8]) -> Option<usize> {
    let found = bytes.iter().fold(false, |found, &byte| found | (byte == 0));
    if found { bytes.iter().position(|&byte| byte == 0) } else { None }
}

#[cold]
fn parameter(message: String) -> Error {
    Error::new(ErrorKind::Parameter, message)
}
