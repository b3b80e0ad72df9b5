//! What a SQL text is cut into.

/// What a [`Token`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// A keyword, a bare name or a number.
    Word,
    /// A string, with the `E` or `q` that changes how it is read. (Other prefixes, such as `N` or `X`, are words.)
    String,
    /// A quoted name.
    QuotedName,
    /// A comment. Of a MySQL `/*! … */` only the opening and the closing mark: what is between them is live.
    Comment,
    /// A parameter with a name: `:name`, and on SQLite `@name` and `$name`.
    Name,
    /// A parameter without a number: `?`.
    Question,
    /// A parameter with a number, in the database's own style: `$1`, `?1`, `:1`, `@p1`.
    Numbered,
    /// A backslash and the character it keeps from being read as a parameter: `\:`, `\?`, `\@`, `\$`.
    Escape,
    /// A semicolon.
    Semicolon,
    /// Anything else: an operator, a parenthesis, a comma.
    Symbol,
}

/// A piece of a SQL text. White space is between tokens, never in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// The byte it starts at.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

impl Token {
    /// The token's own text, out of the text it was found in.
    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }
}
