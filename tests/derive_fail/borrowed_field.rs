#[derive(pontoon::FromRow)]
struct Note {
    id: i64,
    text: Option<&'static str>,
    #[row(skip)]
    not_read: &'static str,
}

fn main() {}
