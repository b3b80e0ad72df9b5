//! The records of the time zone database, and the lines they come from.
//!
//! Each record is read from its line, and written as exactly that line again: that is how the example can compare every
//! value with its source. The form of the lines is described in the files themselves and in zic(8).

use std::fmt;

use pontoon::{FromRow, IntoParams};

/// What can be loaded into a table of its own, and read back.
pub(crate) trait Record: FromRow {
    const TABLE: &'static str;
    const COLUMNS: &'static [&'static str];

    /// The values, in the order of the columns.
    fn values(&self) -> impl IntoParams;
}

macro_rules! record {
    ($record:ident in $table:literal { $($field:ident),+ }) => {
        impl Record for $record {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn values(&self) -> impl IntoParams {
                ($(&self.$field,)+)
            }
        }
    };
}

/// A country and its code.
#[derive(FromRow)]
pub(crate) struct Country {
    pub(crate) number: i64,
    pub(crate) code: String,
    pub(crate) name: String,
}

record!(Country in "tz_country" { number, code, name });

/// A rule: in which years, on which day and by how much clocks are moved.
#[derive(FromRow)]
pub(crate) struct Rule {
    pub(crate) number: i64,
    pub(crate) name: String,
    pub(crate) from_year: i32,
    /// `None`: from then on for ever.
    pub(crate) to_year: Option<i32>,
    pub(crate) month: String,
    pub(crate) day: String,
    pub(crate) at: String,
    pub(crate) save_seconds: i32,
    pub(crate) letters: Option<String>,
}

record!(Rule in "tz_rule" { number, name, from_year, to_year, month, day, at, save_seconds, letters });

/// A zone.
#[derive(FromRow)]
pub(crate) struct Zone {
    pub(crate) number: i64,
    pub(crate) name: String,
}

record!(Zone in "tz_zone" { number, name });

/// A span of time in which a zone had the same offset and the same rules.
#[derive(FromRow)]
pub(crate) struct Era {
    pub(crate) number: i64,
    pub(crate) zone: String,
    pub(crate) offset_seconds: i32,
    pub(crate) rules: Option<String>,
    pub(crate) format: String,
    /// `None`: still.
    pub(crate) until: Option<String>,
}

record!(Era in "tz_era" { number, zone, offset_seconds, rules, format, until });

/// Another name of a zone.
#[derive(FromRow)]
pub(crate) struct Link {
    pub(crate) number: i64,
    pub(crate) target: String,
    pub(crate) name: String,
}

record!(Link in "tz_link" { number, target, name });

/// Where a zone lies.
#[derive(FromRow)]
pub(crate) struct Place {
    pub(crate) number: i64,
    pub(crate) zone: String,
    /// North is positive.
    pub(crate) latitude_seconds: i32,
    /// East is positive.
    pub(crate) longitude_seconds: i32,
    /// 60 where the place is known to the minute, 1 where it is known to the second.
    pub(crate) resolution_seconds: i32,
    pub(crate) comments: Option<String>,
}

record!(Place in "tz_place" { number, zone, latitude_seconds, longitude_seconds, resolution_seconds, comments });

/// A country in which the clocks of a zone are kept; the first one of a zone is the one it lies in.
#[derive(FromRow)]
pub(crate) struct PlaceCountry {
    pub(crate) zone: String,
    pub(crate) number: i64,
    pub(crate) code: String,
}

record!(PlaceCountry in "tz_place_country" { zone, number, code });

/// Everything that is in the files.
#[derive(Default)]
pub(crate) struct Tz {
    pub(crate) countries: Vec<Country>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) zones: Vec<Zone>,
    pub(crate) eras: Vec<Era>,
    pub(crate) links: Vec<Link>,
    pub(crate) places: Vec<Place>,
    pub(crate) place_countries: Vec<PlaceCountry>,
}

/// A line that is not of the form that its file describes.
#[derive(Debug)]
pub(crate) struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a line of the time zone database: {:?}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// The lines with data.
pub(crate) fn data_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Tz {
    pub(crate) fn read(rules_and_zones: &str, countries: &str, places: &str) -> Result<Tz, Malformed> {
        let mut tz = Tz::default();
        for line in data_lines(countries) {
            let (code, name) = line.split_once('\t').ok_or_else(|| Malformed(line.into()))?;
            tz.countries.push(Country { number: next(&tz.countries), code: code.into(), name: name.into() });
        }
        for line in data_lines(rules_and_zones) {
            tz.read_rule_or_zone(line).ok_or_else(|| Malformed(line.into()))?;
        }
        for line in data_lines(places) {
            tz.read_place(line).ok_or_else(|| Malformed(line.into()))?;
        }
        Ok(tz)
    }

    fn read_rule_or_zone(&mut self, line: &str) -> Option<()> {
        let fields: Vec<&str> = line.split(' ').collect();
        match *fields {
            ["R", name, from, to, "-", month, day, at, save, letters] => {
                let from_year = from.parse().ok()?;
                self.rules.push(Rule {
                    number: next(&self.rules),
                    name: name.into(),
                    from_year,
                    to_year: match to {
                        "o" => Some(from_year),
                        "ma" => None,
                        year => Some(year.parse().ok()?),
                    },
                    month: month.into(),
                    day: day.into(),
                    at: at.into(),
                    save_seconds: read_span(save)?,
                    letters: some(letters),
                });
            }
            ["Z", name, offset, rules, format, ref until @ ..] => {
                self.zones.push(Zone { number: next(&self.zones), name: name.into() });
                self.push_era(name.into(), offset, rules, format, until)?;
            }
            ["L", target, name] => {
                self.links.push(Link { number: next(&self.links), target: target.into(), name: name.into() });
            }
            // The line before had an end, and the same zone goes on.
            [offset, rules, format, ref until @ ..] => {
                let zone = self.eras.last()?.zone.clone();
                self.push_era(zone, offset, rules, format, until)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn push_era(&mut self, zone: String, offset: &str, rules: &str, format: &str, until: &[&str]) -> Option<()> {
        self.eras.push(Era {
            number: next(&self.eras),
            zone,
            offset_seconds: read_span(offset)?,
            rules: some(rules),
            format: format.into(),
            until: (!until.is_empty()).then(|| until.join(" ")),
        });
        Some(())
    }

    fn read_place(&mut self, line: &str) -> Option<()> {
        let mut fields = line.split('\t');
        let (codes, coordinates, zone) = (fields.next()?, fields.next()?, fields.next()?);
        let second_sign = coordinates.rfind(['+', '-'])?;
        let (latitude, longitude) = coordinates.split_at(second_sign);
        for (number, code) in (0..).zip(codes.split(',')) {
            self.place_countries.push(PlaceCountry { zone: zone.into(), number, code: code.into() });
        }
        self.places.push(Place {
            number: next(&self.places),
            zone: zone.into(),
            latitude_seconds: read_angle(latitude, 2)?,
            longitude_seconds: read_angle(longitude, 3)?,
            resolution_seconds: if latitude.len() > "+DDMM".len() { 1 } else { 60 },
            comments: fields.next().map(str::to_owned),
        });
        Some(())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\t{}", self.code, self.name)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R {} {} ", self.name, self.from_year)?;
        match self.to_year {
            None => f.write_str("ma")?,
            Some(year) if year == self.from_year => f.write_str("o")?,
            Some(year) => write!(f, "{year}")?,
        }
        let (save, letters) = (Span(self.save_seconds), self.letters.as_deref().unwrap_or("-"));
        write!(f, " - {} {} {} {save} {letters}", self.month, self.day, self.at)
    }
}

impl Era {
    /// Its line; the first of a zone has the name.
    pub(crate) fn to_line(&self, is_first: bool) -> String {
        let start = if is_first { format!("Z {} ", self.zone) } else { String::new() };
        let rules = self.rules.as_deref().unwrap_or("-");
        let until = self.until.as_ref().map(|until| format!(" {until}")).unwrap_or_default();
        format!("{start}{} {rules} {}{until}", Span(self.offset_seconds), self.format)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L {} {}", self.target, self.name)
    }
}

impl Place {
    /// Its line, with the countries it is shared by.
    pub(crate) fn to_line(&self, codes: &[String]) -> String {
        let in_seconds = self.resolution_seconds == 1;
        let latitude = angle(self.latitude_seconds, 2, in_seconds);
        let longitude = angle(self.longitude_seconds, 3, in_seconds);
        let comments = self.comments.as_ref().map(|comments| format!("\t{comments}")).unwrap_or_default();
        format!("{}\t{latitude}{longitude}\t{}{comments}", codes.join(","), self.zone)
    }
}

fn next<T>(records: &[T]) -> i64 {
    i64::try_from(records.len()).unwrap_or(i64::MAX)
}

fn some(field: &str) -> Option<String> {
    (field != "-").then(|| field.to_owned())
}

/// Seconds, written as hours with minutes and seconds where there are some: `1`, `-0:30`, `2:34:48`.
struct Span(i32);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, span) = (if self.0 < 0 { "-" } else { "" }, self.0.abs());
        write!(f, "{sign}{}", span / 3600)?;
        if span % 3600 != 0 {
            write!(f, ":{}", span / 60 % 60)?;
        }
        if span % 60 != 0 {
            write!(f, ":{}", span % 60)?;
        }
        Ok(())
    }
}

fn read_span(text: &str) -> Option<i32> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let mut seconds = 0;
    for (part, unit) in digits.split(':').zip([3600, 60, 1]) {
        seconds += part.parse::<i32>().ok()? * unit;
    }
    Some(sign * seconds)
}

/// Seconds of arc, written as a sign, degrees, minutes and perhaps seconds without a mark between them.
fn angle(seconds: i32, degree_digits: usize, in_seconds: bool) -> String {
    let (sign, arc) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let whole = format!("{sign}{:0degree_digits$}{:02}", arc / 3600, arc / 60 % 60);
    if in_seconds { format!("{whole}{:02}", arc % 60) } else { whole }
}

fn read_angle(text: &str, degree_digits: usize) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.get(1..)?;
    let (degrees, rest) = digits.split_at_checked(degree_digits)?;
    let (minutes, seconds) = rest.split_at_checked(2)?;
    let seconds = if seconds.is_empty() { "0" } else { seconds };
    let number = |digits: &str| digits.parse::<i32>().ok();
    Some(sign * (number(degrees)? * 3600 + number(minutes)? * 60 + number(seconds)?))
}
