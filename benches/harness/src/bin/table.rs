//! Reads lines `group<TAB>row<TAB>peer<TAB>value` and prints the table. Fails when a target is missed.

use std::collections::BTreeMap;
use std::process::ExitCode;

use pontoon_bench_harness::measure::median;
use pontoon_bench_harness::rows::{ROWS, RowSpec};

/// Values by group, row and peer.
type Values = BTreeMap<String, BTreeMap<String, BTreeMap<String, Vec<f64>>>>;

const OURS: &str = "pontoon";

fn main() -> ExitCode {
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
    for (group, rows) in &mut values {
        for spec in ROWS {
            if let Some(peers) = rows.get_mut(spec.id) {
                missed |= !print_row(group, spec, peers);
            }
        }
    }
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn print_row(group: &str, spec: &RowSpec, peers: &mut BTreeMap<String, Vec<f64>>) -> bool {
    let medians: BTreeMap<String, f64> =
        peers.iter_mut().map(|(peer, values)| (peer.clone(), median(values))).collect();
    let Some(&ours) = medians.get(OURS) else { return true };
    let others = medians.iter().filter(|(peer, _)| *peer != OURS);
    let others: Vec<String> =
        others.map(|(peer, value)| format!("{peer} {} ({:.2} x)", spec.unit.show(*value), ours / value)).collect();
    let spread = peers.get(OURS).and_then(|values| values.first().zip(values.last()));
    let spread =
        spread.map_or_else(String::new, |(min, max)| format!("{} .. {}", spec.unit.show(*min), spec.unit.show(*max)));
    let met = spec.target.is_met(ours, |peer| medians.get(peer).copied());
    println!(
        "| {} ({group}) | {} | {} | {spread} | {} | {} |",
        spec.title,
        spec.unit.show(ours),
        others.join(", "),
        spec.target.show(spec.unit),
        match met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        }
    );
    met.unwrap_or(true)
}
