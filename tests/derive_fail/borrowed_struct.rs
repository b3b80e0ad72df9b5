#[derive(pontoon::FromRow)]
struct Note<'r> {
    id: i64,
    text: &'r str,
}

fn main() {}
