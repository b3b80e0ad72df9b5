use pontoon::prelude::*;

#[transactional]
fn none(db: &Database) -> Result<(), Error> {
    Ok(())
}

#[transactional(isolation = "serializable")]
fn options_alone(db: &Database) -> Result<(), Error> {
    Ok(())
}

#[transactional(name)]
fn another_thing(name: String) -> Result<(), Error> {
    Ok(())
}

#[transactional(db)]
async fn that_blocks(db: &Database) -> Result<(), Error> {
    Ok(())
}

fn main() {}
