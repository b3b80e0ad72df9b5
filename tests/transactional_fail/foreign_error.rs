use pontoon::prelude::*;

struct Mine;

#[transactional(db)]
fn mine(db: &Database) -> Result<(), Mine> {
    Ok(())
}

fn main() {}
