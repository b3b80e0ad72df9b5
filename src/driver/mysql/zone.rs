//! The time zone of a session.

use crate::error::{Error, ErrorKind, Result};
use crate::value::Offset;

/// A time zone as the option `time_zone` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    name: String,
    offset: Option<Offset>,
}

impl Zone {
    /// A name (`Europe/Berlin`, `SYSTEM`) or an offset (`+02:00`, `UTC`).
    pub(super) fn of(text: &str) -> Result<Zone> {
        if ["utc", "z", "gmt"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Ok(Zone { name: "+00:00".into(), offset: Some(Offset::UTC) });
        }
        if text.starts_with(['+', '-']) {
            let offset = offset(text).ok_or_else(|| bad(text))?;
            return Ok(Zone { name: text.into(), offset: Some(offset) });
        }
        // What goes between quotes has nothing in it that could end them.
        let fine = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
        if text.is_empty() || !text.chars().all(fine) {
            return Err(bad(text));
        }
        Ok(Zone { name: text.into(), offset: None })
    }

    /// What the session variable is set to.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its distance from UTC, if that is always the same.
    pub(super) fn offset(&self) -> Option<Offset> {
        self.offset
    }
}

/// `+hh:mm`, from -13:59 to +14:00, as the servers have it.
fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':')?;
    let number = |text: &str| text.parse::<i32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let total = sign * (hours * 60 + minutes);
    (minutes < 60 && (-839..=840).contains(&total)).then(|| Offset::from_seconds(total * 60))?
}

fn bad(text: &str) -> Error {
    Error::new(
        ErrorKind::Config,
        format!(
            "mysql: time_zone={text} is no time zone: give an offset from -13:59 to +14:00, UTC, or a name like \
             Europe/Berlin"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_fixed_and_names_are_not() {
        for (text, seconds) in
            [("+00:00", Some(0)), ("utc", Some(0)), ("-05:30", Some(-19_800)), ("+14:00", Some(50_400))]
        {
            assert_eq!(Zone::of(text).unwrap().offset().map(Offset::seconds), seconds, "{text}");
        }
        for text in ["Europe/Berlin", "SYSTEM", "Etc/GMT+5"] {
            assert_eq!(Zone::of(text).unwrap().offset(), None, "{text}");
            assert_eq!(Zone::of(text).unwrap().name(), text);
        }
    }

    #[test]
    fn what_is_no_time_zone_is_refused() {
        for text in ["", "+14:01", "-14:00", "+1", "+00:60", "+-1:00", "a'b", "a;b", "ü"] {
            assert_eq!(Zone::of(text).unwrap_err().kind(), ErrorKind::Config, "{text}");
        }
    }
}
