use pontoon::prelude::*;

#[transactional(db)]
struct Database2;

trait Store {
    #[transactional(self.db())]
    fn save(&self) -> Result<(), Error>;
}

#[transactional(db)]
const fn never(db: &Database) -> Result<(), Error> {
    Ok(())
}

fn main() {}
