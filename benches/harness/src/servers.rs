//! The server that `pontoon-bench-servers` runs for a benchmark: where it is, and the power over it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::Env;

/// A server, as clients need it.
#[derive(Clone, Debug)]
pub struct Server {
    pub port: u16,
    pub user: String,
    pub password: String,
    pub database: String,
    control: PathBuf,
}

impl Env {
    /// The server of this name.
    pub fn server(&self, name: &str) -> Server {
        let text = std::fs::read_to_string(self.dir.join(name)).expect("benches/run has started a server");
        let [port, user, password, database] = *text.lines().collect::<Vec<_>>().as_slice() else {
            panic!("not four lines: {name}")
        };
        Server {
            port: port.parse().expect("a port"),
            user: user.into(),
            password: password.into(),
            database: database.into(),
            control: self.dir.join(format!("{name}.control")),
        }
    }
}

impl Server {
    /// Its URL; the password is encoded to the last character.
    pub fn url(&self, scheme: &str) -> String {
        let password: String = self.password.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("{scheme}://{}:{password}@127.0.0.1:{}/{}", self.user, self.port, self.database)
    }

    /// Halts all of its processes: from now on nothing is answered.
    pub fn freeze(&self) {
        self.order("freeze");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.order("thaw");
    }

    /// Ends all of its processes at once.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts it again, on the same port.
    pub fn start(&self) {
        self.order("start");
    }

    fn order(&self, order: &str) {
        let mut control = UnixStream::connect(&self.control).expect("benches/run has started a server");
        writeln!(control, "{order}").expect("it listens");
        let mut answer = String::new();
        BufReader::new(&control).read_line(&mut answer).expect("it answers");
        assert_eq!(answer.trim(), "done", "the server could not be told to {order}");
    }
}
