//! Text that somebody else wrote, made fit for a line of a log or a terminal.

use std::borrow::Cow;

/// The text in one line: what controls a terminal, or turns the direction of writing around, is escaped as in Rust.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unfit_for_a_line) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unfit_for_a_line(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    Cow::Owned(line)
}

/// Whether a character could make a line of a log into something else: a control character, or one that changes the
/// direction or the end of a line on the screen.
pub(crate) fn is_unfit_for_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_is_escaped_and_everything_else_is_left() {
        for (text, line) in [
            ("plain, ünd 👩\u{200d}🔧", "plain, ünd 👩\u{200d}🔧"),
            ("a\nb\r\n\tc", r"a\nb\r\n\tc"),
            ("\u{1b}[31mred\u{9b}0m\u{7}\0", r"\u{1b}[31mred\u{9b}0m\u{7}\u{0}"),
            ("\u{202e}txt.exe\u{2066}\u{2028}", r"\u{202e}txt.exe\u{2066}\u{2028}"),
            (r"a \n that was written so", r"a \n that was written so"),
        ] {
            assert_eq!(one_line(text), line);
        }
        assert!(matches!(one_line("as it is"), Cow::Borrowed(_)));
    }
}
