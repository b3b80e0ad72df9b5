//! Imports a real data set, the time zone database of IANA, and proves that it arrived: `cargo run --example import`, or
//! into a database of your own, `cargo run --example import -- sqlite:zones.db` (its tables are called `tz_…`).
//!
//! Everything is loaded in one transaction, streamed back, written as lines again and compared with the files line by
//! line. The program ends with 0 only if every line is the same. The data are compiled in; `examples/data/README.md` says
//! where they come from.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod tz;

use std::error::Error;
use std::time::{Duration, Instant};

use pontoon::prelude::{Database, ErrorKind, Queryable, Streamable, Transaction, params};
use pontoon::row::Decoder;
use tz::{Country, Era, Link, Place, Record, Rule, Tz, Zone, data_lines};

const RULES_AND_ZONES: &str = include_str!("../data/tz/tzdata.zi");
const COUNTRIES: &str = include_str!("../data/tz/iso3166.tab");
const PLACES: &str = include_str!("../data/tz/zone1970.tab");

const SCHEMA: &str = "
    DROP TABLE IF EXISTS tz_place_country;
    DROP TABLE IF EXISTS tz_place;
    DROP TABLE IF EXISTS tz_link;
    DROP TABLE IF EXISTS tz_era;
    DROP TABLE IF EXISTS tz_zone;
    DROP TABLE IF EXISTS tz_rule;
    DROP TABLE IF EXISTS tz_country;
    CREATE TABLE tz_country (
        number INTEGER NOT NULL UNIQUE, code CHAR(2) PRIMARY KEY, name VARCHAR(80) NOT NULL
    );
    CREATE TABLE tz_rule (
        number INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, from_year INTEGER NOT NULL, to_year INTEGER,
        month VARCHAR(10) NOT NULL, day VARCHAR(10) NOT NULL, at VARCHAR(10) NOT NULL,
        save_seconds INTEGER NOT NULL, letters VARCHAR(10)
    );
    CREATE TABLE tz_zone (
        number INTEGER NOT NULL UNIQUE, name VARCHAR(40) PRIMARY KEY
    );
    CREATE TABLE tz_era (
        number INTEGER PRIMARY KEY, zone VARCHAR(40) NOT NULL REFERENCES tz_zone (name),
        offset_seconds INTEGER NOT NULL, rules VARCHAR(20), format VARCHAR(20) NOT NULL, until VARCHAR(40)
    );
    CREATE TABLE tz_link (
        number INTEGER PRIMARY KEY, target VARCHAR(40) NOT NULL REFERENCES tz_zone (name), name VARCHAR(40) NOT NULL
    );
    CREATE TABLE tz_place (
        number INTEGER NOT NULL UNIQUE, zone VARCHAR(40) PRIMARY KEY REFERENCES tz_zone (name),
        latitude_seconds INTEGER NOT NULL, longitude_seconds INTEGER NOT NULL,
        resolution_seconds INTEGER NOT NULL, comments VARCHAR(200)
    );
    CREATE TABLE tz_place_country (
        zone VARCHAR(40) NOT NULL REFERENCES tz_place (zone), number INTEGER NOT NULL,
        code CHAR(2) NOT NULL REFERENCES tz_country (code), PRIMARY KEY (zone, number)
    );";

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "sqlite::memory:".to_owned());
    let db = Database::open(&url)?;
    println!("Open {}", db.url());
    db.execute_script(SCHEMA)?;

    let tz = Tz::read(RULES_AND_ZONES, COUNTRIES, PLACES)?;
    println!("\nLoad, all in one transaction");
    let begun = Instant::now();
    let loaded = db.transaction(|tx| load_all(tx, &tz))?;
    report("loaded", loaded, begun.elapsed());

    println!("\nLoad again: the keys are taken, and not one row of the attempt stays");
    match db.transaction(|tx| load_all(tx, &tz)) {
        Err(error) if error.kind() == ErrorKind::UniqueViolation => println!("  refused: {error}"),
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("the same keys were taken twice".into()),
    }

    println!("\nStream it back and compare with the files");
    let begun = Instant::now();
    let read = check_rules_and_zones(&db)? + check_countries(&db)? + check_places(&db)?;
    report("read and compared", read, begun.elapsed());
    if read != loaded {
        return Err(format!("{loaded} rows were loaded and {read} were read").into());
    }

    let lasting: Option<usize> = db.fetch_val("SELECT count(*) FROM tz_era WHERE until IS NULL", ())?;
    if lasting != Some(tz.zones.len()) {
        return Err(format!("{lasting:?} eras without an end, for {} zones", tz.zones.len()).into());
    }
    println!("  an era without an end, which is a NULL, for each of the {} zones", tz.zones.len());
    let islands: Option<String> =
        db.fetch_val("SELECT name FROM tz_country WHERE code = :code", params! { code: "AX" })?;
    println!("  AX is {}", islands.as_deref().unwrap_or("missing"));
    println!("\nEvery line is the same.");
    Ok(())
}

fn load_all(tx: &Transaction<'_>, tz: &Tz) -> Result<u64, pontoon::Error> {
    // What is referred to goes first.
    Ok(load(tx, &tz.countries)?
        + load(tx, &tz.rules)?
        + load(tx, &tz.zones)?
        + load(tx, &tz.eras)?
        + load(tx, &tz.links)?
        + load(tx, &tz.places)?
        + load(tx, &tz.place_countries)?)
}

fn load<R: Record>(tx: &Transaction<'_>, records: &[R]) -> Result<u64, pontoon::Error> {
    let report = tx.bulk_insert(R::TABLE, R::COLUMNS, records.iter().map(Record::values))?;
    println!("  {:>5} rows into {} ({:?})", report.rows, R::TABLE, report.path);
    Ok(report.rows)
}

/// The rows of a table, one by one and never all at once.
fn stream<R: Record>(
    from: &impl Streamable,
) -> Result<impl Iterator<Item = Result<R, pontoon::Error>>, pontoon::Error> {
    let rows = from.iterate(format!("SELECT {} FROM {} ORDER BY number", R::COLUMNS.join(", "), R::TABLE), ())?;
    let mut decoder = Decoder::new();
    Ok(rows.map(move |row| decoder.decode(&row?)))
}

fn check_rules_and_zones(db: &Database) -> Result<u64, Box<dyn Error>> {
    let mut lines = Lines::of("tzdata.zi", RULES_AND_ZONES);
    for rule in stream::<Rule>(db)? {
        lines.expect(&rule?.to_string())?;
    }
    // Two results at a time: each stream has a connection of its own.
    let mut zones = stream::<Zone>(db)?;
    let mut current = None;
    let mut zone_count = 0;
    for era in stream::<Era>(db)? {
        let era = era?;
        let is_first = current.as_ref() != Some(&era.zone);
        if is_first {
            let zone = zones.next().ok_or("a zone has eras and no row of its own")??;
            zone_count += 1;
            current = Some(zone.name);
        }
        // Had it another name, this line would differ.
        lines.expect(&Era { zone: current.clone().unwrap_or_default(), ..era }.to_line(is_first))?;
    }
    for link in stream::<Link>(db)? {
        lines.expect(&link?.to_string())?;
    }
    Ok(lines.finish()? + zone_count)
}

fn check_countries(db: &Database) -> Result<u64, Box<dyn Error>> {
    let mut lines = Lines::of("iso3166.tab", COUNTRIES);
    for country in stream::<Country>(db)? {
        lines.expect(&country?.to_string())?;
    }
    lines.finish()
}

fn check_places(db: &Database) -> Result<u64, Box<dyn Error>> {
    let mut lines = Lines::of("zone1970.tab", PLACES);
    let mut shared = 0;
    // Other statements run on the same connection between the rows of the stream.
    let connection = db.connection()?;
    for place in stream::<Place>(&connection)? {
        let place = place?;
        let codes: Vec<String> = connection
            .fetch_all(
                "SELECT code FROM tz_place_country WHERE zone = :zone ORDER BY number",
                params! { zone: &place.zone },
            )?
            .column("code")?;
        shared += codes.len() as u64;
        lines.expect(&place.to_line(&codes))?;
    }
    Ok(lines.finish()? + shared)
}

/// The lines of a file that are still to come.
struct Lines<'t> {
    file: &'static str,
    lines: Box<dyn Iterator<Item = &'t str> + 't>,
    seen: u64,
}

impl<'t> Lines<'t> {
    fn of(file: &'static str, text: &'t str) -> Lines<'t> {
        Lines { file, lines: Box::new(data_lines(text)), seen: 0 }
    }

    fn expect(&mut self, stored: &str) -> Result<(), String> {
        self.seen += 1;
        match self.lines.next() {
            Some(line) if line == stored => Ok(()),
            other => {
                Err(format!("{}, data line {}: the file has {other:?}, stored is {stored:?}", self.file, self.seen))
            }
        }
    }

    fn finish(mut self) -> Result<u64, Box<dyn Error>> {
        match self.lines.next() {
            None => {
                println!("  {:>5} lines of {} are the same", self.seen, self.file);
                Ok(self.seen)
            }
            Some(line) => Err(format!("{}: {line:?} is not stored", self.file).into()),
        }
    }
}

fn report(what: &str, rows: u64, took: Duration) {
    let rate = rows as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE);
    println!("  {rows} rows {what} in {took:.1?}: {rate:.0} a second");
}
