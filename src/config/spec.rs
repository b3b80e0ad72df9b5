//! What an option is: its name, what it takes, and what it means, as data.

use std::path::PathBuf;
use std::time::Duration;

use crate::secret::{Redactor, Secret};

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum OptionKind {
    /// `true`, `false`, `1`, `0`, `yes`, `no`, `on`, `off`, in any case; the bare name is true.
    Bool,
    /// A whole number within a range, both ends included.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A time: a number with `ns`, `us`, `ms`, `s`, `m`, `h` or `d`, a plain number being seconds; fractions allowed.
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
        /// Whether `never` (also `none`, `off`) is accepted, and switches off what the time is for.
        never: bool,
    },
    /// Any text.
    Text,
    /// One of these words, in any case, with `_`, `-` and space alike. The value is the word as it stands here.
    Choice(&'static [&'static str]),
    /// One of these words, as for `Choice`; the first of each pair is what is written, the second the value. Messages
    /// name the words that are their own value.
    Words(&'static [(&'static str, &'static str)]),
    /// A path of a file or folder.
    Path,
    /// A JSON document, kept as text.
    Json,
}

impl OptionKind {
    /// Any time from nothing to about thirty years.
    pub const DURATION: OptionKind = OptionKind::Duration { min: Duration::ZERO, max: LONGEST, never: false };
    /// Any time from a millisecond to about thirty years, or `never`.
    pub const TIMEOUT: OptionKind = OptionKind::Duration { min: Duration::from_millis(1), max: LONGEST, never: true };

    /// What may be written, for a message.
    fn wanted(&self) -> String {
        match self {
            OptionKind::Bool => "give true or false".into(),
            OptionKind::Integer { min, max: i64::MAX } => format!("give a whole number, {min} or more"),
            OptionKind::Integer { min, max } => format!("give a whole number from {min} to {max}"),
            OptionKind::Duration { never: true, .. } => "give a time like 30s, 500ms or 1.5, or `never`".into(),
            OptionKind::Duration { .. } => "give a time like 30s, 500ms or 1.5".into(),
            OptionKind::Text => "give a text".into(),
            OptionKind::Choice(words) => format!("give one of {}", words.join(", ")),
            OptionKind::Words(words) => {
                // The other spellings work too, and would only hide the ones that say what they mean.
                let canonical = words.iter().filter(|(word, value)| word == value).map(|(word, _)| *word);
                format!("give one of {}", canonical.collect::<Vec<_>>().join(", "))
            }
            OptionKind::Path => "give a path".into(),
            OptionKind::Json => "give a JSON document".into(),
        }
    }
}

/// Long enough to mean "practically never", short enough to be added to any `Instant`.
const LONGEST: Duration = Duration::from_secs(1_000_000_000);

/// The value of an option, read as its [`OptionKind`] says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OptionValue {
    /// Of a `Bool`.
    Bool(bool),
    /// Of an `Integer`.
    Integer(i64),
    /// Of a `Duration`; `None` is `never`.
    Duration(Option<Duration>),
    /// Of a `Text`, `Choice`, `Words` or `Json`.
    Text(String),
    /// Of a `Path`.
    Path(PathBuf),
    /// Of any kind, when the option is a secret one.
    Secret(Secret),
}

/// One option: a row of the table that a driver hands in, made at compile time.
///
/// ```
/// use pontoon::config::{OptionKind, OptionSpec};
///
/// const OPTIONS: &[OptionSpec] = &[
///     OptionSpec::new("journal_mode", OptionKind::Choice(&["wal", "delete", "memory"]), "The journal of the file."),
///     OptionSpec::new("foreign_keys", OptionKind::Bool, "Whether foreign keys are enforced.").default("true"),
///     OptionSpec::new("key", OptionKind::Text, "The key that the file is encrypted with.").secret(),
/// ];
/// OptionSpec::check_table(OPTIONS).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OptionSpec {
    /// Its name: lower case, words joined by `_`. Written in any case, and with `-` for `_`, it is the same option.
    pub name: &'static str,
    /// Other names of the same option. Giving it twice, under whichever names, is an error.
    pub aliases: &'static [&'static str],
    /// What it takes.
    pub kind: OptionKind,
    /// Its value where none is given, written as in a URL.
    pub default: Option<&'static str>,
    /// Whether it names code to load (a file, a class, a program): refused unless the program allowed it.
    pub code: bool,
    /// Whether its value is never shown.
    pub secret: bool,
    /// Whether it may be given several times.
    pub repeated: bool,
    /// One sentence for people.
    pub doc: &'static str,
}

impl OptionSpec {
    /// An option without aliases or default that is neither code nor secret and is given once at most.
    pub const fn new(name: &'static str, kind: OptionKind, doc: &'static str) -> OptionSpec {
        OptionSpec { name, aliases: &[], kind, default: None, code: false, secret: false, repeated: false, doc }
    }

    /// With other names.
    #[must_use]
    pub const fn aliases(self, aliases: &'static [&'static str]) -> OptionSpec {
        OptionSpec { aliases, ..self }
    }

    /// With a value for when none is given.
    #[must_use]
    pub const fn default(self, default: &'static str) -> OptionSpec {
        OptionSpec { default: Some(default), ..self }
    }

    /// Naming code to load.
    #[must_use]
    pub const fn code(self) -> OptionSpec {
        OptionSpec { code: true, ..self }
    }

    /// Never shown.
    #[must_use]
    pub const fn secret(self) -> OptionSpec {
        OptionSpec { secret: true, ..self }
    }

    /// Accepted several times.
    #[must_use]
    pub const fn repeated(self) -> OptionSpec {
        OptionSpec { repeated: true, ..self }
    }

    /// Whether this is the option that is called `name`.
    pub fn is_called(&self, name: &str) -> bool {
        same_name(self.name, name) || self.aliases.iter().any(|alias| same_name(alias, name))
    }

    /// Reads a value. The message of a refusal says what to write instead, and quotes the value unless it is a secret.
    pub(super) fn read(&self, text: &str) -> Result<OptionValue, String> {
        let refuse = || {
            let shown = if self.secret { "its value".to_string() } else { shown(text) };
            format!("{shown} is not what it takes; {}", self.kind.wanted())
        };
        let value = match self.kind {
            OptionKind::Bool => OptionValue::Bool(read_bool(text).ok_or_else(refuse)?),
            OptionKind::Integer { min, max } => {
                let number = text.trim().parse::<i64>().ok().filter(|n| (min..=max).contains(n));
                OptionValue::Integer(number.ok_or_else(refuse)?)
            }
            OptionKind::Duration { never: true, .. } if is_never(text) => OptionValue::Duration(None),
            OptionKind::Duration { min, max, never } => {
                let time = read_duration(text).ok_or_else(refuse)?;
                if time.is_zero() && never && !min.is_zero() {
                    return Err("a time of 0 would be over at once; to switch it off write `never`".into());
                }
                if time < min || time > max {
                    return Err(format!("{} is not from {min:?} to {max:?}", shown(text)));
                }
                OptionValue::Duration(Some(time))
            }
            OptionKind::Choice(words) => {
                let word = words.iter().find(|word| same_word(word, text));
                OptionValue::Text(word.ok_or_else(refuse)?.to_string())
            }
            OptionKind::Words(words) => {
                let word = words.iter().find(|(word, _)| same_word(word, text));
                OptionValue::Text(word.ok_or_else(refuse)?.1.to_string())
            }
            OptionKind::Path if text.is_empty() => return Err(refuse()),
            OptionKind::Path => OptionValue::Path(PathBuf::from(text)),
            OptionKind::Json => {
                serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_| refuse())?;
                OptionValue::Text(text.to_string())
            }
            OptionKind::Text => OptionValue::Text(text.to_string()),
        };
        Ok(if self.secret { OptionValue::Secret(Secret::new(text)) } else { value })
    }

    /// Checks a table: every name is in its plain form and stands there once, and every default can be read. Each driver
    /// calls it in its tests.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn check_table(table: &[OptionSpec]) -> Result<(), String> {
        for (n, spec) in table.iter().enumerate() {
            for name in std::iter::once(&spec.name).chain(spec.aliases) {
                if table[..n].iter().any(|earlier| earlier.is_called(name)) {
                    return Err(format!("`{name}` stands there twice"));
                }
            }
            if spec.name.is_empty() || !spec.name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_')) {
                return Err(format!("`{}` is not lower case with `_`", spec.name));
            }
            if spec.aliases.iter().any(|alias| same_name(alias, spec.name)) {
                return Err(format!("`{}` is an alias of itself", spec.name));
            }
            if let Some(default) = spec.default {
                spec.read(default).map_err(|why| format!("the default of `{}`: {why}", spec.name))?;
            }
            if !spec.doc.ends_with('.') {
                return Err(format!("`{}` is not described by a sentence", spec.name));
            }
        }
        Ok(())
    }
}

/// Whether two spellings name the same option: case does not count, and `-` is `_`.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).all(|(a, b)| plain(a) == plain(b))
}

fn plain(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() }
}

fn same_word(a: &str, b: &str) -> bool {
    let plain = |byte| if byte == b' ' { b'_' } else { plain(byte) };
    let b = b.trim();
    a.len() == b.len() && a.bytes().zip(b.bytes()).all(|(a, b)| plain(a) == plain(b))
}

/// A value for a message: short, without control characters, and not at all when it looks like a piece of a URL.
pub(super) fn shown(text: &str) -> String {
    if text.is_empty() {
        return "an empty value".into();
    }
    if text.contains('@') || text.contains("://") {
        return "its value".into();
    }
    let redacted = Redactor::default().redact(text).into_owned();
    let mut short: String = redacted.chars().take(40).flat_map(char::escape_debug).collect();
    if redacted.chars().nth(40).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

pub(super) fn read_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn is_never(text: &str) -> bool {
    // `-1` is how SQLAlchemy writes a `pool_recycle` that never happens.
    matches!(text.trim().to_ascii_lowercase().as_str(), "never" | "none" | "off" | "-1")
}

/// Reads `30s`, `500ms`, `1.5`. In integers to the end: `0.1s` is exactly 100 ms, and nothing overflows.
pub(super) fn read_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let nanos_of_unit: u128 = match unit.trim().to_ascii_lowercase().as_str() {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "" | "s" | "sec" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || fraction.len() > 18 {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let numerator: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let nanos = whole.checked_mul(nanos_of_unit)?.checked_add(numerator * nanos_of_unit / scale)?;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        for (text, nanos) in [
            ("30s", 30_000_000_000),
            ("500ms", 500_000_000),
            ("1.5", 1_500_000_000),
            ("3600.5", 3_600_500_000_000),
            ("0", 0),
            (".1s", 100_000_000),
            ("2.", 2_000_000_000),
            ("0.1 ms", 100_000),
            ("7ns", 7),
            ("2m", 120_000_000_000),
            ("1h", 3_600_000_000_000),
            ("1d", 86_400_000_000_000),
            ("0.0000000019s", 1),
        ] {
            assert_eq!(read_duration(text).map(|time| time.as_nanos()), Some(nanos), "{text}");
        }
        for text in ["", "s", ".", "-1", "1.2.3", "1 fortnight", "1e3", "inf", "NaN", &"9".repeat(60)] {
            assert_eq!(read_duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_in_a_message_is_short_and_harmless() {
        assert_eq!(shown("abc"), "`abc`");
        assert_eq!(shown("a\nb"), "`a\\nb`");
        assert_eq!(shown("x@host"), "its value");
        assert_eq!(shown("5;password=hunter2"), "`5;password=***`");
        assert_eq!(shown(&"x".repeat(41)).chars().count(), 43);
    }

    #[test]
    fn a_bad_table_is_told() {
        let twice = [
            OptionSpec::new("a", OptionKind::Text, "One."),
            OptionSpec::new("b", OptionKind::Text, "Two.").aliases(&["A"]),
        ];
        assert_eq!(OptionSpec::check_table(&twice), Err("`A` stands there twice".into()));
        let default = [OptionSpec::new("a", OptionKind::Bool, "One.").default("maybe")];
        assert!(OptionSpec::check_table(&default).is_err());
        assert!(OptionSpec::check_table(&[OptionSpec::new("a-b", OptionKind::Text, "One.")]).is_err());
    }
}
