//! Private servers for the benchmarks, by the test kit: `pontoon-bench-servers DIR NAME...`.
//!
//! For each server that there is, it fills a database and writes a file of its name into `DIR`: port, user, password,
//! database. It carries out
//! orders that come, a line each, through the Unix socket `NAME.control`, and ends with its input, however the one at the
//! other end of that ended: the kit's guardians then end the servers and remove their data.

#[path = "../../../tests/kit/mod.rs"]
mod kit;
mod tables;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use kit::servers::{Engine, MariaDb, PASSWORD, Postgres, Private, Stop, USER, private_with};

/// Database of the benchmarks.
const DATABASE: &str = "bench";

/// Room enough that the rows of the benchmarks stay in memory: what is compared are the programs, not the disk.
const POSTGRES: &[(&str, &str)] = &[("shared_buffers", "256MB"), ("max_wal_size", "2GB"), ("work_mem", "32MB")];
const MARIADB: &[(&str, &str)] = &[
    ("innodb-buffer-pool-size", "256M"),
    ("innodb-log-file-size", "256M"),
    ("max-allowed-packet", "16M"),
    ("local-infile", "1"),
];

fn main() {
    let mut words = std::env::args().skip(1);
    let dir = words.next().expect("DIR NAME...");
    let dir = Path::new(&dir);
    let mut threads = Vec::new();
    for name in words {
        let (engine, settings, tables): (&'static dyn Engine, _, _) = match name.as_str() {
            "postgres" => (&Postgres, POSTGRES, tables::postgres()),
            "mysql" => (&MariaDb, MARIADB, tables::mariadb()),
            other => panic!("no such server: {other}"),
        };
        // Says so itself when there is none.
        let Some(server) = private_with(engine, settings) else { continue };
        server.console().run(&format!("CREATE DATABASE {DATABASE}"));
        let mut console = server.new_console(Some(DATABASE));
        for statement in tables {
            console.run(&statement);
        }
        drop(console);
        let control = UnixListener::bind(dir.join(format!("{name}.control"))).expect("a new socket");
        let address = format!("{}\n{USER}\n{PASSWORD}\n{DATABASE}\n", server.port());
        // Whole or not at all: this file is what others wait for.
        std::fs::write(dir.join("address.new"), address).expect("room");
        std::fs::rename(dir.join("address.new"), dir.join(&name)).expect("the same folder");
        threads.push(obey(server, control));
    }
    println!("ready");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    // The ends of their guardians' pipes are this process's, and go with it. But it waits for them, so that nothing of
    // a server is left when it has ended.
    for (stop, thread) in threads {
        let _ = UnixStream::connect(stop).and_then(|mut order| order.write_all(b"end\n"));
        let _ = thread.join();
    }
}

/// A thread that carries out orders for a server, and where to give them.
fn obey(mut server: Private, control: UnixListener) -> (std::path::PathBuf, std::thread::JoinHandle<()>) {
    let address = control.local_addr().expect("it is bound");
    let path = address.as_pathname().expect("it has a name").to_owned();
    let body = move || {
        for client in control.incoming() {
            let client = client.expect("it is there");
            let mut order = String::new();
            BufReader::new(&client).read_line(&mut order).expect("an order is a line");
            match order.trim() {
                "freeze" => server.freeze(),
                "thaw" => server.thaw(),
                "kill" => server.stop(Stop::Kill),
                "start" => server.start_again(),
                // Of one that is halted, the guardian ends the processes too.
                "end" => return,
                other => panic!("no such order: {other}"),
            }
            // Whoever does not wait for the answer does not get it.
            let _ = (&client).write_all(b"done\n");
        }
    };
    (path, std::thread::spawn(body))
}
