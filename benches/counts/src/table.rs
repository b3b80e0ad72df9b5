//! The table: a line for each row, with its instructions and how many per cent more of them are let pass.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// What is let pass where the table says nothing else.
const TOLERANCE: f64 = 3.0;

pub struct Table {
    /// Which compiler made what was counted.
    pub compiler: String,
    entries: Vec<Entry>,
}

pub struct Entry {
    name: String,
    pub count: u64,
    /// In per cent.
    pub tolerance: f64,
}

impl Table {
    /// One that is not there is empty.
    pub fn read(path: &Path) -> Table {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let compiler = text.lines().find_map(|line| line.strip_prefix("# compiler: ")).unwrap_or("none").to_owned();
        let entries = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let [name, count, tolerance] = *cells.as_slice() else { panic!("three cells and tabs, not: {line}") };
            Entry {
                name: name.to_owned(),
                count: count.parse().expect("a count"),
                tolerance: tolerance.parse().expect("a number of per cent"),
            }
        });
        Table { compiler, entries: entries.collect() }
    }

    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// With new counts and the tolerances of this one.
    pub fn renewed(&self, counted: &[(&str, u64)]) -> Table {
        let entries = counted.iter().map(|&(name, count)| {
            let tolerance = self.entry(name).map_or(TOLERANCE, |entry| entry.tolerance);
            Entry { name: name.to_owned(), count, tolerance }
        });
        Table { compiler: compiler(), entries: entries.collect() }
    }

    pub fn write(&self, path: &Path) {
        let mut text = format!("# compiler: {}\n# row\tinstructions\ttolerance in per cent\n", self.compiler);
        for Entry { name, count, tolerance } in &self.entries {
            let _ = writeln!(text, "{name}\t{count}\t{tolerance}");
        }
        std::fs::write(path, text).expect("the table");
    }
}

/// The compiler, as it calls itself.
pub fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output().expect("rustc");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
