#[derive(pontoon::FromRow)]
struct All {
    #[row(json, try_from = "String")]
    a: i64,
    #[row(rename = "x")]
    #[row(rename = "y")]
    b: i64,
    #[row(flatten, rename = "x")]
    c: Inner,
    #[row(flatten, default)]
    d: Inner,
    #[row(prefix = "x_")]
    e: i64,
    #[row(skip, rename = "x")]
    f: i64,
    #[row(flatten)]
    g: Option<Inner>,
    #[row(flatten, prefix = "")]
    h: Inner,
}

#[derive(pontoon::FromRow)]
struct Inner {
    id: i64,
}

fn main() {}
