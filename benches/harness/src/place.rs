//! Where a table goes: into a file of its own, or into the place that a text keeps for it.

use std::io::ErrorKind;
use std::path::Path;

/// Between these lines a text keeps place for the figures.
pub const BEGIN: &str = "<!-- figures -->";
pub const END: &str = "<!-- /figures -->";

/// The text with `figures` in its place.
///
/// # Errors
/// That there is no such place, or no end of it.
pub fn into_text(text: &str, figures: &str) -> Result<String, String> {
    let missing = |what| format!("has no line `{what}`: figures stand between `{BEGIN}` and `{END}`");
    let (before, rest) = text.split_once(BEGIN).ok_or_else(|| missing(BEGIN))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| missing(END))?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", figures.trim_end()))
}

/// Writes `figures` into a file: a new one, or its place in one that is there. Nothing else of that is touched.
///
/// # Errors
/// As [`into_text`]; what keeps the file from being read or written.
pub fn into_file(path: &Path, figures: &str) -> Result<(), String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = match std::fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => figures.to_owned(),
        Ok(text) => into_text(&text, figures).map_err(|error| format!("{} {error}", path.display()))?,
        Err(error) if error.kind() == ErrorKind::NotFound => figures.to_owned(),
        Err(error) => return Err(named(&error)),
    };
    std::fs::write(path, text).map_err(|error| named(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_take_the_place_of_older_ones_and_nothing_else_changes() {
        let text = format!("above\n{BEGIN}\nold\n{END}\nbelow\n");
        let once = into_text(&text, "new\n").unwrap();
        assert_eq!(once, format!("above\n{BEGIN}\nnew\n{END}\nbelow\n"));
        assert_eq!(into_text(&once, "new").unwrap(), once);
    }

    #[test]
    fn a_text_that_keeps_no_place_is_refused() {
        assert!(into_text("above", "new").unwrap_err().contains(BEGIN));
        assert!(into_text(BEGIN, "new").unwrap_err().contains(END));
    }
}
