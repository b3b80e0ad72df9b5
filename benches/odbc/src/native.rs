//! `odbc-api` as a good program uses it: rows in blocks of arrays, statements prepared once, inserts from arrays. And as
//! most programs use ODBC: row by row, cell by cell.

use odbc_api::buffers::{BufferDesc, ColumnarDynBuffer};
use odbc_api::{
    BindParamDesc, Connection, ConnectionOptions, Cursor, CursorRow, Environment, Nullable, ResultSetMetadata as _,
};
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data};

use crate::ours::{check_sink, clear};
use crate::site::{CHUNK, Site, TEXT};

pub const PEER: Peer = Peer {
    name: "odbc-api",
    run,
    rows: &[
        "odbc_postgres_point",
        "odbc_postgres_fetch_all",
        "odbc_mysql_point",
        "odbc_mysql_fetch_all",
        "odbc_mysql_bulk",
        "odbc_sqlite_point",
        "odbc_sqlite_fetch_all",
    ],
};

/// A call to the driver for each row, and one for each cell.
pub const CELLS: Peer = Peer {
    name: "SQLGetData",
    run: |row, env| Some(by_cells(env, &open(env, Site::of(row)))),
    rows: &["odbc_postgres_fetch_all", "odbc_mysql_fetch_all", "odbc_sqlite_fetch_all"],
};

pub fn open(env: &Env, site: &Site) -> Connection<'static> {
    let environment = odbc_api::environment().expect("a driver manager");
    connect(environment, &site.string_by_file(env))
}

fn connect(environment: &'static Environment, string: &str) -> Connection<'static> {
    environment.connect_with_connection_string(string, ConnectionOptions::default()).expect("a database")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let site = Site::of(row);
    let conn = open(env, site);
    Some(match row.rsplit_once('_')?.1 {
        "point" => point(env, &conn),
        "all" => by_blocks(env, &conn),
        "bulk" => bulk(env, site, &conn),
        _ => return None,
    })
}

/// Buffers that a row is read through.
#[derive(Default)]
struct Cells {
    name: Vec<u8>,
    mail: Vec<u8>,
}

impl Cells {
    fn read(&mut self, row: &mut CursorRow<'_>) -> Result<data::Person, odbc_api::Error> {
        let (mut id, mut age, mut score) = (Nullable::<i64>::null(), Nullable::<i64>::null(), Nullable::<f64>::null());
        row.get_data(1, &mut id)?;
        row.get_text(2, &mut self.name)?;
        row.get_data(3, &mut age)?;
        row.get_data(4, &mut score)?;
        row.get_text(5, &mut self.mail)?;
        let number = |cell: Nullable<i64>| cell.into_opt().expect("a number");
        Ok((number(id), text(&self.name), number(age), score.into_opt().expect("a number"), text(&self.mail)))
    }
}

fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).expect("UTF-8").to_owned()
}

fn point(env: &Env, conn: &Connection<'_>) -> Outcome {
    let mut point = conn.prepare(data::POINT).expect("a statement");
    let mut cells = Cells::default();
    env.measure(10, |number, digest| {
        let mut cursor = point.execute(&data::key(number)).expect("rows").expect("rows");
        let mut row = cursor.next_row().expect("a row").expect("a row");
        let (id, name, age, score, mail) = cells.read(&mut row).expect("five cells");
        digest.person((id, &name, age, score, &mail));
    })
}

fn by_cells(env: &Env, conn: &Connection<'_>) -> Outcome {
    let mut cells = Cells::default();
    env.measure(1, |_, digest| {
        let mut cursor = conn.execute(data::ALL, (), None).expect("rows").expect("rows");
        let mut people = Vec::new();
        while let Some(mut row) = cursor.next_row().expect("rows") {
            people.push(cells.read(&mut row).expect("five cells"));
        }
        read(&people, digest);
    })
}

fn read(people: &[data::Person], digest: &mut Digest) {
    for (id, name, age, score, mail) in people {
        digest.person((*id, name, *age, *score, mail));
    }
}

fn by_blocks(env: &Env, conn: &Connection<'_>) -> Outcome {
    env.measure(1, |_, digest| {
        let mut cursor = conn.execute(data::ALL, (), None).expect("rows").expect("rows");
        assert_eq!(cursor.num_result_cols().expect("columns"), 5);
        let number = BufferDesc::I64 { nullable: false };
        let text = BufferDesc::Text { max_str_len: TEXT };
        let columns = [number, text, number, BufferDesc::F64 { nullable: false }, text];
        let mut blocks = cursor.bind_buffer(ColumnarDynBuffer::from_descs(CHUNK, columns)).expect("a block");
        let mut people: Vec<data::Person> = Vec::new();
        while let Some(block) = blocks.fetch_with_truncation_check(true).expect("rows") {
            let numbers = |column| block.column(column).as_slice::<i64>().expect("numbers");
            let texts = |column| block.column(column).as_text().expect("texts");
            let (ids, names, ages, mails) = (numbers(0), texts(1), numbers(2), texts(4));
            let scores = block.column(3).as_slice::<f64>().expect("numbers");
            for row in 0..block.num_rows() {
                let text = |cell: Option<&[u8]>| self::text(cell.expect("a text"));
                people.push((ids[row], text(names.get(row)), ages[row], scores[row], text(mails.get(row))));
            }
        }
        read(&people, digest);
    })
}

/// In one transaction, a thousand rows a call.
fn bulk(env: &Env, site: &Site, conn: &Connection<'_>) -> Outcome {
    let people = env.written();
    conn.set_autocommit(false).expect("transactions");
    let number = BindParamDesc::i64(false);
    let text = BindParamDesc::text(TEXT);
    let columns = [number, text, number, BindParamDesc::f64(false), text];
    let prepared = conn.prepare(data::INSERT).expect("a statement");
    let mut inserter = prepared.into_column_inserter(CHUNK, columns).expect("arrays");
    env.measure_with(clear(env, site), |_, digest| {
        for chunk in people.chunks(CHUNK) {
            inserter.set_num_rows(chunk.len());
            let ids = inserter.column_mut(0).as_slice::<i64>().expect("numbers");
            ids.iter_mut().zip(chunk).for_each(|(cell, person)| *cell = person.0);
            let mut names = inserter.column_mut(1).as_text().expect("texts");
            chunk.iter().enumerate().for_each(|(row, person)| names.set_cell(row, Some(person.1.as_bytes())));
            let ages = inserter.column_mut(2).as_slice::<i64>().expect("numbers");
            ages.iter_mut().zip(chunk).for_each(|(cell, person)| *cell = person.2);
            let scores = inserter.column_mut(3).as_slice::<f64>().expect("numbers");
            scores.iter_mut().zip(chunk).for_each(|(cell, person)| *cell = person.3);
            let mut mails = inserter.column_mut(4).as_text().expect("texts");
            chunk.iter().enumerate().for_each(|(row, person)| mails.set_cell(row, Some(person.4.as_bytes())));
            inserter.execute().expect("nobody else");
        }
        conn.commit().expect("nobody else");
        check_sink(env, site, digest);
    })
    .per(people.len() as f64)
}
