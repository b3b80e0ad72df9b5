//! Pontoon on ODBC drivers, beside what else talks to them.

mod arrow;
mod native;
mod ours;
mod site;

use std::process::ExitCode;

use pontoon_bench_harness::Peer;
use site::Site;

fn main() -> ExitCode {
    let mut peers = [ours::PEER, ours::LOOP, native::PEER, native::CELLS, arrow::PEER];
    let mut status = ExitCode::SUCCESS;
    if std::env::args().nth(1).is_some_and(|word| word == "list") {
        for site in site::SITES.iter().filter(|site| !site.is_there()) {
            let (name, driver) = (site.name, site.driver);
            eprintln!("LEFT OUT: the rows odbc_{name}_* of the group odbc, for want of the ODBC driver `{driver}`");
            for Peer { rows, .. } in &mut peers {
                let left: Vec<_> = rows.iter().copied().filter(|row| Site::of(row).name != name).collect();
                *rows = left.leak();
            }
            status = ExitCode::from(pontoon_bench_harness::LEFT_OUT);
        }
    }
    pontoon_bench_harness::main("odbc", &peers);
    status
}
