#[derive(pontoon::FromRow)]
enum Color {
    Red,
    Blue,
}

#[derive(pontoon::FromRow)]
union Either {
    a: i32,
    b: f32,
}

#[derive(pontoon::FromRow)]
struct Nothing;

fn main() {}
