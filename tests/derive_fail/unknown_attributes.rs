#[derive(pontoon::FromRow)]
#[row(rename_al = "camelCase")]
struct First {
    id: i64,
}

#[derive(pontoon::FromRow)]
#[row(rename_all = "Camel")]
struct Second {
    id: i64,
}

#[derive(pontoon::FromRow)]
struct Third {
    #[row(name = "x")]
    id: i64,
}

#[derive(pontoon::FromRow)]
struct Fourth {
    #[row(rename)]
    id: i64,
    #[row(default = 5)]
    count: i64,
}

fn main() {}
