use pontoon::prelude::*;

fn take(name: String) {}

#[transactional(db, retry = 3)]
fn once(db: &Database, name: String) -> Result<(), Error> {
    take(name);
    Ok(())
}

fn main() {}
