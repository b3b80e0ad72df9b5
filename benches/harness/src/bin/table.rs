//! Reads lines `group<TAB>row<TAB>peer<TAB>value`, in the order of the rounds, and prints the table. Fails when a target
//! is missed.
//!
//! `bench-table [--markdown FILE]`: also writes a shorter one, to be read by people.

use std::collections::BTreeMap;
use std::process::ExitCode;

use pontoon_bench_harness::measure::median;
use pontoon_bench_harness::process;
use pontoon_bench_harness::rows::{ROWS, RowSpec, Target};

/// The values of a row by peer, round by round.
type Peers = BTreeMap<String, Vec<f64>>;

/// Peers by group and row.
type Values = BTreeMap<String, BTreeMap<String, Peers>>;

const OURS: &str = "pontoon";

/// The group whose rows are the shorter table's, and those that others are found in.
const MAIN: &str = "sqlite";
const COLUMNS: [(&str, &str); 3] = [("rusqlite", MAIN), ("r2d2_sqlite", MAIN), ("sqlx", "sqlx")];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let file = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => None,
        ["--markdown", file] => Some((*file).to_owned()),
        _ => panic!("bench-table [--markdown FILE]"),
    };
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
    if let Some(file) = file {
        std::fs::write(file, markdown(&values)).expect("a file that can be written");
    }
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn middle(values: &[f64]) -> f64 {
    median(&mut values.to_vec())
}

fn of(peers: &Peers, peer: &str) -> Option<f64> {
    peers.get(peer).map(|values| middle(values))
}

fn print_row(group: &str, spec: &RowSpec, peers: &Peers) -> bool {
    let Some(ours) = of(peers, OURS) else { return true };
    let others = peers.iter().filter(|(peer, _)| *peer != OURS).map(|(peer, values)| (peer, middle(values)));
    let others: Vec<String> =
        others.map(|(peer, value)| format!("{peer} {} ({:.2} x)", spec.unit.show(value), ours / value)).collect();
    let met = spec.target.is_met(ours, |peer| of(peers, peer));
    println!(
        "| {} ({group}) | {} | {} | {} | {} | {} |",
        spec.title,
        spec.unit.show(ours),
        others.join(", "),
        spread(spec, peers),
        spec.target.show(spec.unit),
        verdict(met)
    );
    met.unwrap_or(true)
}

fn verdict(met: Option<bool>) -> &'static str {
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
    let compared = match spec.target {
        Target::Times(peer, _) => {
            with(peer, |ours, theirs| ours / theirs).map(|ratios| show(ratios, &|ratio| format!("{ratio:.2} x")))
        }
        Target::Over(peer, _) => {
            let sign = |more: f64| if more < 0.0 { "-" } else { "+" };
            with(peer, |ours, theirs| ours - theirs)
                .map(|more| show(more, &|more| format!("{} {}", sign(more), spec.unit.show(more.abs()))))
        }
        Target::AtMost(_) => None,
    };
    compared.unwrap_or_else(|| show(ours.clone(), &|value| spec.unit.show(value)))
}

/// The table for those who use the library: what each thing takes, and how many times as long the others take for it.
fn markdown(values: &Values) -> String {
    let mut text = String::from(
        "| | Pontoon | rusqlite | r2d2 + rusqlite | sqlx | promised | kept |\n|---|---|---|---|---|---|---|\n",
    );
    let row_of = |group: &str, id: &str| values.get(group).and_then(|rows| rows.get(id));
    for spec in ROWS {
        let Some(peers) = row_of(MAIN, spec.id) else { continue };
        let Some(ours) = of(peers, OURS) else { continue };
        text += &format!("| {} | {} |", spec.title, spec.unit.show(ours));
        for (peer, group) in COLUMNS {
            let theirs = row_of(group, spec.id).and_then(|peers| Some((of(peers, peer)?, of(peers, OURS)?)));
            match theirs {
                Some((theirs, ours)) => text += &format!(" {} ({:.2} x) |", spec.unit.show(theirs), theirs / ours),
                None => text += " |",
            }
        }
        let met = spec.target.is_met(ours, |peer| of(peers, peer));
        text += &format!(" {} | {} |\n", spec.target.show(spec.unit), verdict(met));
    }
    let rounds = values.values().flat_map(BTreeMap::values).flat_map(BTreeMap::values).map(Vec::len).max().unwrap_or(0);
    text += &format!(
        "\nMedians of {rounds} rounds on {}. In parentheses: how many times as long as Pontoon. What is compared with sqlx \
         is built with the SQLite that sqlx wants. `benches/run` measures it on your machine.\n",
        process::machine()
    );
    text
}
