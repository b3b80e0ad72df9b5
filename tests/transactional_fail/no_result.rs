use pontoon::prelude::*;

#[transactional(db)]
fn nothing(db: &Database) {
    let _ = db;
}

#[transactional(db)]
fn a_number(db: &Database) -> i64 {
    7
}

fn main() {}
