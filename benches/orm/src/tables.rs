//! The tables and a row of them, as diesel wants them declared.

use diesel::prelude::*;
use pontoon_bench_harness::{Digest, data};

diesel::table! {
    people (id) {
        id -> BigInt,
        name -> Text,
        age -> BigInt,
        score -> Double,
        mail -> Text,
    }
}

diesel::table! {
    sink (id) {
        id -> BigInt,
        name -> Text,
        age -> BigInt,
        score -> Double,
        mail -> Text,
    }
}

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = people)]
pub struct Person {
    id: i64,
    name: String,
    age: i64,
    score: f64,
    mail: String,
}

impl Person {
    pub fn digest(&self, digest: &mut Digest) {
        digest.person((self.id, &self.name, self.age, self.score, &self.mail));
    }
}

/// How many rows are written with one statement, where it may be many: well within SQLite's 32 766 parameters.
pub const AT_ONCE: usize = 1000;

/// A row to be written: of text that its owner keeps. Nothing of it is a default, which on SQLite is what lets many rows
/// go into one statement.
#[derive(Insertable, Clone, Copy)]
#[diesel(table_name = sink, treat_none_as_default_value = false)]
pub struct NewPerson<'a> {
    id: i64,
    name: &'a str,
    age: i64,
    score: f64,
    mail: &'a str,
}

/// The rows as they are written.
pub fn new_people(people: &[data::Person]) -> Vec<NewPerson<'_>> {
    people
        .iter()
        .map(|(id, name, age, score, mail)| NewPerson { id: *id, name, age: *age, score: *score, mail })
        .collect()
}

/// Many rows a statement.
pub fn insert_many(conn: &mut SqliteConnection, rows: &[NewPerson<'_>]) -> QueryResult<()> {
    for chunk in rows.chunks(AT_ONCE) {
        diesel::insert_into(sink::table).values(chunk).execute(conn)?;
    }
    Ok(())
}
