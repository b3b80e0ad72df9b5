#[derive(pontoon::FromRow)]
struct Tuple(#[row(rename = "x")] i64, #[row(default)] i64, #[row(flatten)] Inner);

#[derive(pontoon::FromRow)]
struct Inner {
    id: i64,
}

fn main() {}
