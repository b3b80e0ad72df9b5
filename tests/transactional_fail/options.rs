use pontoon::prelude::*;

#[transactional(db, isolation = "very strict")]
fn unknown_level(db: &Database) -> Result<(), Error> {
    Ok(())
}

#[transactional(db, readonly)]
fn unknown_option(db: &Database) -> Result<(), Error> {
    Ok(())
}

#[transactional(db, read_only, read_only)]
fn twice(db: &Database) -> Result<(), Error> {
    Ok(())
}

#[transactional(db, rollback_only, retry = 3)]
fn contradiction(db: &Database) -> Result<(), Error> {
    Ok(())
}

#[transactional(db, retry = "often")]
fn no_number(db: &Database) -> Result<(), Error> {
    Ok(())
}

fn main() {}
