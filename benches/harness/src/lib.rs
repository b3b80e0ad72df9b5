//! What all groups of benchmarks share: the rows and their targets, the data, and how time and memory are measured.
//!
//! A group is a package with one binary. One run of it measures one row for one peer and prints what it found;
//! `benches/run` alternates the runs and `bench-table` makes one table of them.

pub mod data;
pub mod measure;
pub mod place;
pub mod plot;
pub mod process;
pub mod rows;
pub mod servers;

pub use measure::{Digest, Env, Outcome};

use std::path::PathBuf;
use std::time::Duration;

/// The status of a group's program that lists rows, when some of its rows were left out for want of what they run on.
pub const LEFT_OUT: u8 = 3;

/// Something that can be compared: it measures the rows it has, and says nothing about others.
pub struct Peer {
    /// As it is called in the table.
    pub name: &'static str,
    /// Measures a row, if it is one that this peer has.
    pub run: fn(row: &str, env: &Env) -> Option<Outcome>,
    /// The rows it has.
    pub rows: &'static [&'static str],
}

/// The command line of a group's binary:
///
/// - `list` prints a line for each row and peer;
/// - `check DIR ROW PEER` runs it once and prints a digest of what was read;
/// - `time DIR ROW PEER MILLIS` measures it for about so long and prints its figures;
/// - `repeat DIR ROW PEER RUNS` runs it so many times and prints nothing: for a profiler.
pub fn main(group: &str, peers: &[Peer]) {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (env, row, peer) = match *words.as_slice() {
        ["list"] => {
            for row in rows::ROWS {
                for peer in peers.iter().filter(|peer| peer.rows.contains(&row.id)) {
                    println!("{group}\t{}\t{}", row.id, peer.name);
                }
            }
            return;
        }
        ["check", dir, row, peer] => (Env::checking(PathBuf::from(dir)), row, peer),
        ["time", dir, row, peer, millis] => {
            let millis = millis.parse().expect("a number of milliseconds");
            (Env::timing(PathBuf::from(dir), Duration::from_millis(millis)), row, peer)
        }
        ["repeat", dir, row, peer, runs] => {
            (Env::repeating(PathBuf::from(dir), runs.parse().expect("a number of runs")), row, peer)
        }
        _ => panic!("list | check DIR ROW PEER | time DIR ROW PEER MILLIS | repeat DIR ROW PEER RUNS"),
    };
    // A program that shares connections has several threads, and in a process with only one the C library locks without
    // atomics and the kernel looks files up without counting: nobody is measured like that.
    std::thread::spawn(|| {
        loop {
            std::thread::park();
        }
    });
    // One peer may stand in several parts, each with its rows.
    let is_asked = |candidate: &&Peer| candidate.name == peer && candidate.rows.contains(&row);
    let peer = peers.iter().find(is_asked).expect("a peer of this group that has the row");
    let outcome = (peer.run)(row, &env).expect("a row of this peer");
    if env.is_checking() {
        println!("{group}\t{row}\t{}\t{:016x}", peer.name, outcome.digest);
        return;
    }
    if env.is_repeating() {
        return;
    }
    for (figure, value) in outcome.figures {
        let row = figure.unwrap_or(row);
        println!("{group}\t{row}\t{}\t{value:e}", peer.name);
    }
}
