//! sea-orm, over sqlx, driven from a plain thread that blocks on each call.

use std::path::Path;
use std::time::Instant;

use futures_util::TryStreamExt;
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data, process};
use sea_orm::{
    ActiveValue::Set, ConnectOptions, Database, DatabaseConnection, DbBackend, EntityTrait, Statement, TransactionTrait,
};
use tokio::runtime::Runtime;

use crate::bare::{check_sink, clear};
use crate::tables::AT_ONCE;

/// It lends no connection but in a transaction, so that there is no held one.
pub const PEER: Peer =
    Peer { name: "sea-orm", run, rows: &["point_db", "insert_1000", "fetch_all", "execute_many", "stream_10m"] };

mod people {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "people")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub name: String,
        pub age: i64,
        pub score: f64,
        pub mail: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod sink {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "sink")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub name: String,
        pub age: i64,
        pub score: f64,
        pub mail: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

async fn open(path: &Path) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite://{}", path.display()));
    options.max_connections(4).sqlx_logging(false);
    options.map_sqlx_sqlite_opts(|options| options.pragma("synchronous", "NORMAL").pragma("cache_size", "-16000"));
    Database::connect(options).await.expect("a file")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let _within = runtime.enter();
    Some(match row {
        "point_db" => {
            let db = runtime.block_on(open(&env.people()));
            env.measure(100, |number, digest| {
                let point = people::Entity::find_by_id(data::key(number)).one(&db);
                read(digest, &runtime.block_on(point).expect("a row").expect("a row"));
            })
        }
        "fetch_all" => {
            let db = runtime.block_on(open(&env.people()));
            env.measure(1, |_, digest| {
                let rows = runtime.block_on(people::Entity::find().all(&db)).expect("rows");
                rows.iter().for_each(|row| read(digest, row));
            })
        }
        "insert_1000" => insert(env, &runtime, &data::people()[..1000], 1),
        "execute_many" => insert(env, &runtime, &data::people(), AT_ONCE),
        "stream_10m" => stream(env, &runtime),
        _ => return None,
    })
}

fn read(digest: &mut Digest, person: &people::Model) {
    digest.person((person.id, &person.name, person.age, person.score, &person.mail));
}

fn active((id, name, age, score, mail): &data::Person) -> sink::ActiveModel {
    let (name, mail) = (name.clone(), mail.clone());
    sink::ActiveModel { id: Set(*id), name: Set(name), age: Set(*age), score: Set(*score), mail: Set(mail) }
}

/// In a transaction, so many in a statement.
fn insert(env: &Env, runtime: &Runtime, people: &[data::Person], each: usize) -> Outcome {
    let file = env.sink();
    let db = runtime.block_on(open(&file.path));
    env.measure_with(clear(&file.path), |_, digest| {
        let write = async {
            let tx = db.begin().await.expect("nobody else");
            for chunk in people.chunks(each) {
                if let [one] = chunk {
                    sink::Entity::insert(active(one)).exec_without_returning(&tx).await.expect("a row");
                } else {
                    let rows = sink::Entity::insert_many(chunk.iter().map(active));
                    rows.exec_without_returning(&tx).await.expect("rows");
                }
            }
            tx.commit().await.expect("nobody else");
        };
        runtime.block_on(write);
        check_sink(env, &file.path, digest);
    })
}

fn stream(env: &Env, runtime: &Runtime) -> Outcome {
    let db = runtime.block_on(open(&env.people()));
    let repeats = env.repeats();
    let begun = Instant::now();
    let mut digest = Digest::default();
    runtime.block_on(async {
        let query = Statement::from_sql_and_values(DbBackend::Sqlite, data::STREAM, [repeats.into()]);
        let mut rows = people::Entity::find().from_raw_sql(query).stream(&db).await.expect("rows");
        while let Some(row) = rows.try_next().await.expect("a row") {
            read(&mut digest, &row);
        }
    });
    let rows = repeats as f64 * data::PEOPLE as f64;
    Outcome::of(digest.0, begun.elapsed().as_secs_f64() / rows).and("stream_10m_memory", process::peak_memory())
}
