//! Reads lines `group<TAB>row<TAB>peer<TAB>value`, in the order of the rounds, and prints the table. Fails when a target
//! is missed.
//!
//! `bench-table [--quick] [--markdown FILE] [--plot FILE]`: also writes shorter ones, to be read by people, and a picture.
//! Quick: a target that is missed is no failure, since there was no time to measure well.

use std::collections::BTreeMap;
use std::process::ExitCode;

use pontoon_bench_harness::measure::median;
use pontoon_bench_harness::plot::{Row, Section, plot};
use pontoon_bench_harness::rows::{ROWS, RowSpec, Target};
use pontoon_bench_harness::{place, process};

/// The values of a row by peer, round by round.
type Peers = BTreeMap<String, Vec<f64>>;

/// Peers by group and row.
type Values = BTreeMap<String, BTreeMap<String, Peers>>;

const OURS: &str = "pontoon";

/// The shorter tables: their titles, and the peers in their columns with the group that each was measured in.
const TABLES: &[(&str, &[(&str, &str)])] = &[
    (
        "SQLite",
        &[
            ("rusqlite", "sqlite"),
            ("r2d2_sqlite", "sqlite"),
            ("sqlx", "sqlx"),
            ("diesel", "orm"),
            ("diesel-async", "orm"),
            ("sea-orm", "orm"),
            ("databasez", "sqlite"),
        ],
    ),
    (
        "SQLite, awaited",
        &[
            ("rusqlite", "awaited"),
            ("pontoon loop", "awaited"),
            ("tokio-rusqlite", "awaited"),
            ("async-sqlite", "awaited"),
            ("deadpool-sqlite", "awaited"),
            ("sqlx", "sqlx"),
        ],
    ),
    (
        "PostgreSQL",
        &[
            ("postgres", "postgres"),
            ("postgres copy", "postgres"),
            ("pontoon execute", "postgres"),
            ("r2d2_postgres", "postgres"),
            ("deadpool-postgres", "postgres"),
            ("sqlx", "postgres"),
            ("databasez", "postgres"),
        ],
    ),
    (
        "MariaDB",
        &[
            ("mysql", "mysql"),
            ("pontoon execute", "mysql"),
            ("mysql_async", "mysql"),
            ("sqlx", "mysql"),
            ("databasez", "mysql"),
        ],
    ),
    ("ODBC", &[("odbc-api", "odbc"), ("arrow-odbc", "odbc"), ("SQLGetData", "odbc"), ("pontoon execute", "odbc")]),
    ("JDBC: H2", &[("java", "jdbc"), ("echo", "jdbc")]),
    ("DB-API: Python's sqlite3", &[("python", "dbapi2")]),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (mut quick, mut file, mut picture) = (false, None, None);
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--quick" => quick = true,
            "--markdown" => file = Some(words.next().expect("--markdown FILE").to_owned()),
            "--plot" => picture = Some(words.next().expect("--plot FILE").to_owned()),
            _ => panic!("bench-table [--quick] [--markdown FILE] [--plot FILE]"),
        }
    }
    let mut values = Values::new();
    for line in std::io::stdin().lines() {
        let line = line.expect("text");
        let fields: Vec<&str> = line.split('\t').collect();
        let [group, row, peer, value] = *fields.as_slice() else { panic!("not four fields: {line}") };
        let of_row = values.entry(group.into()).or_default().entry(row.into()).or_default();
        of_row.entry(peer.into()).or_default().push(value.parse().expect("a number"));
    }
    println!("| row | Pontoon | peers (Pontoon is x times as slow) | spread | target | met |");
    println!("|---|---|---|---|---|---|");
    let mut missed = false;
    for (group, rows) in &values {
        for spec in ROWS {
            if let Some(peers) = rows.get(spec.id) {
                missed |= !print_row(group, spec, peers);
            }
        }
    }
    let written = || -> Result<(), String> {
        if let Some(file) = file {
            place::into_file(file.as_ref(), &markdown(&values))?;
        }
        if let Some(file) = picture {
            std::fs::write(&file, plot(&sections(&values), &how(&values)))
                .map_err(|error| format!("{file}: {error}"))?;
        }
        Ok(())
    };
    if let Err(error) = written() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    if missed && !quick { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn middle(values: &[f64]) -> f64 {
    median(&mut values.to_vec())
}

fn of(peers: &Peers, peer: &str) -> Option<f64> {
    peers.get(peer).map(|values| middle(values))
}

/// What the peer takes while Pontoon takes its median, by the middle of what each round says: what happens to the machine in
/// a round happens to both, and is no part of a comparison. By a quotient, or by a difference where that is promised.
fn beside(peers: &Peers, peer: &str, compare: fn(f64, f64) -> f64, back: fn(f64, f64) -> f64) -> Option<f64> {
    let (ours, theirs) = (peers.get(OURS)?, peers.get(peer)?);
    let rounds: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| compare(*ours, *theirs)).collect();
    let value = back(middle(ours), middle(&rounds));
    // Of nothing there is no part.
    if value.is_finite() { Some(value) } else { of(peers, peer) }
}

/// As a quotient.
fn beside_times(peers: &Peers, peer: &str) -> Option<f64> {
    beside(peers, peer, |ours, theirs| ours / theirs, |ours, ratio| ours / ratio)
}

fn print_row(group: &str, spec: &RowSpec, peers: &Peers) -> bool {
    let Some(ours) = of(peers, OURS) else { return true };
    let others = peers.iter().filter(|(peer, _)| *peer != OURS).map(|(peer, values)| (peer, middle(values)));
    let ratio = |peer: &str| beside_times(peers, peer).map_or(f64::NAN, |theirs| ours / theirs);
    let others: Vec<String> =
        others.map(|(peer, value)| format!("{peer} {} ({:.2} x)", spec.unit.show(value), ratio(peer))).collect();
    let (targets, met) = verdict(spec, peers, ours);
    println!(
        "| {} ({group}) | {} | {} | {} | {} | {} |",
        spec.title,
        spec.unit.show(ours),
        others.join(", "),
        spread(spec, peers),
        targets.join(", "),
        shown(met)
    );
    met.unwrap_or(true)
}

/// The row's own targets that somebody is there for, what else is missed, and whether all is met.
fn verdict(spec: &RowSpec, peers: &Peers, ours: f64) -> (Vec<String>, Option<bool>) {
    let judge = |target: &Target| {
        let met = target.is_met(ours, |peer| match target {
            Target::Over(..) => beside(peers, peer, |ours, theirs| ours - theirs, |ours, more| ours - more),
            _ => beside_times(peers, peer),
        });
        Some((target.show(spec.unit), met?))
    };
    let own: Vec<(String, bool)> = spec.targets.iter().filter_map(judge).collect();
    let beside: Vec<(String, bool)> = spec.beside_rivals().iter().filter_map(judge).collect();
    let mut judged = own.iter().chain(&beside);
    let met = judged.clone().next().map(|_| judged.all(|(_, met)| *met));
    let told = own.iter().chain(beside.iter().filter(|(_, met)| !met)).map(|(shown, _)| shown.clone());
    (told.collect(), met)
}

fn shown(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "",
    }
}

/// From the best round to the worst, in what the target is about: what happens to the machine in a round happens to all
/// peers, so that a comparison varies less than the values it is made of.
fn spread(spec: &RowSpec, peers: &Peers) -> String {
    let ours = &peers[OURS];
    let show = |values: Vec<f64>, show: &dyn Fn(f64) -> String| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!("{} .. {}", show(least), show(most))
    };
    let with = |peer: &str, compare: fn(f64, f64) -> f64| {
        let theirs = peers.get(peer).filter(|theirs| theirs.len() == ours.len())?;
        Some(ours.iter().zip(theirs).map(|(ours, theirs)| compare(*ours, *theirs)).collect())
    };
    let times = |peer: &str| {
        with(peer, |ours, theirs| ours / theirs).map(|ratios| show(ratios, &|ratio| format!("{ratio:.2} x")))
    };
    let compared = spec.targets.iter().find_map(|target| match *target {
        Target::Times(peer, _) => times(peer),
        Target::Best(others, _) => {
            let medians = others.iter().filter_map(|peer| Some((*peer, of(peers, peer)?)));
            times(medians.min_by(|one, other| one.1.total_cmp(&other.1))?.0)
        }
        Target::Over(peer, _) => {
            let sign = |more: f64| if more < 0.0 { "-" } else { "+" };
            with(peer, |ours, theirs| ours - theirs)
                .map(|more| show(more, &|more| format!("{} {}", sign(more), spec.unit.show(more.abs()))))
        }
        Target::AtMost(_) => None,
    });
    compared.unwrap_or_else(|| show(ours.clone(), &|value| spec.unit.show(value)))
}

/// The tables for those who use the library: what each thing takes, and how many times as long the others take for it.
fn markdown(values: &Values) -> String {
    let mut text = String::new();
    for (title, columns) in TABLES {
        let row_of = |group: &str, id: &str| values.get(group).and_then(|rows| rows.get(id));
        let mut lines = String::new();
        for spec in ROWS {
            // A group can have columns in several tables: a row stands where its group has the first one.
            let Some(peers) = row_of(columns[0].1, spec.id) else { continue };
            let Some(ours) = of(peers, OURS) else { continue };
            lines += &format!("| {} | {} |", spec.title, spec.unit.show(ours));
            let (mut promised, mut kept) = (Vec::new(), None);
            let mut asked: Vec<&str> = Vec::new();
            for (peer, group) in *columns {
                let Some(peers) = row_of(group, spec.id) else {
                    lines += " |";
                    continue;
                };
                let ours = of(peers, OURS).unwrap_or(f64::NAN);
                match of(peers, peer) {
                    Some(theirs) => {
                        let ratio = beside_times(peers, peer).map_or(f64::NAN, |theirs| theirs / ours);
                        lines += &format!(" {} ({ratio:.2} x) |", spec.unit.show(theirs));
                    }
                    None => lines += " |",
                }
                if !asked.contains(group) {
                    asked.push(group);
                    let (targets, met) = verdict(spec, peers, ours);
                    for target in targets {
                        if !promised.contains(&target) {
                            promised.push(target);
                        }
                    }
                    kept = met.map_or(kept, |met| Some(met && kept.unwrap_or(true)));
                }
            }
            lines += &format!(" {} | {} |\n", promised.join(", "), shown(kept));
        }
        if lines.is_empty() {
            continue;
        }
        let heads: Vec<&str> = columns.iter().map(|(peer, _)| *peer).collect();
        text += &format!("**{title}**\n\n| | Pontoon | {} | promised | kept |\n", heads.join(" | "));
        text += &format!("|---|---{}|---|---|\n{lines}\n", "|---".repeat(columns.len()));
    }
    text += &how(values);
    text += " In parentheses: how many times as long as Pontoon, the median of what each round says. Promised of every row besides: no more time than \
             sqlx, sea-orm, diesel-async and databasez take, and 1.1 times that of diesel and r2d2_sqlite; they are named \
             where that is not kept. What stands in a column of its own lock file (sqlx, diesel \
             and sea-orm on SQLite) is compared with the Pontoon built there. `benches/run` measures it on your machine.\n";
    text
}

/// How the figures came about.
fn how(values: &Values) -> String {
    let rounds = values.values().flat_map(BTreeMap::values).flat_map(BTreeMap::values).map(Vec::len).max().unwrap_or(0);
    format!("Medians of {rounds} rounds on {}.", process::machine())
}

/// The same as a picture: where a row has a value of Pontoon's that is not zero.
fn sections(values: &Values) -> Vec<Section> {
    let section = |(title, columns): &(&str, &[(&str, &str)])| {
        let row = |spec: &RowSpec| {
            let in_group = |group: &str| values.get(group).and_then(|rows| rows.get(spec.id));
            let ours = of(in_group(columns[0].1)?, OURS)?;
            let peers: Vec<(String, f64)> = columns
                .iter()
                .filter_map(|(peer, group)| {
                    let peers = in_group(group)?;
                    let ratio = beside_times(peers, peer)? / of(peers, OURS)?;
                    (ratio.is_finite() && ratio > 0.0).then(|| ((*peer).to_owned(), ratio))
                })
                .collect();
            let row = Row { title: spec.title.to_owned(), ours: spec.unit.show(ours), peers };
            (!row.peers.is_empty()).then_some(row)
        };
        Section { title: (*title).to_owned(), rows: ROWS.iter().filter_map(row).collect() }
    };
    TABLES.iter().map(section).filter(|section| !section.rows.is_empty()).collect()
}
