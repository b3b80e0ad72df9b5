//! From the T-SQL that the tests write to SQLite's: what differs in those few forms, word by word.

use super::types::UNBOUNDED_IN_SQLITE;

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'t> {
    Word(&'t str),
    /// Space, a string, a name in brackets, a sign.
    Other(&'t str),
}

impl<'t> Piece<'t> {
    fn text(self) -> &'t str {
        match self {
            Piece::Word(text) | Piece::Other(text) => text,
        }
    }

    fn is(self, word: &str) -> bool {
        matches!(self, Piece::Word(text) if text.eq_ignore_ascii_case(word))
    }

    fn is_space(self) -> bool {
        self.text().chars().all(char::is_whitespace)
    }
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$');
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let until = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
        let length = match first {
            '\'' => until("'", 1),
            '"' => until("\"", 1),
            '[' => until("]", 1),
            '-' if rest.starts_with("--") => until("\n", 2),
            '/' if rest.starts_with("/*") => until("*/", 2),
            c if c.is_whitespace() => rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()),
            c if is_word(c) => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        pieces.push(if is_word(first) { Piece::Word(piece) } else { Piece::Other(piece) });
        rest = after;
    }
    pieces
}

/// The statements of a batch.
pub(crate) fn statements(batch: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    for piece in pieces(batch) {
        match piece {
            Piece::Other(";") => statements.push(String::new()),
            piece => statements.last_mut().expect("there is one").push_str(piece.text()),
        }
    }
    statements.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// The words of a statement, up to so many, in capitals.
pub(super) fn words(statement: &str, most: usize) -> Vec<String> {
    let words = pieces(statement).into_iter().filter(|piece| !piece.is_space());
    words.take(most).map(|piece| piece.text().trim_matches(['[', ']']).to_uppercase()).collect()
}

/// The last piece of a statement as it is written: the name of a savepoint.
pub(super) fn last_word(statement: &str) -> String {
    let last = pieces(statement).into_iter().rfind(|piece| !piece.is_space());
    last.map(|piece| piece.text().trim_matches(['[', ']']).to_owned()).unwrap_or_default()
}

/// The names and types of a declaration of parameters.
pub(crate) fn declared(declaration: &str) -> Vec<(String, String)> {
    // A comma in parentheses belongs to a type.
    let mut depth = 0;
    let split = declaration.split(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    split
        .filter_map(|one| one.trim().split_once(char::is_whitespace))
        .map(|(name, kind)| (name.to_owned(), kind.trim().to_owned()))
        .collect()
}

/// What a text can ask about its session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    /// `@@TRANCOUNT`.
    pub(crate) open: u32,
    /// `XACT_STATE()`.
    pub(crate) state: i32,
}

/// Translates one statement.
pub(crate) fn translate(statement: &str, session: Session) -> String {
    let pieces = pieces(statement);
    let creates = pieces.first().is_some_and(|piece| piece.is("CREATE"));
    let mut out = String::new();
    let mut returning = None;
    let mut at = 0;
    // What comes next that is no space, from a place on.
    let next = |from: usize| (from..pieces.len()).find(|at| !pieces[*at].is_space());
    let is_next = |from: usize, text: &str| next(from).is_some_and(|at| pieces[at].text() == text);
    while let Some(piece) = pieces.get(at).copied() {
        at += 1;
        let Piece::Word(word) = piece else {
            out.push_str(piece.text());
            continue;
        };
        match word.to_ascii_uppercase().as_str() {
            "N" if pieces.get(at).is_some_and(|piece| piece.text().starts_with('\'')) => {}
            "@@TRANCOUNT" => out.push_str(&session.open.to_string()),
            "@@IDENTITY" => out.push_str("last_insert_rowid()"),
            "XACT_STATE" if is_next(at, "(") => {
                out.push_str(&session.state.to_string());
                at += 2;
            }
            "SCOPE_IDENTITY" => out.push_str("last_insert_rowid"),
            "LEN" if is_next(at, "(") => out.push_str("length"),
            "MAX" if is_next(at, ")") => out.push_str(UNBOUNDED_IN_SQLITE),
            // A column of numbers would keep no more than fifteen digits.
            "DECIMAL" | "NUMERIC" => out.push_str("DECIMAL_TEXT"),
            "DBO" if is_next(at, ".") => at += 1,
            "INT" | "BIGINT" if creates && next(at).is_some_and(|at| pieces[at].is("IDENTITY")) => {
                out.push_str("INTEGER PRIMARY KEY AUTOINCREMENT");
                // Up to what follows the keys of it.
                while let Some(piece) = pieces.get(at) {
                    let belongs = piece.is_space()
                        || ["IDENTITY", "PRIMARY", "KEY", "NOT", "NULL", "1"].iter().any(|word| piece.is(word))
                        || piece.text() == "("
                        || (piece.text() == "," && is_next(at + 1, "1"))
                        || (piece.text() == ")" && belongs_to_seed(&pieces, at));
                    if !belongs {
                        break;
                    }
                    at += 1;
                }
            }
            "OUTPUT" if !creates => {
                let mut columns = String::new();
                while let Some(piece) = pieces.get(at) {
                    if ["VALUES", "SELECT", "DEFAULT", "WHERE", "FROM"].iter().any(|word| piece.is(word)) {
                        break;
                    }
                    at += 1;
                    let is_pseudo = piece.is("INSERTED") || piece.is("DELETED");
                    if is_pseudo {
                        at += 1;
                    } else {
                        columns.push_str(piece.text());
                    }
                }
                returning = Some(columns);
            }
            _ => out.push_str(word),
        }
    }
    if let Some(columns) = returning {
        out.push_str(" RETURNING ");
        out.push_str(&columns);
    }
    out
}

/// Whether a closing parenthesis ends `IDENTITY (1, 1)`.
fn belongs_to_seed(pieces: &[Piece<'_>], at: usize) -> bool {
    let before = pieces[..at].iter().rev().find(|piece| !piece.is_space());
    before.is_some_and(|piece| piece.is("1"))
}
